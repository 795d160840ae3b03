"""Which checks to run, what each must say, and running them."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evaluation import CheckReport, baseline_source, baselines, check
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.naming import name_of
from tasks.agents.grammar.space import Design, random_design
from tasks.faults import NotConfined
from tasks.sandbox.jail import jail, stop_everything
from tests.seeded_bugs import BASES, BUGS, CONTROLS, Bug, Control, source_of

SCALE = "tiny"
AT_ONCE = 2


@dataclass(frozen=True)
class Case:
    """One file to check. A correct layer, of which only a bug is none, must not fail."""

    kind: Literal["bug", "control", "baseline", "grammar"]
    name: str
    base: str  # the layer that was changed; "" for baselines and grammar designs
    source: str
    edit: Bug | Control | None = None  # of the base
    quadratic: bool = False  # by design, as the harness knows

    @property
    def bug(self) -> Bug | None:
        """What it must be caught for, if anything."""
        return self.edit if isinstance(self.edit, Bug) else None

    @property
    def label(self) -> str:
        """Its name in words of a message."""
        return f"{self.name} on {self.base}" if self.base else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Outcome:
    """What the check said. ``report`` is None if it raised instead: ``raised`` tells how."""

    case: Case
    seconds: float  # wall clock
    report: CheckReport | None
    raised: str = ""

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """(verdict, property, evidence) of all that is not a pass, and the failure's kind as if it were a property."""
        if self.report is None:
            return [("raised", "check", self.raised)]
        found = [(v.verdict, v.property, v.evidence) for v in self.report.verdicts if v.verdict != "pass"]
        failure = self.report.failure
        return found if failure is None else [*found, ("fail", failure.kind, failure.message)]

    @property
    def got(self) -> str:
        """The same in a few words."""
        parts = []
        for verdict in ("raised", "fail", "warn"):
            names = dict.fromkeys(name for given, name, _ in self.said if given == verdict)
            parts += [f"{verdict} {', '.join(names)}"] if names else []
        return "; ".join(parts) or "pass"

    @property
    def rejected(self) -> bool:
        """Whether the design may not be trained."""
        return any(verdict != "warn" for verdict, _, _ in self.said)

    @property
    def right(self) -> bool:
        """Whether the bug was caught for what it is and no harder, or the correct layer was left alone."""
        bug = self.case.bug
        if bug is None:
            silent = isinstance(self.case.edit, Control) and self.case.edit.silent
            return not (self.said if silent else self.rejected)
        caught = any(
            (verdict, name) == (bug.verdict, wanted) for verdict, name, _ in self.said for wanted in bug.expects
        )
        return caught and self.rejected == (bug.verdict == "fail")


def bug_cases(bugs: Iterable[Bug] = BUGS) -> list[Case]:
    """Every bug on both bases."""
    return [Case("bug", bug.name, base, source_of(bug, base), bug) for bug in bugs for base in BASES]


def control_cases(controls: Iterable[Control] = CONTROLS) -> list[Case]:
    """Every control on both bases."""
    return [Case("control", one.name, base, source_of(one, base), one) for one in controls for base in BASES]


def baseline_cases() -> list[Case]:
    """Every baseline, softmax attention marked as quadratic by design."""
    return [
        Case("baseline", name, "", baseline_source(name), quadratic=one.quadratic) for name, one in baselines().items()
    ]


def grammar_cases(count: int, seed: int) -> list[Case]:
    """``count`` different random designs of the grammar."""
    rng = random.Random(seed)
    designs: dict[Design, None] = {}
    while len(designs) < count:
        designs[random_design(rng)] = None
    return [Case("grammar", name_of(one), "", compose(one, name_of(one), "")) for one in designs]


def run_case(case: Case, folder: Path) -> Outcome:
    """Check one file in a jailed child. Whatever the check itself raises is an outcome too: a design provoked it."""
    started = time.monotonic()
    report, raised = None, ""
    full = case.edit is not None and case.edit.full
    try:
        report = check(case.source, SCALE, folder, jail(), full=full, quadratic=case.quadratic)
    except NotConfined:
        raise
    except Exception as error:
        if stop_everything.is_set():
            raise
        raised = f"{type(error).__name__}: {error}"
    return Outcome(case, time.monotonic() - started, report, raised)


def run_cases(cases: list[Case], told: Callable[[Outcome], None] = lambda _: None) -> list[Outcome]:
    """Check all, ``AT_ONCE`` at a time, for outcomes in the order given; ``told`` hears of each as it ends."""
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(run_case, case, Path(scratch) / str(index)) for index, case in enumerate(cases)]
        try:
            for ended in as_completed(running):
                told(ended.result())
        except BaseException:
            stop_everything.set()
            pool.shutdown(cancel_futures=True)
            raise
        return [each.result() for each in running]
