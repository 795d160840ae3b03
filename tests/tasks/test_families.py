"""A campaign by root family: counted from its record."""

import itertools

import pytest
from scipy import stats

from archdb import Campaign, Experiment, Failed, Store, get_campaign, open_campaign
from archdb.outlines import record_outlines
from archdb.records import document
from tasks.families import NOWHERE, families_of, mean_distance
from tasks.rivals import repeated_design, repetitions_of


def add(store: Store, name: str, **fields: object) -> None:
    one = Experiment.model_validate(
        {"id": f"f-{name}", "campaign": "f", "kind": "candidate", "name": name, "state": "done"} | fields
    )
    store.experiments.insert_one(document(one))
    record_outlines(store, [one])


def test_families_are_counted_by_first_ancestor(store: Store) -> None:
    open_campaign(store, Campaign(id="f", scale="nano", provider="grammar", cycles=9, families=("gla", "mamba2")))
    for name, fitness, tags in (("gla", 0.5, ()), ("mamba2", -0.5, ()), ("softmax_attention", 9.0, ("quadratic",))):
        add(store, name, kind="baseline", fitness=fitness, tags=tags, cpu_seconds=3600.0)
    gla, mamba = {"path": ["f-gla"], "parents": ["f-gla"]}, {"path": ["f-mamba2"], "parents": ["f-mamba2"]}
    hour = {"cpu_seconds": 3600.0}
    add(store, "c001", fitness=1.0, finished_at=2.0, components={"a": "x", "b": "x"}, **gla, **hour)
    add(store, "c002", fitness=0.2, finished_at=1.0, components={"a": "x", "b": "y"}, **gla, **hour)
    deeper = {"path": ["f-gla", "f-c001"], "parents": ["f-c001"]}
    add(store, "c003", fitness=2.0, finished_at=3.0, components={"a": "x", "b": "x"}, **deeper, **hour)
    slow = Failed(stage="gpu-train", kind="too_slow", message="")
    add(store, "c004", state="failed", failure=slow, finished_at=4.0, components={"a": "z"}, **mamba, **hour)
    add(store, "c005", state="open", components={"a": "z"}, **mamba)
    for name in ("c006", "c007"):
        add(store, name, fitness=-1.0, finished_at=5.0, **hour)
    add(store, "c001-without-a", kind="ablation", **{**deeper, **hour})
    add(store, "c001-verify", kind="verification", **hour)
    add(store, "c001-verify-gla", kind="verification", **hour)
    found = families_of(store, get_campaign(store, "f"))
    assert (found.chosen, found.what) == (("gla", "mamba2"), "above")
    first, lost, second = found.families
    assert (lost.name, lost.root, lost.designs, lost.cpu_hours) == ("without parents", NOWHERE, 2, 2.0)
    assert (first.name, first.designs, first.failures, first.best, first.best_design) == ("gla", 3, 0, 2.0, "f-c003")
    assert (first.combinations, first.cpu_hours, first.discoveries) == (2, 6.0, 2)
    assert first.distance == pytest.approx((0.5 + 0.5 + 0.0) / 3)
    exact = (stats.chi2.ppf(0.025, 4) / 2 / 6, stats.chi2.ppf(0.975, 6) / 2 / 6)
    assert (first.rate, first.rate_low, first.rate_high) == pytest.approx((2 / 6, *exact))
    assert first.curve == ((0.0, 0.5), (1.0, 0.5), (2.0, 1.0), (3.0, 2.0), (4.0, 2.0), (5.0, 2.0), (6.0, 2.0))
    assert (second.name, second.designs, second.failures, second.best, second.rate_low) == ("mamba2", 1, 1, None, 0.0)
    assert second.curve == ((0.0, -0.5), (1.0, -0.5))


def test_distance_is_that_of_all_pairs() -> None:
    described = [{"a": "x"}, {"a": "y", "b": "x"}, {"b": "x"}, {"a": "x", "b": "y"}]
    apart = [
        sum(one.get(slot) != other.get(slot) for slot in "ab") / 2
        for one, other in itertools.combinations(described, 2)
    ]
    assert mean_distance(described) == pytest.approx(sum(apart) / len(apart))
    assert mean_distance(described[:1]) is None


def test_a_training_on_fresh_seeds_names_its_design_whatever_the_campaign_is_called() -> None:
    design = "re-verify-c001"
    assert {repeated_design(one) for one in repetitions_of(design, "gla")} == {design}
