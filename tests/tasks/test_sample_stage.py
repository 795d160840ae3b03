"""The stage ``sample`` with each way to choose parents, on a real store."""

import random

import pytest

from archdb import (
    Campaign,
    Conflict,
    Store,
    claim,
    create_experiment,
    get_campaign,
    get_experiment,
    open_campaign,
    set_fields,
)
from evaluation import baselines
from tasks.peers import ended
from tasks.sample import sample
from tasks.samplers.ranked import POOL, choose
from tasks.samplers.registry import NONE, SAMPLERS, WAYS, way_of

PLAIN = Campaign(id="t", scale="tiny", provider="grammar", cycles=1)


def grown(store: Store, designs: int) -> None:
    """A campaign with two baselines, one of them quadratic and best of all, and as many designs, the fourth failed."""
    for name, fitness, tags in (("softmax_attention", 50.0, ("quadratic",)), ("gla", 0.5, ())):
        one = create_experiment(store, f"t-{name}", campaign="t", kind="baseline", name=name, tags=tags)
        set_fields(store, one.id, fitness=fitness, gains={"x": fitness}, state="done")
    for cycle in range(1, designs + 1):
        one = create_experiment(store, f"t-c{cycle:03d}", campaign="t", kind="candidate", name=str(cycle), cycle=cycle)
        known = {"state": "failed"} if cycle == 4 else {"state": "done", "fitness": 0.1 * cycle, "gains": {"x": 1.0}}
        set_fields(store, one.id, parents=["t-gla"], path=["t-gla"], **known)


@pytest.mark.parametrize("name", WAYS)
def test_the_stage_records_what_the_campaign_s_sampler_chooses(store: Store, name: str) -> None:
    open_campaign(store, PLAIN.model_copy(update={"sampler": name}))
    grown(store, 14)
    new = create_experiment(store, "t-c015", campaign="t", kind="candidate", name="new", cycle=15)
    token = claim(store, new.id)
    assert token is not None
    sample.fn(new.id, token)
    after = get_experiment(store, new.id)
    expected = way_of(name).choose(ended(store, "t"), 15, random.Random("0/15/sample"))
    assert after.parents == expected
    assert after.path[-1:] == expected[:1]
    assert bool(expected) == (name != NONE)
    stage = after.stage("sample")
    assert stage is not None
    assert stage.summary["sampler"] == name
    fittest = way_of(name).fittest
    assert stage.summary["pool"] == (14 if fittest is None else min(14, fittest))


def test_ranked_draws_what_campaigns_drew_before_there_was_a_choice(store: Store) -> None:
    open_campaign(store, PLAIN)
    grown(store, 14)
    able = [one for one in ended(store, "t") if one.fitness is not None and not one.tags]
    ranking = sorted(able, key=lambda one: -(one.fitness or 0.0))
    for cycle in range(15, 20):
        ids = tuple(one.id for one in choose(ranking[:POOL], random.Random(f"0/{cycle}/sample")))
        assert way_of("ranked").choose(ended(store, "t"), cycle, random.Random(f"0/{cycle}/sample")) == ids


def test_the_sampler_is_fixed_when_a_campaign_starts(store: Store) -> None:
    open_campaign(store, PLAIN.model_copy(update={"sampler": "pareto"}), "pareto")
    assert open_campaign(store, PLAIN).sampler == "pareto", "who asks for none gets the campaign's"
    assert open_campaign(store, PLAIN, "pareto").sampler == "pareto"
    with pytest.raises(Conflict, match="started with sampler pareto, not uct, and results would not compare: leave"):
        open_campaign(store, PLAIN.model_copy(update={"sampler": "uct"}), "uct")


def test_a_campaign_from_before_there_was_a_choice_has_the_ranked_one(store: Store) -> None:
    open_campaign(store, PLAIN.model_copy(update={"sampler": "uct"}))
    store.campaigns.update_one({"_id": "t"}, {"$unset": {"sampler": 1}})
    assert get_campaign(store, "t").sampler == "ranked"
    with pytest.raises(Conflict, match="started with sampler ranked, not uct"):
        open_campaign(store, PLAIN, "uct")


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_starts_from_the_chosen_families_alone(store: Store, name: str) -> None:
    """However many fitter baselines there are that it was not to start from."""
    open_campaign(store, PLAIN.model_copy(update={"sampler": name, "families": ("mamba2", "gla")}))
    for place, one in enumerate(baselines()):
        fitness = -9.0 if one in ("gla", "mamba2") else float(place)
        record = create_experiment(store, f"t-{one}", campaign="t", kind="baseline", name=one)
        set_fields(store, record.id, fitness=fitness, gains={"x": fitness}, state="done")
    for cycle in range(1, 5):
        new = create_experiment(store, f"t-c{cycle:03d}", campaign="t", kind="candidate", name="new", cycle=cycle)
        token = claim(store, new.id)
        assert token is not None
        sample.fn(new.id, token)
        parents = get_experiment(store, new.id).parents
        assert parents
        assert set(parents) <= {"t-gla", "t-mamba2"}


def test_the_families_are_fixed_when_a_campaign_starts(store: Store) -> None:
    open_campaign(store, PLAIN.model_copy(update={"families": ("gla",)}))
    assert open_campaign(store, PLAIN).families == ("gla",), "who asks for none gets the campaign's"
    with pytest.raises(Conflict, match=r"was started from gla, not from mamba2, .* leave --families out"):
        open_campaign(store, PLAIN.model_copy(update={"families": ("mamba2",)}))
