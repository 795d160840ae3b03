"""The null study from beginning to end: which trainings it takes, and what campaigns resampled from them say."""

from collections.abc import Callable
from pathlib import Path

from evaluation.baselines import baselines, source
from evaluation.bench.edits import REFERENCE, unchanged_designs
from evaluation.bench.null import Null, NullPlan, fitness_values, null
from evaluation.bench.trainings import Training, trained
from evaluation.launch import Launch


def null_trainings(seeds: int) -> list[tuple[str, int]]:
    """(design, seed) of every training: the reference and its edits with seeds from 1, the panel with seed 1."""
    edits, panel = unchanged_designs(), _panel()
    return [(name, seed) for seed in range(1, seeds + 1) for name in edits] + [(name, 1) for name in panel]


def null_study(
    scale: str,
    seeds: int,
    plan: NullPlan,
    file: Path,
    launch: Launch,
    parallel: int = 1,
    on_done: Callable[[Training], None] = lambda _: None,
) -> Null:
    """Train what ``file`` lacks, then resample.

    Raises TrainingFailed if a design does not train, and ValueError for a file of something else, an unknown scale or
    too few seeds.
    """
    if seeds <= plan.seeds:
        raise ValueError(
            f"{plan.seeds} fresh seeds beside one for screening are needed, but {seeds} are to be trained: train at "
            f"least {plan.seeds + 1}."
        )
    edits, panel = unchanged_designs(), _panel()
    found = trained(null_trainings(seeds), edits | panel, scale, file, launch, parallel, on_done)
    return null(fitness_values(found, list(edits), list(panel), seeds), plan)


def _panel() -> dict[str, str]:
    return {name: source(name) for name, one in baselines().items() if one.default and name != REFERENCE}
