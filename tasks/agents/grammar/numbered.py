"""Designs by number: an endless row of random ones, each once, that is the same wherever and whenever it is drawn."""

import random

from tasks.agents.grammar.space import Design, random_design


def numbered_designs(count: int) -> list[Design]:
    """Designs 1 to ``count``, all distinct; a longer row begins with the shorter one."""
    rng = random.Random("designs by number")
    found: dict[Design, None] = {}
    while len(found) < count:
        found.setdefault(random_design(rng))
    return list(found)
