"""Timing the functions that the loop and the command line call, each many times on designs drawn at random."""

import math
import random
import time
from collections.abc import Callable, Sequence
from statistics import median

import psutil
from pydantic import FiniteFloat

from archdb.bench.campaign import NAME, ROOTS
from archdb.campaigns import get_campaign
from archdb.experiments import get_experiment, write_stage
from archdb.front import pareto_front
from archdb.leases import claim, release
from archdb.lineage import find_experiment, next_cycle, unfinished_cycles
from archdb.pool import leaderboard
from archdb.records import Experiment, Record, Stage
from archdb.store import Store
from archdb.tree import ancestors, best_of_branch, children, descendants, siblings

QUERY_MS = 50.0  # the 99th percentile of sampling, lineage and leaderboard queries shall stay below
CLAIM_MS = 20.0  # and that of a claim
SLOPE = 0.5  # time shall grow slower than the number of experiments to this power
PAGE = 20
WARM_UP = 5  # calls of each query that do not count
CLAIM, STAGE = "claim", "bench"


class Timing(Record):
    """How long one query took."""

    query: str
    size: int  # experiments in the campaign
    samples: int
    p50_ms: FiniteFloat
    p99_ms: FiniteFloat
    cpu_ms: FiniteFloat  # processor time of a call, the store's and ours together: what a busy machine does not distort
    returned: FiniteFloat  # records, in the median


class Study(Record):
    """Timings at several sizes."""

    timings: tuple[Timing, ...]
    depths: dict[int, int]  # size -> ancestors of a design, in the median

    def slope(self, query: str) -> float | None:
        """The power of n by which the median grows from the smallest to the largest size."""
        rows = sorted((one for one in self.timings if one.query == query), key=lambda one: one.size)
        if len(rows) < 2 or rows[0].size == rows[-1].size:
            return None
        return math.log(rows[-1].p50_ms / rows[0].p50_ms) / math.log(rows[-1].size / rows[0].size)


Query = Callable[[Store, Experiment], Sequence[object] | object | None]

QUERIES: dict[str, Query] = {
    "sample: the 20 best": lambda store, _: leaderboard(store, NAME, 20),
    "leaderboard, 100 rows": lambda store, _: leaderboard(store, NAME, 100),
    "Pareto front": lambda store, _: pareto_front(store, NAME, "gains"),
    "ancestors": ancestors,
    "children, a page": lambda store, one: children(store, one, PAGE),
    "siblings, a page": lambda store, one: siblings(store, one, PAGE),
    "descendants, a page": lambda store, one: descendants(store, one, PAGE),
    "descendants of a root, a page": lambda store, one: descendants(store, _root(store, one), PAGE, one.cycle),
    "best of a branch": best_of_branch,
    "an experiment by id": lambda store, one: get_experiment(store, one.id),
    "an experiment by name": lambda store, one: find_experiment(store, one.name, NAME),
    "unfinished cycles": lambda store, _: unfinished_cycles(store, NAME),
    "next free cycle": lambda store, _: next_cycle(store, NAME),
}
WRITES = (CLAIM, "a stage is written", "release")


def study(store: Store, server: int, samples: int, on_progress: Callable[[], None]) -> tuple[list[Timing], int]:
    """Time every query on one store.

    Args:
        store: filled by :func:`archdb.bench.populate`.
        server: the pid of the store's server.
        samples: of each query.
        on_progress: called after each query and write.

    Returns:
        The timings, and how many ancestors the drawn designs have in the median.
    """
    size = get_campaign(store, NAME).cycles + ROOTS
    rng = random.Random(f"{size}/study")
    drawn = [_some_design(store, rng, size) for _ in range(samples + WARM_UP)]
    timings = []
    for name, query in QUERIES.items():
        taken, returned = [], []
        begun = _processor_seconds(server)
        for one in drawn:
            started = time.perf_counter()
            found = query(store, one)
            taken.append(1000 * (time.perf_counter() - started))
            returned.append(_count(found))
        spent = 1000 * (_processor_seconds(server) - begun) / len(drawn)
        timings.append(_timing(name, size, taken[WARM_UP:], spent, returned[WARM_UP:]))
        on_progress()
    writes: dict[str, list[float]] = {name: [] for name in WRITES}
    begun = _processor_seconds(server)
    for one in drawn:
        for name, seconds in zip(WRITES, _write(store, one), strict=True):
            writes[name].append(1000 * seconds)
    spent = 1000 * (_processor_seconds(server) - begun) / len(drawn) / len(WRITES)  # about the same for each
    for name, taken in writes.items():
        timings.append(_timing(name, size, taken[WARM_UP:], spent, [1.0]))
        on_progress()
    return timings, int(median(len(one.path) for one in drawn))


def steps() -> int:
    """How often ``study`` calls ``on_progress``."""
    return len(QUERIES) + len(WRITES)


def _some_design(store: Store, rng: random.Random, size: int) -> Experiment:
    return find_experiment(store, str(rng.randint(1, size - ROOTS)), NAME)


def _root(store: Store, one: Experiment) -> Experiment:
    return one.model_copy(update={"id": one.path[0], "cycle": None})


def _write(store: Store, one: Experiment) -> tuple[float, float, float]:
    """Claim a design, write a stage and give it back, in seconds; then the stage is taken out again."""
    marks = [time.perf_counter()]
    token = claim(store, one.id)
    marks.append(time.perf_counter())
    if token is None:
        raise RuntimeError(f"{one.id} is held by another worker: a bench needs a store of its own.")
    write_stage(store, one.id, Stage(stage=STAGE, started_at=0.0, seconds=0.0, summary={"loss": 1.0}), token)
    marks.append(time.perf_counter())
    release(store, one.id, token)
    marks.append(time.perf_counter())
    store.experiments.update_one({"_id": one.id}, {"$unset": {f"stages.{STAGE}:0": ""}})
    return marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2]


def _count(found: object) -> float:
    if isinstance(found, list | tuple):
        return float(len(found))
    members = getattr(found, "members", None)
    return float(len(members)) if members is not None else float(found is not None)


def _processor_seconds(server: int) -> float:
    spent = psutil.Process(server).cpu_times()
    return float(spent.user + spent.system) + time.process_time()


def _timing(query: str, size: int, taken: Sequence[float], spent: float, returned: Sequence[float]) -> Timing:
    ordered = sorted(taken)
    return Timing(
        query=query,
        size=size,
        samples=len(ordered),
        p50_ms=round(median(ordered), 3),
        p99_ms=round(ordered[max(0, math.ceil(0.99 * len(ordered)) - 1)], 3),
        cpu_ms=round(spent, 3),
        returned=median(returned),
    )
