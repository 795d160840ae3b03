"""What a cycle costs when evaluating costs nothing: real flows, stores, MLflow and Prefect, on a folder of its own.

How many cycles lie behind it matters, too, so cycles can be measured again after more were recorded.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

FREE = "tasks.bench.free"
NAME = "machinery"


class Stretch(BaseModel):
    """Some cycles in a row, and what they took together."""

    model_config = ConfigDict(frozen=True)

    recorded: int  # cycles of the campaign before the first of these
    cycles: int
    in_flight: int  # at a time
    cpu_seconds: float  # of the process that runs the flows, a cycle
    server_cpu_seconds: float  # of the Prefect server and the embedded store, a cycle
    wall_seconds: float  # from the first cycle's start to the last one's end

    @property
    def wall_a_cycle(self) -> float:
        """Seconds that one cycle takes."""
        return self.wall_seconds * self.in_flight / self.cycles

    @property
    def a_minute(self) -> float:
        """Cycles that end in a minute."""
        return 60 * self.cycles / self.wall_seconds


def machinery_study(
    folder: Path, cycles: int, in_flight: Sequence[int], recorded: Sequence[int], on_done: Callable[[], None]
) -> list[Stretch]:
    """Measure stretches of ``cycles`` for each number ``in_flight``, after each number of ``recorded`` cycles.

    Runs the cycles in between, too. Sets the environment of this process to ``folder``: give it a process of its own.
    """
    for name in ("ARCHLOOP_MONGODB_URI", "ARCHLOOP_COGNITION_URI", "MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        os.environ.pop(name, None)
    os.environ["ARCHLOOP_HOME"] = str(folder)
    from archdb import open_store
    from flows.prefect_server import start_local_server

    store = open_store()
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{start_local_server(folder / 'prefect', prefer_port=None)}/api"
    from archdb import open_campaign
    from flows.announcing import at_work
    from flows.in_parallel import in_parallel
    from flows.pulse import within
    from flows.research_cycle import research_cycle
    from flows.seed_baselines import seed_baselines
    from flows.settings import campaign_record

    record = campaign_record(NAME, 0, "nano", "grammar", 0, FREE, ablations=0)
    open_campaign(store, record)
    seed_baselines(NAME, max(in_flight))

    def run(first: int, count: int, at_a_time: int) -> None:
        def one(number: int) -> None:
            within(research_cycle, NAME, number)
            on_done()

        with at_work(NAME):  # as a campaign runs them
            in_parallel([partial(one, number) for number in range(first, first + count)], at_a_time)

    found, done = [], 0
    for wanted in recorded:
        if wanted > done:
            run(done + 1, wanted - done, max(in_flight))
            done = wanted
        for at_a_time in in_flight:
            servers, own, clock = _servers(), time.process_time(), time.monotonic()
            run(done + 1, cycles, at_a_time)
            found.append(
                Stretch(
                    recorded=done,
                    cycles=cycles,
                    in_flight=at_a_time,
                    cpu_seconds=(time.process_time() - own) / cycles,
                    server_cpu_seconds=(_servers() - servers) / cycles,
                    wall_seconds=time.monotonic() - clock,
                )
            )
            done += cycles
    return found


def _servers() -> float:
    """Processor seconds so far of the processes that this one has started, and theirs."""
    total = 0.0
    for one in psutil.Process().children(recursive=True):
        try:
            spent = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return total
