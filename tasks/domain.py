"""The domain seam: what a campaign's evaluation module must offer. Stages know designs only through it.

A campaign names its module ("evaluation" by default). Another domain brings a module with these functions, and
``agents``, the provider that writes its designs, with ``ROLES`` if it asks a model; flows and stages stay as they are.
Its objectives are losses: lower is better. docs/own-domain.md has a whole one.
"""

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from archdb import Campaign
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
    TrainReport,
)

if TYPE_CHECKING:
    from tasks.agents.desk import Desk
    from tasks.agents.protocols import Agents

OWN_DOMAIN = str(Campaign.model_fields["domain"].default)  # archloop's own, of campaigns where nobody names another
FUNCTIONS = (
    "objectives_of", "scale", "check", "train", "benchmark", "fitness", "compare", "baselines", "baseline_source",
    "corpus", "MEASURES", "claims", "of_training", "measure_efficiency",
    "ceilings", "library",
)  # fmt: skip


class DomainScale(Protocol):
    """How large designs are and how long they are trained: a pydantic record, of which stages read this much."""

    name: str
    reference_parameters: int  # what scales are ordered by, from small to large

    @property
    def tasks(self) -> Sequence[Any]:
        """What MLflow names as data besides the corpus, as evaluation.Scale has it; may be empty."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


class Domain(Protocol):
    """The public face of an evaluation module; see evaluation/__init__.py for what each function promises."""

    MEASURES: Mapping[str, Measure]  # of efficiency, in the order in which they are shown

    def objectives_of(self, scale: str) -> Mapping[str, Objective]: ...

    def scale(self, name: str) -> DomainScale: ...

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
        ValueError: there is no such module, it cannot be imported, or it lacks a function of the seam.
    """
    try:
        module: Any = importlib.import_module(name)
    except Exception as fault:  # the module is a person's own: whatever it raises is theirs to read
        reason = str(fault) if isinstance(fault, ModuleNotFoundError) else f"{type(fault).__name__}: {fault}"
        raise ValueError(
            f"The domain module {name} cannot be imported ({reason}): mend its name, or put its folder on PYTHONPATH."
        ) from fault
    missing = [function for function in FUNCTIONS if not hasattr(module, function)]
    if missing:
        raise ValueError(f"The domain module {name} lacks {', '.join(missing)}: see tasks/domain.py for what it needs.")
    return cast(Domain, module)


def own_agents(name: str) -> "Callable[[Desk], Agents] | None":
    """The provider that a domain brings: its function ``agents``, from a desk to the three roles. None without one."""
    found: Callable[[Desk], Agents] | None = getattr(domain_of(name), "agents", None)
    return found


def own_roles(name: str) -> tuple[str, ...]:
    """The roles for which the provider of a domain asks a model: its tuple ``ROLES``; none without one."""
    return tuple(getattr(domain_of(name), "ROLES", ()))


def method_of(name: str) -> str:
    """What the report says that all designs of a domain have in common: its text ``METHOD``; empty without one."""
    return str(getattr(domain_of(name), "METHOD", ""))
