"""What can be taken out of a design of the grammar: every slot whose neutral choice means that nothing is there.

The design is composed anew with that choice. Slots that lose their meaning without the component go with it.
"""

from tasks.agents.grammar.ancestors import design_of
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.evolve import difference
from tasks.agents.grammar.space import NEUTRAL, changed
from tasks.agents.protocols import Draft, Peer

NOTHING = ("none", "identity", "one")  # neutral choices; the others choose between two ways of the same


def knock_outs(design: Peer) -> dict[str, Draft]:
    """Slot -> the program without what stands there; empty where the grammar has no words for the design."""
    whole = design_of(design)
    found: dict[str, Draft] = {}
    if whole is None:
        return found
    for slot, neutral in NEUTRAL.items():
        if neutral not in NOTHING or getattr(whole, slot) == neutral:
            continue
        without = changed(whole, slot, neutral)
        if getattr(without, slot) == neutral:
            told = ", ".join(f"{one} {new} instead of {old}" for one, (old, new) in difference(whole, without).items())
            source = compose(without, f"{design.name} without {slot}", f"{design.name} ({design.id}) with {told}.")
            found[slot] = Draft(source=source, note=f"without {slot}: {told}", components=without.choices)
    return found
