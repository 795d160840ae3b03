"""The domain seam: what a campaign's evaluation module must offer. Stages know designs only through it.

A campaign names its module ("evaluation" by default). Another domain brings a module with these functions, and a
provider that writes its designs; flows and stages stay as they are.
"""

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from evaluation import (
    Baseline,
    BenchmarkReport,
    Ceilings,
    CheckReport,
    Comparison,
    Corpus,
    Costs,
    Documented,
    Efficiency,
    Fitness,
    Launch,
    Measure,
    Objective,
    Panel,
    Progress,
    Scale,
    TrainReport,
)

FUNCTIONS = (
    "objectives_of", "scale", "check", "train", "benchmark", "fitness", "compare", "baselines", "baseline_source",
    "corpus", "MEASURES", "claims", "of_training", "measure_efficiency",
    "ceilings", "library",
)  # fmt: skip


class Domain(Protocol):
    """The public face of an evaluation module; see evaluation/__init__.py for what each function promises."""

    MEASURES: Mapping[str, Measure]  # of efficiency, in the order in which they are shown

    def objectives_of(self, scale: str) -> Mapping[str, Objective]: ...

    def scale(self, name: str) -> Scale: ...

    def check(
        self,
        source: str,
        scale: str,
        folder: Path,
        launch: Launch,
        reference_parameters: int | None = None,
        *,
        full: bool = False,
        quadratic: bool = False,
    ) -> CheckReport: ...

    def train(
        self,
        source: str,
        scale: str,
        seed: int,
        mlp_hidden: int,
        folder: Path,
        launch: Launch,
        cpu_limit: float | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> TrainReport: ...

    def benchmark(
        self,
        source: str,
        scale: str,
        seed: int,
        mlp_hidden: int,
        weights: Path,
        folder: Path,
        launch: Launch,
        split: Literal["validation", "holdout"],
    ) -> BenchmarkReport: ...

    def claims(self, costs: Costs | None) -> dict[str, float]: ...

    def of_training(self, tokens: int, cpu_seconds: float, peak_bytes: int) -> dict[str, float]: ...

    def measure_efficiency(
        self, source: str, scale: str, mlp_hidden: int, weights: Path, folder: Path, launch: Launch
    ) -> Efficiency: ...

    def ceilings(self, scale: str) -> Ceilings: ...

    def fitness(self, objectives: Mapping[str, float], panel: Panel) -> Fitness: ...

    def compare(
        self, candidate: Mapping[str, Sequence[float]], reference: Mapping[str, Sequence[float]]
    ) -> Comparison: ...

    def baselines(self) -> Mapping[str, Baseline]: ...

    def baseline_source(self, name: str) -> str: ...

    def library(self) -> tuple[Documented, ...]: ...

    def corpus(self) -> Corpus: ...


@functools.cache
def domain_of(name: str) -> Domain:
    """The domain of this module name.

    Raises:
        ValueError: there is no such module, or it lacks a function of the seam.
    """
    try:
        module: Any = importlib.import_module(name)
    except ModuleNotFoundError as fault:
        raise ValueError(
            f"The domain module {name} cannot be imported ({fault}): install it or mend its name."
        ) from fault
    missing = [function for function in FUNCTIONS if not hasattr(module, function)]
    if missing:
        raise ValueError(f"The domain module {name} lacks {', '.join(missing)}: see tasks/domain.py for what it needs.")
    return cast(Domain, module)
