"""The knock-outs that a design declares itself: read from its text, and applied by text at its end.

A design is untrusted: its ``ABLATIONS`` are taken from the syntax tree as a literal, and nothing of it is run here. The
program with a knock-out is a design like any other, and meets the same gate, checks and jail.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

from evaluation import parse_program
from tasks.agents.protocols import Draft, Peer

TABLE = "ABLATIONS"
MOST = 16  # knock-outs of a design
MOST_NAME = 60  # signs of a component's name
MOST_ARGUMENTS = 2000  # signs of one knock-out's arguments
GIVEN = ("self", "d_model", "n_heads")  # constructor arguments that are the harness's
OLD_SUPER = re.compile(r"\bsuper\(\s*Candidate\b")
UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


def declared(source: str) -> dict[str, dict[str, Any]]:
    """Component -> constructor arguments that take it out; empty where the text declares none that can be read, and
    where ``super(Candidate, self)`` would mean the class that takes its place.
    """
    if OLD_SUPER.search(source):
        return {}
    try:
        body = parse_program(source).body
        if not any(isinstance(one, ast.ClassDef) and one.name == "Candidate" for one in body):
            return {}
        values = [one.value for one in body if isinstance(one, ast.Assign | ast.AnnAssign) and _names_table(one)]
        table = ast.literal_eval(values[-1]) if values and values[-1] else {}
    except UNREADABLE:
        return {}
    if not isinstance(table, dict):
        return {}
    return dict([(name, arguments) for name, arguments in table.items() if _sound(name, arguments)][:MOST])


def knock_outs(design: Peer) -> dict[str, Draft]:
    """Component -> the design's program without it."""
    return {
        name: Draft(
            source=applied(design.source, name, arguments),
            note=f"without {name}, by its own ABLATIONS",
            components={slot: choice for slot, choice in design.components.items() if slot != name},
        )
        for name, arguments in declared(design.source).items()
    }


def applied(source: str, component: str, arguments: Mapping[str, Any]) -> str:
    """The source with a class at its end that takes the place of its Candidate and passes these arguments to it."""
    passed = ", ".join(f"{name!r}: {value!r}" for name, value in arguments.items())
    told = "".join(sign for sign in component if sign not in '\\"')
    return (
        f"{source.rstrip()}\n\n\n"
        f"class Candidate(Candidate):\n"
        f'    """The same design, knocked out: {told}."""\n\n'
        f"    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:\n"
        f"        super().__init__(d_model, n_heads, **(kwargs | {{{passed}}}))\n"
    )


def _names_table(one: ast.Assign | ast.AnnAssign) -> bool:
    targets = one.targets if isinstance(one, ast.Assign) else [one.target]
    return any(isinstance(target, ast.Name) and target.id == TABLE for target in targets)


def _sound(name: object, arguments: object) -> bool:
    if not isinstance(name, str) or not isinstance(arguments, dict) or not arguments:
        return False
    if not (name.isprintable() and name.strip() and len(name) <= MOST_NAME):
        return False
    known = all(isinstance(one, str) and one.isidentifier() and one not in GIVEN for one in arguments)
    plain = all(_plain(value) for value in arguments.values())
    return known and plain and len(repr(arguments)) <= MOST_ARGUMENTS


def _plain(value: object) -> bool:
    """Whether a value can be written back as a literal."""
    if isinstance(value, tuple | list):
        return all(_plain(one) for one in value)
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor not a number
    return value is None or isinstance(value, bool | int | str)
