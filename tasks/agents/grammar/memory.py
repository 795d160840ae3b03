"""The memory itself: how fast it forgets, how strongly it writes, the recurrence, and its second timescale."""

from tasks.agents.grammar.part import HEADS, Part, per_head, projection, rotates_early
from tasks.agents.grammar.space import Design

SPANS = {"short": ("2.0 * 8.0", "2 to 16"), "long": ("32.0 * 16.0", "32 to 512"), "spread": ("4.0 * 64.0", "4 to 256")}
CHANNELS = ("per_channel", "bounded")


def decay(design: Design) -> Part:
    """The log decay a_t <= 0.

    fixed: RetNet (Sun et al. 2023). per_head: in the spirit of Mamba-2 (Dao and Gu 2024), as the log of a sigmoid.
    per_channel: GLA (Yang et al. 2024). bounded: HGRN2 (Qin et al. 2024), whose lower bound is learnt.
    """
    if design.decay == "none":
        return Part()
    two = design.timescales == "two"
    start, words = SPANS[design.decay_span]
    spread = f"tau = {start} ** ((torch.arange(n_heads) + 0.5) / n_heads)  # [H], spread over {words} tokens"
    if design.decay == "fixed":
        rates = "torch.cat([-1 / tau, -1 / (8 * tau)])" if two else "-1 / tau"
        note = "  # [2H], slow heads last" if two else "  # [H]"
        return Part(
            equations=("a = -1 / tau_h, constant" + ("; the slow memory forgets 8 times more slowly" if two else ""),),
            init=(spread, f'self.register_buffer("decay", {rates}){note}'),
        )
    width = "V" if design.memory_rule == "scan" else "K"
    shape = f"[B, T, H, {width}]" if design.decay in CHANNELS else "[B, T, H]"
    if design.decay == "bounded":
        part = Part(
            equations=("a_t = log(f + (1 - f) sigmoid(W_a x_t)), with a learnt floor f per channel",),
            init=(
                spread,
                projection("decay_proj", design),
                "# at a token of zeros the decay is half way between its floor and one: close to exp(-1 / tau)",
                "self.decay_floor = nn.Parameter(-torch.expm1(2 / tau).log().repeat_interleave(head_dim))  # [H"
                + f"{width}]",
            ),
            memory=(
                f"floor = torch.sigmoid(self.decay_floor)  # [H{width}]",
                "keep = floor + (1 - floor) * torch.sigmoid(self.decay_proj(x))",
                f"decay = keep.log(){HEADS}  # {shape}",
            ),
        )
    elif design.decay == "per_channel":
        part = Part(
            equations=("a_t = log sigmoid(W_a x_t + c), one per channel",),
            init=(
                spread,
                projection("decay_proj", design),
                "self.decay_bias = nn.Parameter(-torch.expm1(1 / tau).log().repeat_interleave(head_dim))  # [H"
                + f"{width}]",
            ),
            memory=(f"decay = F.logsigmoid(self.decay_proj(x) + self.decay_bias){HEADS}  # {shape}",),
        )
    else:
        part = Part(
            equations=("a_t = log sigmoid(W_a x_t + c), one per head",),
            init=(
                spread,
                "self.decay_proj = nn.Linear(d_model, n_heads, bias=False)",
                "self.decay_bias = nn.Parameter(-torch.expm1(1 / tau).log())  # [H]",
            ),
            memory=(f"decay = F.logsigmoid(self.decay_proj(x) + self.decay_bias)  # {shape}",),
        )
    if not two:
        return part
    factor = "torch.sigmoid(self.slowdown)" + (".unsqueeze(-1)" if design.decay in CHANNELS else "")
    slow = Part(
        equations=("the slow memory decays by sigmoid(s_h) a_t",),
        init=("self.slowdown = nn.Parameter(torch.full((n_heads,), -2.0))  # at first about 8 times slower",),
        memory=(
            f"slower = decay * {factor}",
            f"decay = torch.cat([decay, slower], dim=2)  # {shape.replace(' H', ' 2H')}, slow heads last",
        ),
    )
    return joined(part, slow)


def joined(first: Part, second: Part) -> Part:
    """Both parts, one after the other in every place."""
    return Part(**{place: getattr(first, place) + getattr(second, place) for place in Part.model_fields})


def write_equation(design: Design) -> tuple[str, ...]:
    """How b_t comes about, where there is one."""
    words = {
        "sigmoid": "b_t = sigmoid(W_b x_t), one per head",
        "double": "b_t = 2 sigmoid(W_b x_t), one per head",
        "tied": "b_t = 1 - exp(a_t)",
    }
    return (words[design.write_strength],) if design.write_strength in words else ()


def memory(design: Design) -> Part:
    """The recurrence, from decays and writes to one read per head; ends with the line that binds or returns it."""
    write = Part(equations=write_equation(design))
    if design.write_strength in ("sigmoid", "double"):
        write = joined(write, Part(init=(per_head("beta_proj"),)))
    rule = {"linear": _linear, "delta": _delta, "scan": _scan}[design.memory_rule](design)
    mix = Part()
    if design.timescales == "two":
        mix = Part(
            equations=("o_t = m_h o_t(fast) + (1 - m_h) o_t(slow), with m_h = sigmoid(learnt)",),
            init=("self.mix = nn.Parameter(torch.zeros(n_heads))",),
        )
    return joined(joined(write, rule), mix)


def read_out(design: Design) -> str:
    """The expression for the memory's read [B, T, H, V] after the lines of ``memory``."""
    if design.timescales == "two":
        return "slow + torch.sigmoid(self.mix).unsqueeze(-1) * (fast - slow)"
    if design.memory_rule == "scan":
        return f"h{HEADS}"
    return "o / (mass + 1e-4)" if design.normalised_read else "o"


def _decays(design: Design) -> str:
    return "self.decay" if design.decay == "fixed" else "decay"


def _per_head_decay(design: Design, like: str) -> str:
    """exp(decay), broadcast to one factor for each channel of ``like``."""
    if design.decay in CHANNELS:
        return "decay.exp()"
    return f"{_decays(design)}.exp().unsqueeze(-1).expand_as({like}).contiguous()"


def _forget(design: Design) -> str:
    """1 - exp(decay), shaped to multiply keys or values."""
    return f"-torch.expm1({_decays(design)})" + ("" if design.decay in CHANNELS else ".unsqueeze(-1)")


def _doubled(design: Design, name: str) -> str:
    return f"{name}.repeat(1, 1, 2, 1)" if design.timescales == "two" else name


def _arguments(design: Design) -> str:
    decays = "" if design.decay == "none" else f", decay={_decays(design)}"
    # Unit queries meet unit keys, and a normalised read has its own scale: K ** -0.5 would only shrink them.
    scale = ", scale=1.0" if design.key_norm == "l2" or design.normalised_read else ""
    return decays + scale


def _state_equation(design: Design) -> tuple[str, ...]:
    kept = {"none": "S_{t-1}", "per_channel": "Diag(exp a_t) S_{t-1}", "bounded": "Diag(exp a_t) S_{t-1}"}.get(
        design.decay, "exp(a) S_{t-1}" if design.decay == "fixed" else "exp(a_t) S_{t-1}"
    )
    strength = "" if design.write_strength == "one" else "b_t "
    erased = f" - {strength}k_t k_t^T {kept}" if design.memory_rule == "delta" else ""
    scaled = "" if "scale" in _arguments(design) else "K^-1/2 "
    per_channel = design.write_strength == "tied" and design.decay in CHANNELS
    written = "Diag(b_t) k_t v_t^T" if per_channel else f"{strength}k_t v_t^T"
    return (f"S_t = {kept}{erased} + {written}", f"o_t = {scaled}S_t^T q_t")


def _linear(design: Design) -> Part:
    two, lines = design.timescales == "two", []
    if design.write_strength == "sigmoid":
        lines.append("k = torch.sigmoid(self.beta_proj(x)).unsqueeze(-1) * k")
    if two:
        lines.append("q, k = q.repeat(1, 1, 2, 1), k.repeat(1, 1, 2, 1)  # [B, T, 2H, K]")
    if design.write_strength == "tied":
        lines.append(f"k = {_forget(design)} * k")
    equations = _state_equation(design)
    if design.normalised_read:
        if design.decay == "none":
            lines.append("mass = (q * k.cumsum(dim=1)).sum(dim=-1, keepdim=True)  # how much was written where q looks")
        else:
            lines += [
                f"keep = {_per_head_decay(design, 'k')}",
                "written = linear_scan(keep.flatten(2), k.flatten(2)).view_as(k)",
                "mass = (q * written).sum(dim=-1, keepdim=True)  # how much was written where q looks",
            ]
        equations += ("z_t = " + equations[0].split(" = ")[1].replace("S_{t-1}", "z_{t-1}").replace(" v_t^T", ""),)
        equations += ("o_t <- o_t / (q_t^T z_t)",)
        if design.position == "rotary" and not rotates_early(design):
            lines.append("q, k = rotary(q), rotary(k)  # after the mass, which must stay positive")
            equations += ("with q_t, k_t turned by rotary angles in S_t and o_t, not in z_t",)
    lines.append(f"o, _ = chunk_linear(q, k, {_doubled(design, 'v')}{_arguments(design)})")
    if two:
        read = "(o / (mass + 1e-4))" if design.normalised_read else "o"
        lines.append(f"fast, slow = {read}.chunk(2, dim=2)  # [B, T, H, V] each")
    return Part(equations=equations, memory=tuple(lines))


def _delta(design: Design) -> Part:
    two, lines = design.timescales == "two", []
    if two:
        lines.append("q, k = q.repeat(1, 1, 2, 1), k.repeat(1, 1, 2, 1)  # [B, T, 2H, K]")
    strength = {
        "one": "torch.ones_like(q[..., 0])",
        "sigmoid": "torch.sigmoid(self.beta_proj(x))" + (".repeat(1, 1, 2)" if two else ""),
        "double": "2 * torch.sigmoid(self.beta_proj(x))" + (".repeat(1, 1, 2)" if two else ""),
        "tied": "-torch.expm1(decay)",
    }[design.write_strength]
    lines.append(f"beta = {strength}  # [B, T, {'2H' if two else 'H'}]")
    lines.append(f"o, _ = chunk_delta(q, k, {_doubled(design, 'v')}, beta{_arguments(design)})")
    if two:
        lines.append("fast, slow = o.chunk(2, dim=2)  # [B, T, H, V] each")
    return Part(equations=_state_equation(design), memory=tuple(lines))


def _scan(design: Design) -> Part:
    """A vector state: HGRN (Qin et al. 2023), minGRU (Feng et al. 2024)."""
    two = design.timescales == "two"
    values, gated = _doubled(design, "v"), "torch.sigmoid(self.beta_proj(x)).unsqueeze(-1) * v"
    written = {
        "one": values,
        "sigmoid": _doubled(design, gated if not two else f"({gated})"),
        "tied": f"{_forget(design)} * {values}",
    }[design.write_strength]
    lines = []
    if written != "v":
        lines.append(f"write = {written}  # [B, T, {'2H' if two else 'H'}, V]")
    name = "write" if written != "v" else "v"
    lines.append(f"keep = {_per_head_decay(design, name)}")
    lines.append(f"h = linear_scan(keep.flatten(2), {name}.flatten(2))  # [B, T, {'2HV' if two else 'HV'}]")
    if two:
        lines.append("fast, slow = h.unflatten(-1, (2, *self.heads)).unbind(2)  # [B, T, H, V] each")
    strength = "" if design.write_strength == "one" else "b_t "
    rate = "a" if design.decay == "fixed" else "a_t"
    return Part(equations=(f"h_t = exp({rate}) h_{{t-1}} + {strength}v_t", "o_t = h_t"), memory=tuple(lines))
