"""Processes that race for one budget: ``python -m tests.archdb.claimants CAMPAIGN CLAIMANTS OPERATIONS COST``.

With OPERATIONS 0 each claimant reserves one operation of its own. Else each walks over all of them in an order of its
own, reserves each for COST CPU-seconds and settles every other one that it got for half of that. They are meant to be
killed: their process ids are the first line of output.
"""

import os
import random
import sys

from archdb import BudgetSpent, Operation, Store, open_store, reserve, settle


def key(campaign: str, number: int) -> str:
    return f"{campaign}-c{number:03d}/gpu-train:0:0"


def main(campaign: str, claimants: int, operations: int, cost: float) -> None:
    waiting, starting = os.pipe()
    children = []
    for number in range(claimants):
        child = os.fork()  # before any connection is opened: none is shared
        if not child:
            os.close(starting)
            order = list(range(operations)) or [number]
            random.Random(number).shuffle(order)
            store = open_store()
            os.read(waiting, 1)  # all begin when the parent closes its end
            for one in order:
                _claim(store, campaign, one, cost, operations > 0 and one % 2 == 1)
            os._exit(0)
        children.append(child)
    print(*children, flush=True)
    os.close(starting)
    for child in children:
        os.waitpid(child, 0)


def _claim(store: Store, campaign: str, one: int, cost: float, ends: bool) -> None:
    try:
        got = reserve(store, campaign, key(campaign, one), {"cpu_seconds": cost})
    except BudgetSpent:
        return
    if ends and isinstance(got, Operation):
        settle(store, campaign, key(campaign, one), {"cpu_seconds": cost / 2})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
