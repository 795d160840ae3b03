"""What a campaign leaves for a cassette: its settings, its model calls, and the results of its evaluations."""

from collections.abc import Iterator

from archdb import (
    Campaign,
    CassetteUnusable,
    Experiment,
    Stage,
    Store,
    campaign_experiments,
    code_versions,
    list_calls,
    unfinished_cycles,
)
from archdb.copies import Cassette, HeldCall, HeldEvaluation, Settings, find_cassette
from tasks.replay.playing import ablation_of

EVALUATIONS = ("compile-check", "gpu-train", "benchmark")
MEANS = ("objectives", "details", "efficiency")  # fields of an experiment that its last benchmark sets


def record_cassette(store: Store, campaign: Campaign) -> Cassette:
    """The cassette of a campaign's finished cycles, from the first without a gap; of a replay, the one that it plays.

    Raises:
        CassetteUnusable: nothing of it could be run again.
    """
    if campaign.cassette:
        return find_cassette(store, campaign.cassette)
    if campaign.ranked_by:
        raise CassetteUnusable(
            f"Campaign {campaign.id} was imported and never ran here: export one that `archloop run` made."
        )
    if campaign.panel is None:
        raise CassetteUnusable(f"The baselines of {campaign.id} are not finished: run it on, then export it.")
    designs = campaign_experiments(store, campaign.id)
    finished = {one.cycle for one in designs if one.cycle is not None} - set(unfinished_cycles(store, campaign.id))
    cycles = next(number for number in range(len(finished) + 1) if number + 1 not in finished)
    told = [one for one in designs if one.kind == "baseline" or (one.cycle is not None and one.cycle <= cycles)]
    return Cassette(
        campaign=campaign.id,
        settings=Settings.model_validate(campaign.model_dump() | {"cycles": cycles}),
        environment=campaign.environment,
        calls=tuple(call for one in told for call in _calls(store, one)),
        evaluations=tuple(found for one in told for found in _evaluations(store, one)),
    )


def _calls(store: Store, one: Experiment) -> Iterator[HeldCall]:
    if one.cycle is None:
        return
    for call in sorted(list_calls(store, one.id), key=lambda call: (call.role, call.number)):
        kinds = tuple(attempt.kind for attempt in call.attempts)
        yield HeldCall.model_validate(call.model_dump() | {"cycle": one.cycle, "attempts": kinds})


def _evaluations(store: Store, one: Experiment) -> Iterator[HeldEvaluation]:
    programs = {version.attempt: version.sha256 for version in code_versions(store, one.id)}
    for stage in sorted(one.stages.values(), key=lambda stage: (stage.attempt, stage.seed or 0, stage.stage)):
        if stage.stage in EVALUATIONS:
            yield HeldEvaluation(
                cycle=one.cycle,
                ablation=ablation_of(one),
                baseline=one.name if one.kind == "baseline" else "",
                stage=stage.stage,
                attempt=stage.attempt,
                seed=stage.seed,
                program=programs[stage.attempt],
                summary=stage.summary,
                report=stage.report or "",
                failure=stage.failure,
                sets=_sets(one, stage),
            )


def _sets(one: Experiment, stage: Stage) -> dict[str, dict[str, float]]:
    """The means over seeds, beside the benchmark of the last one."""
    if stage.stage != "benchmark" or stage.seed != one.seeds[-1] or stage.failure is not None:
        return {}
    return {name: getattr(one, name) for name in MEANS}
