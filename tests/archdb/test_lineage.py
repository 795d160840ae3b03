"""The tree's queries against counting by hand, on random trees; and that none of them scans."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo import monitoring

import archdb
from archdb import Experiment, Store, create_experiment, get_experiment, set_fields
from archdb.outlines import outline_of
from archdb.schema import VERSION
from archdb.tree import record_places
from tests.archdb.trees import CAMPAIGN, grow


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_tree_agrees_with_counting_by_hand(store: Store, seed: int) -> None:
    grown = grow(store, 60, seed)
    for one in random.Random(seed).sample(list(grown.by_id.values()), 15):
        one = get_experiment(store, one.id)
        assert tuple(found.id for found in archdb.ancestors(store, one)) == one.path
        assert [found.id for found in archdb.descendants(store, one)] == grown.under(one)
        below = [found for found in grown.under(one) if grown.by_id[found].path[-1] == one.id]
        assert [found.id for found in archdb.children(store, one)] == below
        beside = set(grown.under(grown.by_id[one.path[-1]])) if one.path else set()
        beside = {found for found in beside if grown.by_id[found].path[-1] == one.path[-1]} - {one.id}
        assert {found.id for found in archdb.siblings(store, one)} == beside
        best = archdb.best_of_branch(store, one)
        assert (best.fitness if best else None) == grown.best(one)


@pytest.mark.parametrize("limit", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_pages_put_together_are_all_descendants(store: Store, limit: int) -> None:
    grown = grow(store, 80, 3)
    root = get_experiment(store, f"{CAMPAIGN}-0")
    pages = [archdb.descendants(store, root, limit)]
    while len(pages[-1]) >= limit:
        pages.append(archdb.descendants(store, root, limit, after=pages[-1][-1].cycle))
    assert [one.id for page in pages for one in page] == grown.under(root)
    without = sum(grown.by_id[one].cycle is None for one in grown.under(root))
    assert all(len(page) <= max(limit, without + 1) for page in pages)


def test_a_branch_knows_its_best_whatever_the_order_and_however_often(store: Store) -> None:
    root = create_experiment(store, "t-a", campaign="t", kind="candidate", name="a", cycle=1)
    for number, fitness in enumerate((0.5, -2.0, 0.7, 0.1), start=2):
        made = create_experiment(store, f"t-{number}", campaign="t", kind="candidate", name="b", cycle=number)
        made = set_fields(store, made.id, parents=[root.id], path=[root.id], fitness=fitness)
        for _ in range(2):
            archdb.raise_branches(store, made)
    best = archdb.best_of_branch(store, get_experiment(store, root.id))
    assert best is not None
    assert best.id == "t-4"
    assert archdb.best_of_branch(store, create_experiment(store, "x", campaign="t", kind="candidate", name="x")) is None


def test_a_place_that_a_crash_left_out_is_put_right(store: Store) -> None:
    root = create_experiment(store, "t-a", campaign="t", kind="candidate", name="a", cycle=1)
    child = create_experiment(store, "t-b", campaign="t", kind="candidate", name="b", cycle=2)
    child = set_fields(store, child.id, parents=[root.id], path=[root.id])
    assert [one.id for one in archdb.children(store, root)] == [child.id]
    store.places.delete_many({})
    assert archdb.children(store, root) == []
    for _ in range(2):
        record_places(store, [child])  # as the analysis does
    assert [one.id for one in archdb.descendants(store, root)] == [child.id]


def test_cycles_are_found_without_reading_the_campaign(store: Store) -> None:
    assert archdb.next_cycle(store, "t") == 1
    archdb.open_campaign(store, archdb.Campaign(id="t", scale="tiny", provider="grammar", cycles=40))
    for number in range(1, 24):
        create_experiment(store, f"t-{number}", campaign="t", kind="candidate", name="x", cycle=number)
        assert archdb.next_cycle(store, "t") == number + 1
        if number not in (5, 20):
            set_fields(store, f"t-{number}", analysis="done")
    assert archdb.unfinished_cycles(store, "t") == [5, 20]
    less = create_experiment(store, "t-7-without-decay", campaign="t", kind="ablation", name="less", cycle=7)
    assert archdb.unfinished_cycles(store, "t") == [5, 7, 20]
    set_fields(store, less.id, analysis="done")
    assert archdb.unfinished_cycles(store, "t") == [5, 20]
    store.campaigns.update_one({"_id": "t"}, {"$set": {"cycles": 3}})
    assert archdb.next_cycle(store, "t") == 24


def test_a_walk_is_in_order_and_complete(store: Store) -> None:
    grown = grow(store, 60, 4)
    create_experiment(store, "t-file", campaign="t", kind="external", name="file")
    create_experiment(store, "t-verify", campaign="t", kind="verification", name="again")
    found = archdb.campaign_experiments(store, "t")
    assert {one.id for one in found} == {*grown.by_id, "t-file"}
    assert found[-1].id == "t-file"
    cycles = [one.cycle for one in found if one.cycle is not None]
    assert cycles == sorted(cycles)
    kinds = [one.kind for one in found]
    assert kinds == sorted(kinds)  # baseline, candidate, external
    outlines = list(archdb.walk_outlines(store, "t"))
    assert [one.id for one in outlines] == [one.id for one in found]
    assert outlines == [outline_of(one) for one in found]
    assert [one.cycle for one in archdb.walk_outlines(store, "t", 30) if one.cycle] == [n for n in cycles if n > 30]
    assert [one.id for one in archdb.Watch("t").look(store)] == [*(one.id for one in found), "t-verify"]


def test_a_store_of_version_1_gets_its_tree_and_its_bests(store: Store) -> None:
    grown = grow(store, 40, 6)
    for name in ("places", "outlines"):
        store.database[name].delete_many({})
    store.experiments.update_many({}, {"$unset": {"best": ""}})
    store.experiments.create_index([("campaign", 1), ("fitness", -1)])
    store.database["schema"].update_one({"_id": "archdb"}, {"$set": {"version": 1}})
    for _ in range(2):  # as after a crash
        store.database["schema"].update_one({"_id": "archdb"}, {"$set": {"version": 1}})
        assert archdb.migrate(store) == (1, VERSION)
    assert not any("fitness" in index for index in store.experiments.index_information())
    assert [one.id for one in archdb.leaderboard(store, CAMPAIGN, 20)] == grown.ranked()[:20]
    for one in archdb.campaign_experiments(store, CAMPAIGN):
        assert [found.id for found in archdb.descendants(store, one)] == grown.under(one)
        assert (one.best.fitness if one.best else None) == grown.best(one)
    front = archdb.pareto_front(store, CAMPAIGN, "gains")
    assert front is not None
    scored = [one for one in grown.by_id.values() if one.gains]
    points = {one.id: tuple(one.gains.values()) for one in scored}
    assert {one.id for one in front.members} == {
        name
        for name, mine in points.items()
        if not any(other != mine and all(map(float.__ge__, other, mine)) for other in points.values())
    }


class Finds(monitoring.CommandListener):
    """The filters of all finds and updates that a client sends."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "find":
            self.seen.append((event.command["find"], dict(event.command["filter"])))
        if event.command_name == "update":
            self.seen.append((event.command["update"], dict(event.command["updates"][0]["q"])))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@contextmanager
def watched(store: Store) -> Iterator[tuple[Store, Finds]]:
    import pymongo

    finds = Finds()
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        store.address, directConnection=True, event_listeners=[finds]
    )
    with client:
        yield Store(client, client[store.database.name], store.embedded), finds


@pytest.mark.slow
def test_no_query_scans_a_collection(store: Store) -> None:
    grow(store, 400, 5)
    one = get_experiment(store, f"{CAMPAIGN}-60")
    archdb.offer(store, one, "gains", {"fitness": "higher"})
    archdb.leaderboard(store, CAMPAIGN, 20)  # sets the floor
    queries = {
        "ancestors": lambda at: archdb.ancestors(at, one),
        "children": lambda at: archdb.children(at, one, 10),
        "siblings": lambda at: archdb.siblings(at, one, 10),
        "descendants": lambda at: archdb.descendants(at, one, 10),
        "best of branch": lambda at: archdb.best_of_branch(at, one),
        "raise": lambda at: archdb.raise_branches(at, one),
        "leaderboard": lambda at: archdb.leaderboard(at, CAMPAIGN, 20),
        "front": lambda at: archdb.pareto_front(at, CAMPAIGN, "gains"),
        "offer": lambda at: archdb.offer(at, one, "gains", {"fitness": "higher"}),
        "by name": lambda at: archdb.find_experiment(at, "d60", CAMPAIGN),
        "unfinished": lambda at: archdb.unfinished_cycles(at, CAMPAIGN),
        "next": lambda at: archdb.next_cycle(at, CAMPAIGN),
        "baselines": lambda at: archdb.baselines(at, CAMPAIGN),
        "claim": lambda at: archdb.release(at, one.id, archdb.claim(at, one.id) or 0),
    }
    with watched(store) as (at, finds):
        for name, query in queries.items():
            finds.seen.clear()
            query(at)
            assert finds.seen, name
            for collection, filtered in list(finds.seen):
                stages, examined = plan(store, collection, filtered)
                assert "COLLSCAN" not in stages, (name, collection, filtered)
                assert examined <= 130, (name, collection, filtered, examined)


def plan(store: Store, collection: str, filtered: dict[str, Any]) -> tuple[list[str], int]:
    """The stages of a filter's plan, and how many documents it looks at."""
    if set(filtered) >= {"_id"}:  # found by its id first, whatever else is compared then
        filtered = {"_id": filtered["_id"]}
    told = store.database[collection].find(filtered).explain()
    stage, stages = told["queryPlanner"]["winningPlan"], []
    while stage:
        stages.append(str(stage.get("stage")))
        stage = stage.get("inputStage")
    return stages, int(told["executionStats"]["totalDocsExamined"])


def test_an_experiment_of_an_older_version_has_no_best_yet() -> None:
    assert Experiment.model_validate({"_id": "a", "campaign": "t", "kind": "candidate", "name": "a"}).best is None
