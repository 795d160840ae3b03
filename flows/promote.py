"""Successive halving over scales: the best of a campaign at the next scale, and the best of these on fresh seeds.

The rungs: a campaign's own screening, one training of each finalist at the larger scale beside that scale's baselines,
and ``verify`` for the best of them. The larger scale is a campaign of its own: fitness compares within one alone.
"""

from functools import partial

from prefect import flow
from pydantic import BaseModel, ConfigDict
from scipy.stats import spearmanr

from archdb import (
    Campaign,
    Conflict,
    Experiment,
    NotApproved,
    Outline,
    Store,
    create_experiment,
    get_campaign,
    get_experiment,
    get_text,
    leaderboard,
    open_campaign,
    open_store,
    set_fields,
)
from archdb.governance import rule_of
from archdb.records import State
from flows.approval import await_start
from flows.estimate import given_estimate
from flows.given_design import evaluate_source
from flows.governed import cancelled_by_people, refuse_halted
from flows.imported_parents import refuse_imported
from flows.in_parallel import in_parallel
from flows.pulse import beating
from flows.seed_baselines import seed_baselines
from flows.settings import campaign_record
from flows.verify_design import verify
from tasks.agents.providers import OWN
from tasks.domain import domain_of

DESIGNS = ("candidate", "external")  # kinds
LEAST_FOR_RANKS = 3  # designs, below which a rank correlation says nothing


class Finalist(BaseModel):
    """A design at both scales."""

    model_config = ConfigDict(frozen=True)

    below: str  # its experiment in the campaign that found it
    above: str  # its experiment at the larger scale
    name: str
    fitness_below: float
    fitness_above: float | None
    state: State  # of its experiment there: open while another worker has it
    verdict: str = ""  # of its verification, or why it got none


class Promotion(BaseModel):
    """What came of the finalists, best at the larger scale first."""

    model_config = ConfigDict(frozen=True)

    campaign: str
    scale: str
    finalists: tuple[Finalist, ...]
    rank_correlation: float | None  # Spearman's, of fitness at both scales; None for fewer than three


@flow(name="promote", flow_run_name="{campaign} to {scale}")
@beating
@cancelled_by_people
def promote(
    campaign: str, scale: str = "micro", into: str = "", top: int = 6, keep: int = 3, seeds: int = 3, parallel: int = 2
) -> Promotion:
    """Train a campaign's best designs at a larger scale, and verify the best of them there.

    Asked again, it goes on where it was; with more designs to promote, or after further cycles, it adds what is new.

    Args:
        campaign: whose designs are promoted.
        scale: where to.
        into: the campaign at that scale; empty for the campaign's name with the scale's.
        top: how many designs are trained there, the fittest first.
        keep: how many of these are verified, the fittest there first; 0 for none.
        seeds: fresh seeds of each verification; 2 at least.
        parallel: how many designs are trained at a time.

    Returns:
        The finalists with their fitness at both scales.

    Raises:
        Conflict: as of :func:`finalists`.
        ValueError: an unknown scale.
    """
    store = open_store()
    below = get_campaign(store, campaign)
    best = finalists(store, below, scale, top)
    above = open_campaign(store, larger(below, scale, into))
    refuse_halted(store, above.id)
    await_start(store, above, partial(given_estimate, store, above, len(best)))
    seed_baselines(above.id, parallel)
    pairs = [(one, _opened(above, one)) for one in best]
    jobs = [partial(evaluate_source, new, get_text(store, old.code or "")) for old, new in pairs]
    ended = in_parallel(jobs, parallel)
    trained = sorted((one for one in ended if one.fitness is not None), key=lambda one: (-(one.fitness or 0.0), one.id))
    told = {one.id: _verify(one, seeds, parallel) for one in trained[:keep]}
    return _promotion(above, pairs, told)


def finalists(store: Store, below: Campaign, scale: str, top: int) -> list[Outline]:
    """The best designs of a campaign that are to be trained at another scale, the fittest first.

    Raises:
        Conflict: the campaign was imported, has no finished design, or is at that scale or a larger one.
        ValueError: an unknown scale.
    """
    refuse_imported(below)
    if below.scale == scale:
        raise Conflict(f"Campaign {below.id} is at the {scale} scale already: name another with --scale.")
    sizes = [domain_of(below.domain).scale(name).reference_parameters for name in (scale, below.scale)]
    if sizes[0] < sizes[1]:
        raise Conflict(f"The {scale} scale is smaller than {below.scale}, where {below.id} is: name a larger one.")
    looked_at = top
    while True:  # baselines, repetitions and ablations may stand between the best designs
        looked_at *= 2
        ranking = leaderboard(store, below.id, looked_at)
        best = [one for one in ranking if one.kind in DESIGNS and one.code is not None][:top]
        if len(best) == top or len(ranking) < looked_at:
            break
    if not best:
        raise Conflict(f"Campaign {below.id} has no finished design: run its cycles first.")
    return best


def _verify(design: Experiment, seeds: int, parallel: int) -> str:
    """What came of a verification; that people refused one is no reason to leave the others out."""
    try:
        return verify(design.id, seeds, parallel)
    except NotApproved as fault:
        return str(fault)


def larger(below: Campaign, scale: str, into: str = "") -> Campaign:
    """The record of the campaign that designs of this one are promoted into, under the same rule of approval.

    Raises:
        ValueError: an unknown scale.
    """
    return campaign_record(
        into or f"{below.id}-{scale}",
        0,
        scale,
        OWN if below.provider == OWN else "grammar",
        below.seed,
        below.domain,
        below.further_baselines,
        rule=rule_of(below),
    )


def _opened(above: Campaign, design: Outline) -> Experiment:
    """The design's experiment at the larger scale. It hangs on the smaller one's by ``parents``, not by ``path``: the
    fittest of a branch is told along paths, and fitness of two scales does not compare.
    """
    store, number = open_store(), f"{above.id}-{design.id}"
    now = create_experiment(store, number, campaign=above.id, kind="external", name=design.name)
    return now if now.parents else set_fields(store, number, parents=(design.id,), components=design.components)


def _promotion(above: Campaign, pairs: list[tuple[Outline, Experiment]], told: dict[str, str]) -> Promotion:
    found = []
    for old, new in pairs:
        now = get_experiment(open_store(), new.id)
        found.append(
            Finalist(
                below=old.id,
                above=now.id,
                name=now.name,
                fitness_below=old.fitness or 0.0,
                fitness_above=now.fitness,
                state=now.state,
                verdict=told.get(now.id, ""),
            )
        )
    found.sort(key=lambda one: (one.fitness_above is None, -(one.fitness_above or 0.0)))
    both = [(one.fitness_below, one.fitness_above) for one in found if one.fitness_above is not None]
    ranks = float(spearmanr(*zip(*both, strict=True)).statistic) if len(both) >= LEAST_FOR_RANKS else None
    return Promotion(campaign=above.id, scale=above.scale, finalists=tuple(found), rank_correlation=ranks)
