"""Everything after the memory: value skip, norm, local branch, fusion, gate and the projection back."""

from tasks.agents.grammar.part import HEADS, Part, per_head, projection, rotates_early, source_of
from tasks.agents.grammar.space import Design


def local_branch(design: Design) -> Part:
    """What looks at the nearest tokens: a softmax window over plain queries and keys, or a convolution of values."""
    if design.local_branch == "none":
        return Part()
    if design.local_branch == "conv8":
        return Part(
            equations=("l_t = conv8(v)_t",),
            init=("self.local_conv = nn.Parameter(torch.empty(inner, 8).uniform_(-(8**-0.5), 8**-0.5))",),
            forward=(f"local = short_conv(v.flatten(2), self.local_conv, activation=None){HEADS}",),
        )
    width = int(design.local_branch.removeprefix("window"))
    turned = design.position == "rotary" and not rotates_early(design)
    q, k = ("rotary(q)", "rotary(k)") if turned else ("q", "k")
    words = "R_t q_t and R_t k_t (rotary)" if turned else "q_t and k_t"
    return Part(
        equations=(f"l_t = softmax attention of {words} over the last {width} tokens",),
        forward=(f"local = window_attention({q}, {k}, v, window={width})  # [B, T, H, V]",),
    )


def value_skip(design: Design) -> Part:
    """A direct path from the value to the head's output, like D in Mamba (Gu and Dao 2023)."""
    if design.value_skip == "per_head":
        return Part(
            equations=("o_t <- o_t + d_h v_t",),
            init=("self.skip = nn.Parameter(torch.zeros(n_heads))",),
            forward=("o = o + self.skip.unsqueeze(-1) * v",),
        )
    if design.value_skip == "gated":
        return Part(
            equations=("o_t <- o_t + sigmoid(W_d x_t) v_t, one gate per head",),
            init=(per_head("skip_proj"), "nn.init.constant_(self.skip_proj.bias, -2.0)  # nearly closed at first"),
            forward=(f"o = o + torch.sigmoid(self.skip_proj({source_of(design, 'c')})).unsqueeze(-1) * v",),
        )
    return Part()


def gated_in_norm(design: Design) -> bool:
    """Whether one kernel does norm and gate together: an RMS norm that a SiLU gate follows at once."""
    return design.output_norm == "rms" and design.output_gate == "silu" and design.local_branch == "none"


def output_norm(design: Design) -> Part:
    """One norm per head, over its channels."""
    if design.output_norm == "rms":
        init = ("self.norm_weight = nn.Parameter(torch.ones(head_dim))",)
        if gated_in_norm(design):
            gate = f"self.gate_proj({source_of(design, 'c')}){HEADS}"
            return Part(
                equations=("o_t <- rms(o_t) silu(W_g x_t)",),
                init=(*init, projection("gate_proj", design)),
                forward=(f"o = rms_norm_gate(o, self.norm_weight, {gate})",),
            )
        return Part(equations=("o_t <- rms(o_t)",), init=init, forward=("o = rms_norm_gate(o, self.norm_weight)",))
    if design.output_norm == "layer":
        return Part(
            equations=("o_t <- layernorm(o_t)",),
            init=("self.norm = nn.LayerNorm(head_dim)",),
            forward=("o = self.norm(o)",),
        )
    if design.output_norm == "l2":
        return Part(
            equations=("o_t <- V^1/2 l2(o_t)",), forward=("o = l2_norm(o) * o.shape[-1] ** 0.5  # mean square of one",)
        )
    return Part()


def fusion(design: Design) -> Part:
    """How the memory's read and the local branch become one. ``concat`` waits for the output gate."""
    if design.local_branch == "none" or design.fusion == "concat":
        return Part()
    if design.fusion == "sum":
        return Part(equations=("o_t <- o_t + l_t",), forward=("o = o + local",))
    if design.fusion == "learned_scalar":
        return Part(
            equations=("o_t <- (1 - s_h) o_t + s_h l_t, with s_h = sigmoid(learnt)",),
            init=("self.local_share = nn.Parameter(torch.zeros(n_heads))",),
            forward=("o = o + torch.sigmoid(self.local_share).unsqueeze(-1) * (local - o)",),
        )
    call = (f"o = self.fused({source_of(design, 'c')}, o, local)",)
    if design.fusion == "content_gate":
        return Part(
            equations=(
                "o_t <- p_t o_t + (1 - p_t) l_t per head, with p_t from "
                "softmax(exp(c_h) W_r [x_t, log(1 + |o_t|), log(1 + |l_t|)])",
            ),
            init=(
                "self.router = nn.Linear(d_model + 2 * n_heads, 2 * n_heads)",
                "self.router_sharpness = nn.Parameter(torch.zeros(n_heads))",
            ),
            forward=call,
            method=(
                "def fused(self, x: Tensor, o: Tensor, local: Tensor) -> Tensor:",
                '    """Weigh both branches [B, T, H, V] per token and head, from the token and how loud each is."""',
                "    branches = torch.stack([o, local], dim=-2)  # [B, T, H, 2, V]",
                "    loudness = branches.abs().mean(dim=-1).log1p()  # [B, T, H, 2]",
                "    logits = self.router(torch.cat([x, loudness.flatten(2)], dim=-1)).view_as(loudness)",
                "    weights = torch.softmax(logits * self.router_sharpness.exp().unsqueeze(-1), dim=-1)",
                "    return (weights.unsqueeze(-1) * branches).sum(dim=-2)",
            ),
        )
    return Part(
        equations=("o_t <- (1 - s_t) g_t o_t + s_t g'_t l_t, with s_t, g_t, g'_t = sigmoid(W x_t) per head",),
        init=(
            per_head("share_proj"),
            per_head("path_proj", "2 * "),
            "nn.init.constant_(self.path_proj.bias, 2.0)  # both paths start nearly open",
        ),
        forward=call,
        method=(
            "def fused(self, x: Tensor, o: Tensor, local: Tensor) -> Tensor:",
            '    """Split a head between both branches [B, T, H, V] by a first gate, open each by a second."""',
            "    share = torch.sigmoid(self.share_proj(x)).unsqueeze(-1)  # [B, T, H, 1]",
            "    open_global, open_local = torch.sigmoid(self.path_proj(x)).unsqueeze(-1).chunk(2, dim=2)",
            "    return (1 - share) * open_global * o + share * open_local * local",
        ),
    )


def output_gate(design: Design) -> Part:
    """What passes to the output projection; with ``concat`` the gate acts on both branches alike."""
    concat = design.fusion == "concat"
    if design.output_gate == "none" or gated_in_norm(design):
        if not concat:
            return Part()
        return Part(equations=("o_t <- [o_t, l_t]",), forward=("o = torch.cat([o, local], dim=-1)  # [B, T, H, 2V]",))
    stream = source_of(design, "c")
    if design.output_gate == "head_scalar":
        init, gate = per_head("gate_proj"), f"torch.sigmoid(self.gate_proj({stream})).unsqueeze(-1)"
        words = "sigmoid(W_g x_t), one gate per head"
    else:
        function = {"sigmoid": "torch.sigmoid", "silu": "F.silu"}[design.output_gate]
        init, gate = projection("gate_proj", design), f"{function}(self.gate_proj({stream})){HEADS}"
        words = f"{design.output_gate}(W_g x_t)"
    if concat:
        return Part(
            equations=(f"o_t <- [g_t o_t, g_t l_t], with g_t = {words}",),
            init=(init,),
            forward=(f"gate = {gate}", "o = torch.cat([gate * o, gate * local], dim=-1)  # [B, T, H, 2V]"),
        )
    return Part(equations=(f"o_t <- g_t o_t, with g_t = {words}",), init=(init,), forward=(f"o = {gate} * o",))


def projection_back(design: Design) -> Part:
    """From all heads to the model's width."""
    width = "2 * inner" if design.fusion == "concat" else "inner"
    return Part(
        equations=("y_t = W_o o_t",),
        init=(f"self.o_proj = nn.Linear({width}, d_model, bias=False)",),
        forward=("return self.o_proj(o.flatten(2))",),
    )
