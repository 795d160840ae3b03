"""``python -m tests.sandbox.run``: let attacks loose, without a sandbox and in it, and print a JSON line for each."""

import argparse
import json
import time
from typing import NamedTuple

from evaluation import Launch
from tasks.sandbox.jail import jail
from tasks.sandbox.order import LAYERS
from tests.sandbox.arena import Unsuited, arena, unguarded
from tests.sandbox.attacks import Attack, all_attacks


class Outcome(NamedTuple):
    """What came of one attack. Evidence is "" where it failed, None where it was not tried."""

    attack: str
    control: str | None  # evidence without any sandbox
    jailed: str | None  # evidence in the sandbox
    unsuited: str  # why it cannot be tried here
    seconds: float


def try_attack(one: Attack, launch: Launch) -> str:
    """Evidence of an attack's success, or "". Raises Unsuited."""
    with arena(launch) as place:
        return one.make(place)


def outcome_of(one: Attack, without: frozenset[str], controlled: bool) -> Outcome:
    """Let an attack loose without a sandbox, if ``controlled``, and in one that may lack some layers."""
    started = time.monotonic()
    layers = tuple(layer for layer in LAYERS if layer not in without)
    try:
        control = try_attack(one, unguarded) if one.control and controlled else None
        jailed = try_attack(one, jail(only=layers if without else None))
        return Outcome(one.name, control, jailed, "", time.monotonic() - started)
    except Unsuited as reason:
        return Outcome(one.name, None, None, str(reason), time.monotonic() - started)


def main() -> None:
    """Let attacks loose; all of them if none is named."""
    known = all_attacks()
    asked = argparse.ArgumentParser()
    asked.add_argument("attacks", nargs="*", default=[*known], metavar="ATTACK")
    asked.add_argument("--without", action="append", default=[], choices=LAYERS, help="a layer to leave out")
    asked.add_argument("--uncontrolled", action="store_true", help="only in the sandbox")
    given = asked.parse_args()
    for name in given.attacks:
        outcome = outcome_of(known[name], frozenset(given.without), not given.uncontrolled)
        print(json.dumps(outcome._asdict()), flush=True)


if __name__ == "__main__":
    main()
