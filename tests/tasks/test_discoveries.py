"""When a campaign discovered something, read from its record."""

import pytest

from archdb import Campaign, Experiment, Stage, Store, get_campaign, open_campaign
from archdb.asi_arch import SCORE
from archdb.outlines import record_outlines
from archdb.records import document
from tasks.discoveries import search_of

PANEL = {
    "reference": {"text_bpb": [2.0, 2.1, 1.9]},
    "baselines": {
        "gated_deltanet": {"text_bpb": 2.0},
        "gla": {"text_bpb": 1.9},
        "softmax_attention": {"text_bpb": 1.5},  # better, but quadratic: not the bar
    },
}


def add(store: Store, number: int, **fields: object) -> None:
    known = {"id": f"c-c{number:03d}", "campaign": "c", "kind": "candidate", "name": "d", "cycle": number}
    one = Experiment.model_validate(
        known | {"state": "done", "cpu_seconds": 3600.0, "finished_at": float(number)} | fields
    )
    store.experiments.insert_one(document(one))
    record_outlines(store, [one])


@pytest.fixture
def searched(store: Store) -> Store:
    open_campaign(store, Campaign(id="c", scale="nano", provider="grammar", cycles=5))
    store.campaigns.update_one({"_id": "c"}, {"$set": {"panel": PANEL}})
    for place, name in enumerate(PANEL["baselines"]):
        tags = ("quadratic",) if name == "softmax_attention" else ()
        fitness = {"gated_deltanet": 0.0, "gla": 0.7, "softmax_attention": 3.6}[name]
        add(store, -place, id=f"c-{name}", kind="baseline", name=name, tags=tags, cycle=None, fitness=fitness)
    return store


def test_compute_is_what_was_spent_until_a_design_ended(searched: Store) -> None:
    add(searched, 1, fitness=-1.0)
    add(searched, 2, state="failed", cpu_seconds=1800.0)  # costs, and has no score
    add(searched, 3, fitness=5.0)
    add(searched, 6, state="open", finished_at=None, cpu_seconds=0.0)  # no work was done on it
    add(searched, 4, id="c-c003-without-x", kind="ablation", fitness=9.0)  # costs, and is no design of the search
    add(searched, 5, fitness=2.0)
    above = search_of(searched, get_campaign(searched, "c"))
    assert (above.what, above.compute, above.scores) == ("above", 4.5, (-1.0, 5.0, 2.0))
    assert above.moments == (2.5, 4.5)
    assert search_of(searched, get_campaign(searched, "c"), "records").moments == (1.0, 2.5)


@pytest.mark.parametrize("closed", [True, False], ids=["rival-closed", "rival-of-an-older-store"])
def test_a_breakthrough_counts_with_its_own_trainings(searched: Store, closed: bool) -> None:
    """As the flow leaves it: the test is told at 2.5, the repetitions are closed after it."""
    add(searched, 1, fitness=5.0)
    add(searched, 2, id="c-c001-verify", kind="verification", cycle=None, finished_at=2.6)
    trained = {"gpu-train:0:7": Stage(stage="gpu-train", seed=7, started_at=2.0, seconds=0.25)}
    add(
        searched, 2, id="c-c001-verify-gla", kind="verification", cycle=None, stages=trained,
        finished_at=2.7 if closed else None,
    )  # fmt: skip
    add(searched, 3, fitness=6.0)
    for number, (experiment, breakthrough) in enumerate([("c-c001", True), ("c-c003", False)], start=1):
        searched.verified.insert_one(
            {
                "_id": f"c/{number}", "campaign": "c", "number": number, "experiment": experiment, "baseline": "gla",
                "result": {"breakthrough": breakthrough}, "created_at": 2.5,
            }
        )  # fmt: skip
    found = search_of(searched, get_campaign(searched, "c"))
    assert (found.what, found.moments, found.compute) == ("breakthroughs", (3.0,), 4.0)


def test_an_imported_campaign_never_exceeds_what_was_published(searched: Store) -> None:
    open_campaign(searched, Campaign(id="i", scale="nano", provider="grammar", cycles=0, ranked_by=SCORE))
    designs = [
        Experiment(
            id=f"i-{number}", campaign="i", kind="candidate", name="d", objectives={SCORE: number}, tags=("gallery",),
            stages={"import:0": Stage(stage="import", started_at=1.0, seconds=0.0, summary={"index": number})},
        )
        for number in range(1, 146)  # 145 times a 145th of it is more than all of it
    ]  # fmt: skip
    searched.experiments.insert_many([document(one) for one in designs])
    found = search_of(searched, get_campaign(searched, "i"))
    assert found.moments[-1] == max(found.moments) == found.compute


def test_what_is_not_known_is_refused(searched: Store) -> None:
    with pytest.raises(ValueError, match="has no design that was evaluated to its end: run its cycles first"):
        search_of(searched, get_campaign(searched, "c"))
    with pytest.raises(ValueError, match="was not imported and has no gallery"):
        search_of(searched, get_campaign(searched, "c"), "gallery")
