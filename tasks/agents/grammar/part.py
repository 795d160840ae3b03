"""What one choice contributes to a candidate's source, and the few names that all contributions share."""

from pydantic import BaseModel, ConfigDict

from tasks.agents.grammar.space import Design

HEADS = ".unflatten(-1, self.heads)"


class Part(BaseModel):
    """Lines of source without indentation, each for one place of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    equations: tuple[str, ...] = ()  # in the module's docstring
    init: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()  # in the method ``memory``, or in ``forward`` where no token steers the memory
    method: tuple[str, ...] = ()  # a whole method


def reads_token(design: Design) -> bool:
    """Whether the memory is steered by the token beside its queries, keys and values."""
    return design.decay not in ("none", "fixed") or design.write_strength in ("sigmoid", "double")


def streams(design: Design) -> tuple[str, ...]:
    """The inputs that a token shift blends on their own: of queries, keys, values, and controls (decays, gates)."""
    controlled = (
        reads_token(design)
        or design.output_gate != "none"
        or design.value_skip == "gated"
        or design.fusion in ("content_gate", "hierarchical")
    )
    keyed = ("q", "k") if has_keys(design) else ()
    return (*keyed, "v", *(("c",) if controlled else ()))


def has_keys(design: Design) -> bool:
    """Whether the design has queries and keys at all."""
    return design.memory_rule != "scan" or design.has_window


def source_of(design: Design, stream: str) -> str:
    """The variable in ``forward`` that a projection of ``stream`` reads."""
    return "x" if design.token_shift == "none" else f"x_{stream}"


def rotates_early(design: Design) -> bool:
    """Whether one rotation can serve both memory and window: only where nothing changes queries and keys between."""
    untouched = design.feature_map == "identity" and design.key_norm == "none"
    return design.position == "rotary" and design.has_window and untouched


def projection(name: str, design: Design) -> str:
    """A constructor line for a projection from the model's width to all heads, full or through a low rank."""
    if design.rank == "full":
        return f"self.{name} = nn.Linear(d_model, inner, bias=False)"
    return f"self.{name} = nn.Sequential(nn.Linear(d_model, rank, bias=False), nn.Linear(rank, inner, bias=False))"


def per_head(name: str, factor: str = "") -> str:
    """A constructor line for a projection from a token to one number per head."""
    return f"self.{name} = nn.Linear(d_model, {factor}n_heads)"
