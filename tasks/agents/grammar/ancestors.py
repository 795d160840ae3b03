"""Which design of the grammar stands for an experiment: what its source declares, or a baseline's nearest relative."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from tasks.agents.grammar.reading import read_design
from tasks.agents.grammar.space import Design, canonical
from tasks.agents.protocols import Peer

_DELTANET = Design(
    memory_rule="delta",
    feature_map="silu",
    key_norm="l2",
    write_strength="sigmoid",
    short_conv="qkv4",
    output_norm="rms",
)
_GATED_DELTANET = _DELTANET.model_copy(update={"decay": "per_head", "output_gate": "silu"})

# The baselines are written by hand from their papers; these are the same mechanisms in the grammar's terms.
BASELINES: Mapping[str, Design] = {
    "linear_attention": Design(memory_rule="linear", feature_map="elu1"),
    "retnet": Design(memory_rule="linear", decay="fixed", position="rotary", output_norm="rms", output_gate="silu"),
    "gla": Design(memory_rule="linear", decay="per_channel", rank="low", output_norm="rms", output_gate="silu"),
    "hgrn2": Design(memory_rule="linear", decay="bounded", write_strength="tied", output_norm="rms"),
    "mamba2": Design(
        memory_rule="linear",
        decay="per_head",
        feature_map="silu",
        write_strength="tied",
        short_conv="qkv4",
        output_norm="rms",
        output_gate="silu",
        value_skip="per_head",
    ),
    "deltanet": _DELTANET,
    "gated_deltanet": _GATED_DELTANET,
    "hybrid_gated_deltanet": _GATED_DELTANET.model_copy(
        update={"local_branch": "window16", "fusion": "concat", "position": "rotary"}
    ),
    "kda": _GATED_DELTANET.model_copy(update={"decay": "per_channel", "rank": "low", "output_gate": "sigmoid"}),
}


_CHOICES = {name: canonical(design).choices for name, design in BASELINES.items()}


def choices_by_name(name: str, components: Mapping[str, str]) -> Mapping[str, str]:
    """The choices that a design names, or those of the baseline of this name; empty where it is neither."""
    return components or _CHOICES.get(name, {})


def design_of(peer: Peer) -> Design | None:
    """The design behind an experiment, in canonical form; None where the grammar has no words for it."""
    declared = read_design(peer.source) if peer.source else None
    if declared is not None:
        return canonical(declared)
    if peer.components:
        try:
            return canonical(Design.model_validate(peer.components))
        except ValidationError:
            return None
    known = BASELINES.get(peer.name) if peer.kind != "imported" else None  # what others called theirs says nothing
    return canonical(known) if known is not None else None


def first_known(parents: Sequence[Peer]) -> Peer | None:
    """The first parent that the grammar has words for. Those that were imported as programs have none."""
    return next((one for one in parents if design_of(one) is not None), None)
