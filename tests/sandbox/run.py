"""``python -m tests.sandbox.run [ATTACK...]``: let attacks loose without a sandbox and in it, a JSON line for each."""

import json
import os
import sys
from typing import NamedTuple

from evaluation import Launch
from tasks.sandbox.jail import jail
from tests.sandbox.arena import Unsuited, arena, unguarded
from tests.sandbox.attacks import Attack, all_attacks


class Outcome(NamedTuple):
    """What came of one attack. Evidence is "" where it failed, None where it was not tried."""

    attack: str
    control: str | None  # evidence without any sandbox
    jailed: str | None  # evidence in the sandbox
    unsuited: str  # why it cannot be tried here


def try_attack(one: Attack, launch: Launch) -> str:
    """Evidence of an attack's success, or "". Raises Unsuited."""
    with arena(launch) as place:
        return one.make(place)


def outcome_of(one: Attack) -> Outcome:
    """Let an attack loose twice."""
    try:
        control = try_attack(one, unguarded) if one.control else None
        return Outcome(one.name, control, try_attack(one, jail()), "")
    except Unsuited as reason:
        return Outcome(one.name, None, None, str(reason))


if __name__ == "__main__":
    known = all_attacks()
    for name in sys.argv[1:] or known:
        print(json.dumps({**outcome_of(known[name])._asdict(), "uid": os.geteuid()}), flush=True)
