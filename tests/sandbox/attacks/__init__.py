"""Real attempts to get out of the sandbox, or to harm what is around it.

An attack is a function that is given an Arena, tries something in a child, and returns evidence of success that it, as
the parent, has seen for itself: a canary's text, a connection, a dead neighbour. A child's word never counts. "" means
that the attack failed. Every attack works without a sandbox, which the tests prove first, except where that is unsafe.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.arena import Arena


@dataclass(frozen=True)
class Attack:
    """One attempt."""

    name: str
    goal: str
    make: Callable[[Arena], str]
    control: bool  # whether it can safely be let loose without a sandbox


ATTACKS: dict[str, Attack] = {}


def attack(goal: str, control: bool = True) -> Callable[[Callable[[Arena], str]], Callable[[Arena], str]]:
    """Enter a function into the suite."""

    def enter(make: Callable[[Arena], str]) -> Callable[[Arena], str]:
        ATTACKS[make.__name__] = Attack(make.__name__, goal, make, control)
        return make

    return enter


def all_attacks() -> dict[str, Attack]:
    """Every attack by name, in the order in which they are told about."""
    from tests.sandbox.attacks import disk, files, kernel, memory_and_time, network, processes, results  # noqa: F401

    return ATTACKS
