"""What is known of a design, and what is not, for the card of its package."""

from collections.abc import Iterator
from statistics import fmean, stdev

from archdb import Campaign, Experiment, Store, find_experiments, get_report, list_verified
from archdb.records import Record
from evaluation import CLAIM, BenchmarkReport, CheckReport, Panel, TrainReport, Verdict, packages_of
from flows.ablation_results import ablation_results, in_words, standing
from flows.verify_design import sentence
from tasks.compile_check import source_of
from tasks.domain import Domain, domain_of
from tasks.dossier.fitness_source import fitness_source, sha256_of_source


class Score(Record):
    """One objective over the seeds."""

    title: str
    unit: str
    seeds: tuple[float, ...]
    reference: str  # its mean, deviation and number of seeds
    difference: str  # to the reference, with its interval and what it means; "" where nothing can be said
    gain: float | None


class Cost(Record):
    title: str
    unit: str
    value: float
    claimed: bool  # by the design's own process


class Evidence(Record):
    """Everything that the card shows, plain values only."""

    scores: tuple[Score, ...]
    mean_gain: str
    seeds: tuple[int, ...]  # that were scored
    verification: str  # the result of the test on fresh seeds; "" if there was none
    verdicts: tuple[Verdict, ...]  # of the check, then of the trained weights
    packages: tuple[str, ...]  # that it needs
    steps: bool  # whether it decodes token by token
    grows: bool  # and its state grows with each
    ablations: tuple[tuple[str, str], ...]
    costs: tuple[Cost, ...]
    parents: tuple[str, ...]
    corpus: dict[str, str]
    tokens: int
    parameters: int
    reference_parameters: int
    weights_sha256: str
    code_sha256: str
    fitness_source: str
    fitness_source_then: str  # at the campaign's start; "" where it was not told
    not_shown: tuple[str, ...]


def evidence_of(store: Store, campaign: Campaign, design: Experiment, seed: int) -> Evidence:
    """Read a trained design's evidence; ``seed`` is the one whose weights are in the package."""
    domain = domain_of(campaign.domain)
    check = CheckReport.model_validate(_report(store, design, "compile-check", None))
    train = TrainReport.model_validate(_report(store, design, "gpu-train", seed))
    scored = _report(store, design, "benchmark", seed)
    verdicts = check.verdicts + (BenchmarkReport.model_validate(scored).verdicts if scored else ())
    tested = next((one for one in list_verified(store, campaign.id) if one.experiment == design.id), None)
    seeds = tuple(one for one in design.seeds if _scored(design, one))
    scores, mean_gain = _scores(campaign, design, domain, seeds)
    ablations = tuple(
        (component, standing(one) if effect is None else in_words(effect, ())[0][1])
        for component, one, effect in ablation_results(store, design)
    )
    steps = any(one.property == "decoding" and "state_bytes" in one.numbers for one in check.verdicts)
    return Evidence(
        scores=scores,
        mean_gain=mean_gain,
        seeds=seeds,
        verification=sentence(design, tested) if tested else "",
        verdicts=verdicts,
        packages=packages_of(source_of(store, design)),
        steps=steps,
        grows=check.costs is not None and bool(check.costs.state_growth_per_token),
        ablations=ablations,
        costs=tuple(_costs(design, domain)),
        parents=tuple(f"{one.id} ({one.name})" for one in find_experiments(store, design.parents)),
        corpus=train.corpus,
        tokens=train.tokens,
        parameters=train.parameters,
        reference_parameters=check.reference_parameters,
        weights_sha256=train.weights_sha256,
        code_sha256=design.code or "",
        fitness_source=sha256_of_source(fitness_source(campaign.domain)),
        fitness_source_then=campaign.environment.get("fitness_source", ""),
        not_shown=tuple(_not_shown(design, seeds, tested is not None, bool(ablations), steps)),
    )


def _report(store: Store, design: Experiment, stage: str, seed: int | None) -> dict[str, object]:
    told = design.stage(stage, seed=seed)
    return dict(get_report(store, told.report)["body"]) if told is not None and told.report else {}


def _scored(design: Experiment, seed: int) -> bool:
    benchmark = design.stage("benchmark", seed=seed)
    return benchmark is not None and benchmark.failure is None


def _scores(
    campaign: Campaign, design: Experiment, domain: Domain, seeds: tuple[int, ...]
) -> tuple[tuple[Score, ...], str]:
    stages = [design.stage("benchmark", seed=seed) for seed in seeds]
    rows = [one.summary["objectives"] for one in stages if one is not None]
    if not rows:
        return (), ""
    values = {name: [float(row[name]) for row in rows] for name in rows[0]}
    panel = Panel.model_validate(campaign.panel) if campaign.panel else None
    compared = domain.compare(values, panel.reference) if panel else None
    scores = []
    for name, objective in domain.objectives_of(campaign.scale).items():
        known = panel.reference[name] if panel else ()
        found = compared.objectives[name] if compared else None
        scores.append(
            Score(
                title=objective.title,
                unit=objective.unit,
                seeds=tuple(values[name]),
                reference=f"{fmean(known):.4f} ± {stdev(known):.4f} ({len(known)} seeds)" if len(known) > 1 else "",
                difference=_between(found.difference, found.low, found.high, found.verdict) if found else "",
                gain=design.gains.get(name),
            )
        )
    mean = compared.mean_gain if compared else None
    return tuple(scores), _between(mean.difference, mean.low, mean.high, mean.verdict) if mean else ""


def _between(difference: float, low: float, high: float, verdict: str) -> str:
    return f"{difference:+.4f} (95% interval {low:+.4f} to {high:+.4f}): {verdict}"


def _costs(design: Experiment, domain: Domain) -> Iterator[Cost]:
    for name, measure in domain.MEASURES.items():
        if name in design.efficiency:
            claimed = name.startswith(CLAIM)
            yield Cost(title=measure.title, unit=measure.unit, value=design.efficiency[name], claimed=claimed)


def _not_shown(design: Experiment, seeds: tuple[int, ...], tested: bool, ablated: bool, steps: bool) -> Iterator[str]:
    if not seeds:
        yield "How good it is: no benchmark is recorded."
    elif len(seeds) < len(design.seeds):
        missing = ", ".join(str(one) for one in design.seeds if one not in seeds)
        yield f"How good it is on all of its seeds: {missing} of {len(design.seeds)} has no score."
    if design.state == "open":
        yield "What comes out in the end: its evaluation is not over."
    if not tested and design.kind != "baseline":
        yield f"That it is better than any baseline: it was not tested on fresh seeds (`archloop verify {design.id}`)."
    if len(seeds) == 1:
        yield "How much its scores vary: one seed was scored, so intervals take the reference's variation for its own."
    if not ablated:
        yield "Which of its parts matter: no component was knocked out."
    if not steps:
        yield "Decoding in constant memory: the design has no `step`, so a new token costs a pass over the whole text."
    yield "Anything at a larger size: that is what `archloop promote` asks."
    yield "That somebody has read its program: it was confined while it was evaluated, and is not when you load it."
