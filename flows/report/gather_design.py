"""One experiment's part of the report, read from the store."""

import difflib
from collections.abc import Iterator, Mapping

from archdb import Experiment, Running, Stage
from evaluation import CLAIM, BenchmarkReport, CheckReport, ComponentEffect, Fitness, TrainReport
from evaluation import Verdict as Judged
from flows.ablation_results import standing
from flows.report.contents import (
    Ablation,
    Attempt,
    Cost,
    Design,
    DiffKind,
    DiffLine,
    Evidence,
    Failure,
    Link,
    Score,
    Seed,
    Slot,
    Step,
    Verdict,
)
from flows.report.library import Library, named, online
from flows.report.wording import anchor
from tasks.asked_ablations import ablations_of

FINDING = "/finding-"  # in the id of a finding, behind that of its design


def gather_design(library: Library, experiment: Experiment, running: Running | None) -> Design:
    """Everything that the report shows of one experiment, save its rank."""
    parent = library.parent(experiment)
    proposed = experiment.stage("propose", 0)
    summary = proposed.summary if proposed else {}
    trained = {seed: _training(library, experiment.stage("gpu-train", seed=seed)) for seed in experiment.seeds}
    seeds = tuple(_seed(library, experiment, seed, report) for seed, report in trained.items())
    curves = next((dict(report.curves) for report in trained.values() if report), {})
    return Design(
        id=experiment.id,
        anchor=anchor(experiment.id),
        name=experiment.name,
        kind=experiment.kind,
        state=experiment.state,
        reference="reference" in experiment.tags,
        quadratic="quadratic" in experiment.tags,
        cycle=experiment.cycle,
        origin=library.origin(experiment),
        parents=tuple(library.link(one) for one in experiment.parents),
        parent=experiment.parents[0] if experiment.parents else None,
        fitness=experiment.fitness,
        scores=_scores(library, experiment),
        details=experiment.details,
        ablations=tuple(_ablations(library, experiment)),
        costs=tuple(_costs(library, experiment)),
        parameters=_parameters(experiment, seeds),
        seeds=tuple(one for one in seeds if one.objectives or one.cpu_seconds is not None),
        cpu_seconds=experiment.cpu_seconds,
        motivation=library.text(experiment.motivation),
        analysis=library.text(experiment.analysis),
        query=str(summary.get("query") or ""),
        evidence=tuple(_evidence(library, summary)),
        slots=_slots(experiment, parent),
        code=tuple(_code(library.text(experiment.code), library.text(parent.code if parent else None))),
        compared=bool(parent and parent.code),
        attempts=tuple(_attempts(library, experiment)),
        steps=tuple(_step(stage) for stage in sorted(experiment.stages.values(), key=lambda one: one.started_at)),
        curves=curves,
        failure=Failure.model_validate(experiment.failure.model_dump()) if experiment.failure else None,
        now=_now(running) if running and experiment.state == "open" else "",
        mlflow_run=experiment.mlflow_run,
        finished_at=experiment.finished_at,
    )


def _scores(library: Library, experiment: Experiment) -> dict[str, Score]:
    scored = library.report(experiment.stage("analyze", 0))
    gains = Fitness.model_validate(scored).gains if scored else {}
    return {
        name: Score(value=value)
        if name not in gains
        else Score(
            value=value,
            gain=gains[name].gain,
            normalised=gains[name].normalised,
            in_noise=gains[name].in_noise,
        )
        for name, value in experiment.objectives.items()
    }


def _ablations(library: Library, experiment: Experiment) -> Iterator[Ablation]:
    for name, component in ablations_of(experiment).items():
        one = library.experiments.get(name)
        if one is None:
            continue
        told = library.report(one.stage("analyze", 0))
        effect = ComponentEffect.model_validate(told) if told else None
        yield Ablation(
            id=one.id,
            anchor=anchor(one.id),
            component=component,
            parameters=_parameters(one, ()),
            cpu_seconds=one.cpu_seconds,
            effect=effect,
            standing="" if effect else standing(one),
        )


def _costs(library: Library, experiment: Experiment) -> Iterator[Cost]:
    reference = next((one for one in library.experiments.values() if "reference" in one.tags), None)
    for name, measure in library.measures.items():
        if name in experiment.efficiency:
            yield Cost(
                title=measure.title,
                unit=measure.unit,
                value=experiment.efficiency[name],
                reference=reference.efficiency.get(name) if reference else None,
                claimed=name.startswith(CLAIM),
            )


def _seed(library: Library, experiment: Experiment, seed: int, training: TrainReport | None) -> Seed:
    scored = library.report(experiment.stage("benchmark", seed=seed))
    report = BenchmarkReport.model_validate(scored) if scored else None
    return Seed(
        seed=seed,
        objectives=report.objectives if report else {},
        verdicts=_verdicts(report.verdicts if report else ()),
        parameters=(training.parameters or None) if training else None,
        tokens=(training.tokens or None) if training else None,
        cpu_seconds=training.cpu_seconds if training else None,
        peak_bytes=(training.peak_bytes or None) if training else None,
    )


def _training(library: Library, stage: Stage | None) -> TrainReport | None:
    reported = library.report(stage)
    return TrainReport.model_validate(reported) if reported else None


def _parameters(experiment: Experiment, seeds: tuple[Seed, ...]) -> int | None:
    counted = next((one.parameters for one in seeds if one.parameters), None)
    checked = experiment.stage("compile-check")
    return counted or ((checked.summary.get("parameters") or None) if checked else None)


def _evidence(library: Library, summary: Mapping[str, object]) -> Iterator[Evidence]:
    """What was retrieved, in its order, then what else was used: findings, papers, designs and component statistics."""
    used = named(summary, "used")
    for one in dict.fromkeys(named(summary, "retrieved") + used):
        known = one in used
        entry = library.entries.get(one)
        if entry is not None:
            if entry.kind == "paper":
                link = Link(text=entry.title, href=online(one))
            else:
                link = Link(text=entry.text, href=_of_finding(library, one))
            yield Evidence(kind=entry.kind, id=one, link=link, used=known)
        elif one.startswith(("arXiv:", "doi:")):
            yield Evidence(kind="paper", id=one, link=Link(text=one, href=online(one)), used=known)
        elif FINDING in one:
            yield Evidence(kind="finding", id=one, link=Link(text=one, href=_of_finding(library, one)), used=known)
        elif "=" in one:
            yield Evidence(kind="component", id=one, link=Link(text=one), used=known)
        else:  # a design, of this campaign or of another one
            yield Evidence(kind="experiment", id=one, link=library.link(one), used=known)


def _of_finding(library: Library, finding: str) -> str:
    """Where the design stands that a finding was made of."""
    return library.link(finding.split(FINDING)[0]).href


def _slots(experiment: Experiment, parent: Experiment | None) -> tuple[Slot, ...]:
    now, before = experiment.components, parent.components if parent else {}
    if not before:
        return tuple(Slot(name=name, choice=choice) for name, choice in now.items())
    names = dict.fromkeys([*now, *before]) if now else {}
    return tuple(
        Slot(name=name, choice=now.get(name), before=before.get(name), changed=now.get(name) != before.get(name))
        for name in names
    )


def _code(source: str, parent: str) -> Iterator[DiffLine]:
    if not parent or not source:
        yield from (DiffLine(kind="same", text=line) for line in source.splitlines())
        return
    kinds: dict[str, DiffKind] = {"+": "add", "-": "remove", "@": "hunk"}
    found = difflib.unified_diff(parent.splitlines(), source.splitlines(), lineterm="", n=3)
    for line in list(found)[2:]:  # the first two lines name files
        yield DiffLine(kind=kinds.get(line[:1], "same"), text=line)


def _attempts(library: Library, experiment: Experiment) -> Iterator[Attempt]:
    for number in range(experiment.attempt + 1):
        checked, written = experiment.stage("compile-check", number), experiment.stage("codegen", number)
        if checked is None:
            continue
        reported = library.report(checked)
        report = CheckReport.model_validate(reported) if reported else None
        yield Attempt(
            number=number,
            note=str(written.summary.get("note") or "") if written else "",
            verdicts=_verdicts(report.verdicts if report else ()),
            failure=Failure.model_validate(checked.failure.model_dump()) if checked.failure else None,
            isolation=report.sandbox if report else {},
            parameters=(report.parameters or None) if report else None,
            reference_parameters=(report.reference_parameters or None) if report else None,
        )


def _verdicts(judged: tuple[Judged, ...]) -> tuple[Verdict, ...]:
    return tuple(Verdict.model_validate(one.model_dump(include=set(Verdict.model_fields))) for one in judged)


def _step(stage: Stage) -> Step:
    spent = stage.summary.get("cpu_seconds")
    return Step(
        name=stage.stage,
        attempt=stage.attempt,
        seed=stage.seed,
        started_at=stage.started_at,
        seconds=stage.seconds,
        cpu_seconds=float(spent) if spent is not None else None,
        failed=stage.failure is not None,
        flow_run=stage.flow_run,
    )


def _now(running: Running) -> str:
    if not running.steps:
        return f"in {running.stage}"
    return f"in {running.stage}: {running.task}, step {running.step} of {running.steps}"
