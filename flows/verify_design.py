"""Test a screened design on fresh seeds against the best sub-quadratic baseline: the only way to a breakthrough."""

import time
from functools import partial

from prefect import flow

from archdb import (
    Campaign,
    Conflict,
    Experiment,
    Verified,
    baselines,
    cancel,
    create_experiment,
    get_experiment,
    get_text,
    list_verified,
    open_store,
    reserve_all,
    set_fields,
)
from evaluation import POWER, Panel, fresh_seeds, smallest_found
from flows.announcing import announce_breakthrough
from flows.approval import await_approval
from flows.choices import AtLeastOne, AtLeastTwo
from flows.estimate import verification_estimate
from flows.given_design import evaluate_source
from flows.governed import cancelled_by_people, refuse_halted
from flows.in_parallel import in_parallel
from flows.joining import join
from flows.leased import working_on
from flows.pulse import beating
from flows.slots import in_slot
from flows.within_budget import within_budget
from tasks.benchmark import hold_out
from tasks.plan import hold_outs, repetition_plan
from tasks.rivals import repetitions_of, rival_of
from tasks.spending import give_back
from tasks.verify import close_untested, promote_design, verify_design

CONFIRMATION_SEEDS = 5


@flow(name="verify-design", flow_run_name="verify {experiment_id}")
@beating
@cancelled_by_people
def verify(experiment_id: str, seeds: AtLeastTwo = CONFIRMATION_SEEDS, parallel: AtLeastOne = 2) -> str:
    """Train a design and the best sub-quadratic baseline on the same fresh seeds, and test whether it is better.

    All that this may cost is reserved in the campaign's budget before anything starts, and before that people approve
    it where the campaign asks them.

    A design is tested once: asked again, the flow goes on where it was, or tells the recorded result. Only a
    breakthrough is then held against the sealed split, which decides whether it is promoted to the next scale.

    Args:
        experiment_id: a finished candidate, or a file that was evaluated.
        seeds: how many fresh seeds; 2 at least.
        parallel: how many of the two are trained at a time.

    Returns:
        What came out, in a line.
    """
    store = open_store()
    design = get_experiment(store, experiment_id)
    campaign = join(design.campaign, parallel)
    refuse_halted(store, campaign.id)
    if design.kind not in ("candidate", "external") or design.fitness is None:
        raise Conflict(
            f"{design.id} cannot be verified: give a candidate or a file that was evaluated to the end, as "
            f"`archloop leaderboard --campaign {campaign.id}` lists them."
        )
    known = verified(design)
    if known is None or (known.result["breakthrough"] and known.result["promoted"] is None):
        fresh, rival = fresh_seeds(design.id, seeds), _rival(campaign)
        pair = [one.model_copy(update={"seeds": fresh}) for one in (design, rival)]
        plan = partial(verification_estimate, store, campaign, design, pair)
        await_approval(store, campaign, "verification", design.id, plan, size=sum(len(one.seeds) for one in pair))
        _test(campaign, design, rival, fresh, parallel)
        known = verified(design)
        if known is not None and known.result["breakthrough"] and known.result["promoted"] is not None:
            announce_breakthrough(known, sentence(design, known))
    return f"{design.id} {design.name}: not verified, a training failed" if known is None else sentence(design, known)


def verified(design: Experiment) -> Verified | None:
    """The design's test, if it was made."""
    return next((one for one in list_verified(open_store(), design.campaign) if one.experiment == design.id), None)


def sentence(design: Experiment, one: Verified) -> str:
    """What a test means, in a sentence."""
    found = one.result["confirmation"]
    word = "is a breakthrough" if one.result["breakthrough"] else "is no breakthrough"
    told = (
        f"{design.id} {design.name} {word}: {found['difference']:+.3f} in fitness against {one.baseline} on "
        f"{len(found['differences'])} fresh seeds (95% interval {found['low']:+.3f} to {found['high']:+.3f}; p "
        f"{found['p']:.3g}, level {one.result['level']:.3g}, test {one.number} of its campaign)"
    )
    if not one.result["breakthrough"]:
        least = smallest_found(found["deviation"], found["degrees"], len(found["differences"]), one.result["level"])
        return f"{told}. A true gain of {least:+.2f} would have been found {POWER:.0%} of the time."
    if one.result["promoted"] is None:
        return told + "."
    held = one.result["holdout"]
    agrees = "agrees, so it is promoted" if one.result["promoted"] else "does not agree, so it is not promoted"
    return f"{told}. The sealed hold-out {agrees} ({held['difference']:+.3f}, p {held['p']:.3g})."


def _rival(campaign: Campaign) -> Experiment:
    """The best sub-quadratic baseline of a campaign."""
    store = open_store()
    baseline = rival_of(Panel.model_validate(campaign.panel), baselines(store, campaign.id))
    return get_experiment(store, f"{campaign.id}-{baseline}")


def _test(campaign: Campaign, design: Experiment, rival: Experiment, seeds: tuple[int, ...], parallel: int) -> None:
    store = open_store()
    pair = []
    for one, number in zip((design, rival), repetitions_of(design.id, rival.name), strict=True):
        again = create_experiment(
            store, number, campaign=campaign.id, kind="verification", name=f"{one.name} on fresh seeds", seeds=seeds
        )
        pair.append((again, get_text(store, one.code or "")))
    repetitions = [again for again, _ in pair]
    plan = repetition_plan(campaign, repetitions)
    within_budget(partial(reserve_all, store, campaign.id, plan, "verification"))
    try:
        if _repeat_and_test(design, pair, parallel) is False:
            for operation in hold_outs(repetitions):
                cancel(store, campaign.id, operation)
    finally:
        give_back(store, campaign.id, plan)


def _repeat_and_test(design: Experiment, pair: list[tuple[Experiment, str]], parallel: int) -> bool | None:
    """Whether the design is a breakthrough; None if it was not tested."""
    store = open_store()
    jobs = [partial(evaluate_source, again, source, close=False) for again, source in pair]
    repeated, rival = in_parallel(jobs, parallel)
    if any(one.failure is not None for one in (repeated, rival)):
        close_untested(store, repeated, rival, design.id)
    if any(one.failure is not None or not one.objectives for one in (repeated, rival)):
        return None
    with working_on(repeated) as token, working_on(rival) as other:
        if token is None or other is None:
            return None
        tested = partial(verify_design, repeated.id, token, design.id, rival.id)
        breakthrough = bool(within_budget(tested, repeated, token))
        if breakthrough:
            held = [partial(_hold_out, one, of) for one, of in ((repeated, token), (rival, other))]
            if not all(in_parallel(held, parallel)):
                return None
            within_budget(partial(promote_design, repeated.id, token, design.id, rival.id), repeated, token)
        set_fields(store, rival.id, state="done", finished_at=time.time())
    return breakthrough


def _hold_out(experiment: Experiment, token: int) -> bool:
    def in_turn() -> bool:
        with in_slot():
            return all(hold_out(experiment.id, token, seed) for seed in experiment.seeds)

    return within_budget(in_turn, experiment, token)
