"""Growing the table: what is still to be trained, several at a time, each kept as soon as it is done."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.bench.trainings import end_last_line
from evaluation.fidelity.panel import BASELINE_SEEDS, baseline_entries, best_first, panel_of
from evaluation.fidelity.table import Entry, Row, Rows, recorded
from evaluation.fidelity.trainings import train_row
from evaluation.launch import Launch

SLOWEST = 3.0  # times the reference's compute time that a training may take, as in a campaign
SEEDS = (1, 2, 3)  # of the best designs; all others have the first

OnDone = Callable[[Row], None]


@dataclass
class _Growth:
    """A table's file while trainings are added to it."""

    file: Path
    scale: str
    launch: Launch
    parallel: int
    on_done: OnDone
    rows: Rows = field(default_factory=dict)

    def train(self, wanted: Sequence[tuple[Entry, int]], cpu_limit: float | None = None) -> None:
        """Train what is not recorded, in this order. What is in flight when this is interrupted is lost."""
        missing = [(entry, seed) for entry, seed in wanted if (entry.sha256, seed) not in self.rows]
        pool = ThreadPoolExecutor(self.parallel)
        running: set[Future[Row]] = set()
        try:
            for entry, seed in missing:
                if len(running) == self.parallel:
                    running = self._kept(running)
                running.add(pool.submit(train_row, entry, self.scale, seed, self.launch, cpu_limit))
            while running:
                running = self._kept(running)
        except BaseException as error:
            # Ctrl-C is passed on at once: only the caller can end the children that the threads still wait for.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()

    def _kept(self, running: set[Future[Row]]) -> set[Future[Row]]:
        done, left = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            row = future.result()
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row.model_dump(mode="json")) + "\n")
            self.rows[row.source_sha256, row.seed] = row
            self.on_done(row)
        return left


def grow(
    designs: Sequence[Entry],
    scale: str,
    file: Path,
    launch: Launch,
    top: int = 50,
    parallel: int = 1,
    on_done: OnDone = lambda _: None,
) -> Rows:
    """Train what ``file`` lacks: the baselines, every design with seed 1, and the ``top`` fittest with seeds 2 and 3.

    A design that is refused or fails is a row with its reason. Raises ValueError if a baseline fails, and for a file of
    something else.
    """
    growth = _Growth(file, scale, launch, parallel, on_done, recorded(file, scale))
    file.parent.mkdir(parents=True, exist_ok=True)
    end_last_line(file)
    reference, *others = baseline_entries()
    growth.train([(reference, seed) for seed in BASELINE_SEEDS])
    slowest = max(growth.rows[reference.sha256, seed].train_cpu_seconds for seed in BASELINE_SEEDS)
    growth.train([(entry, seed) for seed in BASELINE_SEEDS for entry in others])
    panel = panel_of(growth.rows)
    growth.train([(entry, SEEDS[0]) for entry in designs], SLOWEST * slowest)
    best = best_first(designs, growth.rows, panel)[:top]
    growth.train([(entry, seed) for seed in SEEDS[1:] for entry in best], SLOWEST * slowest)
    return growth.rows


def trainings(designs: int, top: int) -> int:
    """How many trainings a whole table has, if no design fails."""
    return len(baseline_entries()) * len(BASELINE_SEEDS) + designs + min(top, designs) * (len(SEEDS) - 1)
