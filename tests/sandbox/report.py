"""``make attack-report``: each attack against no sandbox, each layer alone and all; start times; the totals last."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tasks.sandbox.jail import jail
from tasks.sandbox.order import LAYERS, Layer
from tests.foreign_code import run_code
from tests.sandbox.arena import Unsuited, unguarded
from tests.sandbox.attacks import Attack, all_attacks
from tests.sandbox.ordinary_user import run_as_ordinary_user
from tests.sandbox.run import try_attack

STARTS = 30
TARGET = 0.05  # seconds, at the median
STOPPED, PASSED, NOT_ON, UNTRIED = "stops", "-", "n/a", ""
COLUMNS = ("none", *LAYERS, "all")
WIDTHS = {name: max(len(name), 5) + 2 for name in COLUMNS}


def row_of(one: Attack, layers: Iterable[Layer]) -> dict[str, str]:
    """What stops an attack: by itself each of ``layers``, and all together. Raises Unsuited."""
    row = dict.fromkeys(LAYERS, NOT_ON) | {"control": try_attack(one, unguarded) if one.control else "unsafe"}
    row["none"] = PASSED if try_attack(one, jail(only=())) else STOPPED
    for layer in layers:
        # What the fork server and the supervisor stop without any layer needs no trial of the layers.
        row[layer] = UNTRIED if row["none"] == STOPPED else PASSED if try_attack(one, jail(only=(layer,))) else STOPPED
    row["evidence"] = try_attack(one, jail())
    row["all"] = PASSED if row["evidence"] else STOPPED
    return row


def alone() -> list[Layer]:
    """The layers that this user can switch on by themselves."""
    found = []
    for layer in LAYERS:
        with tempfile.TemporaryDirectory() as folder:
            end, _ = run_code(jail(only=(layer,)), "", Path(folder))
            if end.sandbox[layer].startswith("on"):
                found.append(layer)
    return found


def start_times() -> list[float]:
    """Seconds from the call of the launch to the first line of the job, of a warm server."""
    launch, found = jail(), []
    for _ in range(STARTS + 1):
        with tempfile.TemporaryDirectory() as folder:
            end, _ = run_code(launch, "", Path(folder))
            assert end.start_seconds is not None
            found.append(end.start_seconds)
    print(f"fork server ready after {found[0]:.1f} s", file=sys.stderr)
    return sorted(found[1:])


def line(name: str, cells: Iterable[tuple[str, str]]) -> str:
    return f"{name:22}" + "".join(f"{cell:>{WIDTHS[column]}}" for column, cell in cells)


def tell_layers() -> None:
    """What is on around a child of this machine and user."""
    with tempfile.TemporaryDirectory() as folder:
        end, _ = run_code(jail(), "", Path(folder))
    print(f"Layers around a child, for {'root' if os.geteuid() == 0 else 'an ordinary user'}:")
    for layer, state in end.sandbox.items():
        print(f"  {layer:18} {state}")


def ordinary_user() -> list[dict[str, str]] | str:
    """Every attack as an ordinary user, or why not."""
    if os.geteuid() != 0:
        return "the table above is an ordinary user's already"
    try:
        done = run_as_ordinary_user("-m", "tests.sandbox.run", timeout=580)
    except subprocess.SubprocessError as error:
        return f"root cannot become an ordinary user that reaches Python ({error})"
    return [json.loads(text) for text in done.stdout.splitlines()] or done.stderr[-300:]


def main() -> int:
    """Print the report; 1 if an attack succeeded."""
    starts = start_times()
    tell_layers()
    layers = alone()
    print(
        "\nWhat stops each attack alone ('none': the fork server and the supervisor; n/a: off by itself for this user)"
    )
    print(line("attack", zip(COLUMNS, COLUMNS, strict=True)))
    succeeded, tried, controls, unsuited = [], 0, 0, []
    for name, one in all_attacks().items():
        try:
            row = row_of(one, layers)
        except Unsuited as reason:
            unsuited.append(f"{name} ({reason})")
            continue
        tried += 1
        controls += row["control"] not in ("", "unsafe")
        if row["all"] == PASSED:
            succeeded.append(f"{name}: {row['evidence']}")
        print(line(name, ((column, row[column]) for column in COLUMNS)), flush=True)
    for reason in unsuited:
        print(f"not tried: {reason}")
    theirs = ordinary_user()
    told, their_losses = f"ordinary user: not tried, as {theirs}", []
    if not isinstance(theirs, str):
        suited = [outcome for outcome in theirs if not outcome["unsuited"]]
        their_losses = [f"{one['attack']} (ordinary user): {one['jailed']}" for one in suited if one["jailed"]]
        told = f"ordinary user: {len(suited)} attacks tried, {len(their_losses)} succeeded"
    median = statistics.median(starts)
    print(f"\nstarting a child from the warm server, {STARTS} times: median {median * 1000:.0f} ms, ", end="")
    print(f"fastest {starts[0] * 1000:.0f} ms, slowest {starts[-1] * 1000:.0f} ms (target {TARGET * 1000:.0f} ms)")
    for text in (*succeeded, *their_losses):
        print(f"SUCCEEDED {text}")
    who = "root" if os.geteuid() == 0 else "this user"
    print(told)
    print(f"{who}: {tried} attacks tried, {controls} shown to work without a sandbox, {len(succeeded)} succeeded in it")
    return 1 if succeeded or their_losses else 0


if __name__ == "__main__":
    raise SystemExit(main())
