"""Stages ``verify`` and ``promote``: is a design a breakthrough on fresh seeds, and does the sealed hold-out agree?"""

import time
from collections.abc import Sequence

from archdb import (
    Body,
    Campaign,
    Experiment,
    Store,
    Verified,
    add_holdout,
    get_campaign,
    get_experiment,
    list_verified,
    open_store,
    record_verified,
)
from evaluation import Panel, Verification, fitness_of_seeds, promote, verify
from tasks import tracking
from tasks.anchors import anchor_tags
from tasks.registered import register
from tasks.run_end import close_run
from tasks.stage import Outcome, run_stage, stage_task


@stage_task("verify")
def verify_design(repeated: str, token: int, design: str, rival: str) -> bool:
    """Test ``design``, which was ``repeated`` on fresh seeds, against the baseline repeated as ``rival``.

    Returns whether it is a breakthrough.
    """
    after = run_stage(repeated, token, "verify", lambda store, now: _verify(store, now, design, rival), attempt=0)
    found = after.stage("verify", 0)
    if found is not None:
        p, level = (float(found.summary[name]) for name in ("p", "level"))
        told = f"Trained on fresh seeds to test {design}: p {p:.3g}, level {level:.3g}."
        _close_runs(open_store(), after, get_experiment(open_store(), rival), told)
    return found is not None and bool(found.summary["breakthrough"])


@stage_task("promote")
def promote_design(repeated: str, token: int, design: str, rival: str) -> None:
    """Hold a breakthrough against the sealed split, once the hold-out scores of all seeds of both are recorded."""
    run_stage(repeated, token, "promote", lambda store, now: _promote(store, now, design, rival), attempt=0)


def _verify(store: Store, repeated: Experiment, design: str, rival: str) -> Outcome:
    campaign = get_campaign(store, repeated.campaign)
    against = get_experiment(store, rival)
    ours, theirs = (_fitness(campaign, one, "benchmark") for one in (repeated, against))

    def test(earlier: Sequence[Verified]) -> Body:
        before = [Verification.model_validate(one.result) for one in earlier]
        return verify(ours, theirs, before).model_dump(mode="json")

    one = record_verified(store, campaign.id, design, against.name.partition(" ")[0], test)
    found = Verification.model_validate(one.result)
    run = get_experiment(store, design).mlflow_run
    if run:
        tracking.set_tags(run, {"archloop.breakthrough": str(found.breakthrough).lower()} | anchor_tags(store))
    done = {} if found.breakthrough else {"state": "done", "finished_at": time.time()}
    return Outcome(
        summary={"breakthrough": found.breakthrough, "p": found.confirmation.p, "level": found.level},
        report=found,
        patch=done,
    )


def _promote(store: Store, repeated: Experiment, design: str, rival: str) -> Outcome:
    campaign = get_campaign(store, repeated.campaign)
    one = next(one for one in list_verified(store, campaign.id) if one.experiment == design)
    ours, theirs = (_fitness(campaign, other, "hold-out") for other in (repeated, get_experiment(store, rival)))
    found = promote(Verification.model_validate(one.result), ours, theirs)
    add_holdout(store, one, found.model_dump(mode="json"))
    original = get_experiment(store, design)
    if repeated.mlflow_run:
        register(store, campaign, original, repeated, one.model_copy(update={"result": found.model_dump(mode="json")}))
    if original.mlflow_run:
        tags = {"archloop.promoted": str(found.promoted).lower()} | anchor_tags(store)
        tracking.set_tags(original.mlflow_run, tags)
    return Outcome(
        summary={"promoted": found.promoted}, report=found, patch={"state": "done", "finished_at": time.time()}
    )


def close_untested(store: Store, repeated: Experiment, rival: Experiment, design: str) -> None:
    """End the MLflow runs of two repetitions of which one failed, so that there is nothing to test."""
    _close_runs(store, repeated, rival, f"Trained on fresh seeds to test {design}, which could not be: one failed.")


def _close_runs(store: Store, repeated: Experiment, rival: Experiment, told: str) -> None:
    for one in (repeated, rival):
        if one.mlflow_run:
            close_run(store, one, told, {})


def _fitness(campaign: Campaign, experiment: Experiment, stage: str) -> list[float]:
    done = [experiment.stage(stage, seed=seed) for seed in experiment.seeds]
    objectives = [one.summary["objectives"] for one in done if one]
    if len(objectives) != len(experiment.seeds) or campaign.panel is None:
        raise ValueError(f"{experiment.id} has {len(objectives)} of {len(experiment.seeds)} seeds scored: finish them.")
    found: list[float] = fitness_of_seeds(objectives, Panel.model_validate(campaign.panel))
    return found
