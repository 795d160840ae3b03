"""Everything before the memory: token shift, projections, convolutions, temperature, feature map, norms, rotation."""

from tasks.agents.grammar.part import HEADS, Part, has_keys, per_head, rotates_early, source_of, streams
from tasks.agents.grammar.space import Design


def token_shift(design: Design) -> Part:
    """Blends with the previous token: RWKV (Peng et al. 2023); dynamic as in RWKV-6 (Peng et al. 2024)."""
    if design.token_shift == "none":
        return Part()
    names = streams(design)
    count, views = len(names), ", ".join(f"x_{name}" for name in names)
    target = views if count > 1 else f"({views},)"
    amount = (
        "# [S, D], one blend per stream; later channels lean more on the previous token",
        f"self.shift = nn.Parameter(torch.linspace(0.0, 0.5, d_model).repeat({count}, 1))",
    )
    if design.token_shift == "static":
        return Part(
            equations=(f"x_t <- x_t + m (x_{{t-1}} - x_t), with its own m for each of {', '.join(names)}",),
            init=amount,
            forward=(
                "step = F.pad(x, (0, 0, 1, -1)) - x  # [B, T, D]; zeros stand before the first token",
                f"{target} = (x + amount * step for amount in self.shift)",
            ),
        )
    return Part(
        equations=(
            "x_t <- x_t + (m + tanh((x_t + m_0 d_t) A) B) d_t, with d_t = x_{t-1} - x_t; own m, A, B for each of "
            + ", ".join(names),
        ),
        init=(
            "low = max(4, d_model // 16)",
            *amount,
            "self.shift_hint = nn.Parameter(torch.full((d_model,), 0.5))",
            f"self.shift_down = nn.Parameter(torch.randn({count}, d_model, low) * d_model**-0.5)  # [S, D, R]",
            f"self.shift_up = nn.Parameter(torch.randn({count}, low, d_model) * 0.01)  # [S, R, D]",
        ),
        forward=(f"{target} = self.shifted(x)",),
        method=(
            "def shifted(self, x: Tensor) -> tuple[Tensor, ...]:",
            '    """Blend x [B, T, D] with the previous token, once per stream and as far as the token asks for."""',
            "    step = F.pad(x, (0, 0, 1, -1)) - x  # zeros stand before the first token",
            "    hint = (x + self.shift_hint * step).unsqueeze(1)  # [B, 1, T, D]",
            "    amount = self.shift.unsqueeze(1) + torch.tanh(hint @ self.shift_down) @ self.shift_up  # [B, S, T, D]",
            "    return (x.unsqueeze(1) + amount * step.unsqueeze(1)).unbind(1)",
        ),
    )


def projections(design: Design) -> Part:
    """Queries, keys and values, some through a short convolution."""
    names = ("q", "k", "v") if has_keys(design) else ("v",)
    letters, taps = design.short_conv.rstrip("24"), int(design.short_conv[-1:]) if design.short_conv != "none" else 0
    convolved = [name for name in names if design.short_conv != "none" and name in letters]
    init = [f"self.{name}_proj = nn.Linear(d_model, inner, bias=False)" for name in names]
    low, high = ("-0.5", "0.5") if taps == 4 else ("-(2**-0.5)", "2**-0.5")
    init += [
        f"self.{name}_conv = nn.Parameter(torch.empty(inner, {taps}).uniform_({low}, {high}))" for name in convolved
    ]
    equations, forward = [], []
    for name in names:
        projected, equation = f"self.{name}_proj({source_of(design, name)})", f"W_{name} x_t"
        if name in convolved:
            # The feature map is the nonlinearity of queries and keys; values get the usual SiLU.
            projected = f"short_conv({projected}, self.{name}_conv" + (")" if name == "v" else ", activation=None)")
            equation = f"silu(conv{taps}(W_v x)_t)" if name == "v" else f"conv{taps}(W_{name} x)_t"
        equations.append(f"{name}_t = {equation}")
        forward.append(f"{name} = {projected}{HEADS}")
    forward[0] += "  # [B, T, H, K]" if len(names) > 1 else "  # [B, T, H, V]"
    return Part(equations=("   ".join(equations),), init=tuple(init), forward=tuple(forward))


def temperature(design: Design) -> Part:
    """How sharply a head looks: a positive factor on its query, one at the start."""
    if design.head_temperature == "learned":
        return Part(
            equations=("q_t <- exp(c_h) q_t",),
            init=("self.log_sharpness = nn.Parameter(torch.zeros(n_heads))",),
            forward=("q = q * self.log_sharpness.exp().unsqueeze(-1)",),
        )
    if design.head_temperature == "content":
        return Part(
            equations=("q_t <- 2 sigmoid(W_c x_t) q_t, one factor per head",),
            init=(
                per_head("sharpness_proj"),
                "nn.init.zeros_(self.sharpness_proj.weight)",
                "nn.init.zeros_(self.sharpness_proj.bias)",
            ),
            forward=(f"q = q * 2 * torch.sigmoid(self.sharpness_proj({source_of(design, 'q')})).unsqueeze(-1)",),
        )
    return Part()


def early_rotation(design: Design) -> Part:
    """Rotary positions, where memory and window can share one rotation."""
    if not rotates_early(design):
        return Part()
    return Part(equations=("q_t, k_t <- R_t q_t, R_t k_t (rotary)",), forward=("q, k = rotary(q), rotary(k)",))


MAPS = {"silu": "F.silu({})", "elu1": "F.elu({}) + 1", "relu2": "F.relu({}).square()", "softmax": "{}.softmax(dim=-1)"}
MAPS_IN_WORDS = {"silu": "silu({})", "elu1": "(elu({}) + 1)", "relu2": "relu({})^2", "softmax": "softmax({})"}


def features(design: Design) -> Part:
    """Feature map, norm and rotation of the memory's queries and keys."""
    if design.memory_rule == "scan":
        return Part()
    # A read is normalised by unrotated features (RoFormer, equation 19), so the memory then rotates them itself.
    rotated = design.position == "rotary" and not rotates_early(design) and not design.normalised_read
    code, words = {}, {}
    for name in ("q", "k"):
        code[name] = MAPS.get(design.feature_map, "{}").format(name)
        words[name] = MAPS_IN_WORDS.get(design.feature_map, "{}").format(f"{name}_t")
        if design.key_norm == "l2":
            code[name], words[name] = f"l2_norm({code[name]})", f"l2({words[name]})"
        if design.key_norm == "rms":
            code[name], words[name] = f"self.{name}_norm({code[name]})", f"rms({words[name]})"
        if rotated:
            code[name], words[name] = f"rotary({code[name]})", f"R_t {words[name]}"
    if code["q"] == "q":
        return Part()
    init = [f"self.{name}_norm = nn.RMSNorm(head_dim, eps=1e-6)" for name in ("q", "k") if design.key_norm == "rms"]
    return Part(
        equations=(f"q_t, k_t <- {words['q']}, {words['k']}" + (" (rotary R_t)" if rotated else ""),),
        init=tuple(init),
        forward=(f"q, k = {code['q']}, {code['k']}",),
    )
