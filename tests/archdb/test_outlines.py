"""Outlines follow their experiments, whoever dies when, and a campaign can be followed by reading each design once."""

import random

import pytest

import archdb.audit
from archdb import Stage, Store, Watch, claim, create_experiment, get_experiment, put_text, set_fields, write_stage
from archdb.experiments import compare_and_set
from archdb.outlines import find_outlines, outline_of, record_outlines
from archdb.records import Experiment, Lease

DEAD = "another-machine/00000000/1/77/1.00/abcdef01"


def new(store: Store, number: int) -> Experiment:
    return create_experiment(
        store, f"t-c{number:03d}", campaign="t", kind="candidate", name=f"cycle {number}", cycle=number
    )


def end(store: Store, one: Experiment, fitness: float) -> Experiment:
    token = claim(store, one.id)
    assert token is not None
    write_stage(store, one.id, Stage(stage="gpu-train", seed=0, started_at=1, seconds=2.5), token)
    last = Stage(stage="analyze", started_at=4, seconds=0.5)
    after = write_stage(store, one.id, last, token, state="done", analysis=put_text(store, "text"), fitness=fitness)
    archdb.release(store, one.id, token)
    return after


def agrees(store: Store, one: Experiment) -> bool:
    now = get_experiment(store, one.id)
    (kept,) = find_outlines(store, [one.id])
    return outline_of(now) == kept.model_copy(update={"rev": now.rev})


def test_an_outline_follows_every_change(store: Store) -> None:
    one = new(store, 1)
    assert agrees(store, one)
    set_fields(store, one.id, mlflow_run="r", name="named")
    assert agrees(store, one)
    ended = end(store, one, 0.5)
    assert agrees(store, one)
    (kept,) = find_outlines(store, [one.id])
    assert (kept.reached, kept.seconds, kept.fitness, kept.mlflow_run) == ("analyze", 3.0, 0.5, "r")
    assert ended.stages.keys() == {"gpu-train:0:0", "analyze:0"}


def test_what_a_write_returns_is_what_is_stored(store: Store) -> None:
    one = end(store, new(store, 1), 0.5)
    assert one.model_copy(update={"lease": Lease(token=1), "rev": one.rev + 1}) == get_experiment(store, one.id)
    changed = compare_and_set(store, one.id, lambda _: {"gains.loss": 1.5, "best": {"fitness": 1, "id": "x"}})
    assert changed == get_experiment(store, one.id)
    assert changed.gains == {"loss": 1.5}


def test_an_older_outline_never_replaces_a_newer_one(store: Store) -> None:
    one = new(store, 1)
    set_fields(store, one.id, name="second")
    record_outlines(store, [one, new(store, 2)])  # a slow writer; what comes with it is kept all the same
    assert [kept.name for kept in find_outlines(store, ["t-c001", "t-c002"])] == ["second", "cycle 2"]


def test_what_a_worker_left_that_died_after_its_last_write_is_put_right(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = new(store, 1)
    token = claim(store, one.id)
    assert token is not None
    with monkeypatch.context() as patched:
        patched.setattr("archdb.experiments.pass_on", lambda *_: None)
        last = Stage(stage="analyze", started_at=4, seconds=0.5)
        write_stage(store, one.id, last, token, state="done", analysis="0" * 64, fitness=0.5)
    assert not agrees(store, one)
    assert archdb.settle_abandoned(store) == 0, "its worker lives"
    assert not agrees(store, one)
    compare_and_set(store, one.id, lambda _: {"lease": Lease(owner=DEAD, token=token, expires=0.0)})
    assert archdb.settle_abandoned(store) == 1
    assert agrees(store, one)
    assert get_experiment(store, one.id).lease.owner == ""
    assert f"stage/{one.id}/analyze:0" in [event.key for event in archdb.events_after(store, 0)]
    assert archdb.settle_abandoned(store) == 0


def test_an_edited_or_removed_outline_is_found(store: Store) -> None:
    archdb.open_campaign(store, archdb.Campaign(id="t", scale="tiny", provider="grammar", cycles=1))
    one = end(store, new(store, 1), 0.5)

    def faults() -> list[tuple[str, str]]:
        return [
            (fault.kind, fault.subject)
            for fault in archdb.audit.check_records(store, archdb.audit.check_chain(store)).faults
        ]

    assert faults() == []
    store.outlines.update_one({"_id": one.id}, {"$set": {"fitness": 9.0}})
    assert faults() == [("outline", one.id)]
    store.outlines.delete_one({"_id": one.id})
    assert faults() == [("outline", one.id)]
    record_outlines(
        store, [get_experiment(store, one.id), Experiment(id="t-x", campaign="t", kind="external", name="x")]
    )
    assert faults() == [("gone", "t-x")]


def test_an_outline_is_not_judged_while_a_worker_has_its_experiment(store: Store) -> None:
    archdb.open_campaign(store, archdb.Campaign(id="t", scale="tiny", provider="grammar", cycles=1))
    one = end(store, new(store, 1), 0.5)
    store.outlines.update_one({"_id": one.id}, {"$set": {"fitness": 9.0}})
    store.experiments.update_one({"_id": one.id}, {"$set": {"lease.owner": "somebody"}})
    kinds = {fault.kind for fault in archdb.audit.check_records(store, archdb.audit.check_chain(store)).faults}
    assert "outline" not in kinds


def test_a_watch_sees_all_and_reads_what_has_ended_once(store: Store) -> None:
    archdb.open_campaign(store, archdb.Campaign(id="t", scale="tiny", provider="grammar", cycles=40))
    create_experiment(store, "t-base", campaign="t", kind="baseline", name="gla")
    watch, rng, begun = Watch("t"), random.Random(0), list[Experiment]()
    numbers = list(range(1, 31))
    rng.shuffle(numbers)  # workers may begin a later cycle first
    for number in numbers:
        begun.append(new(store, number))
        if rng.random() < 0.7:
            end(store, begun.pop(rng.randrange(len(begun))), rng.gauss(0.0, 1.0))
        if rng.random() < 0.5:
            seen = watch.look(store)
            assert [one.id for one in seen] == [one.id for one in archdb.walk_outlines(store, "t")]
            assert {one.id: one.state for one in seen} == {
                one.id: one.state for one in archdb.campaign_experiments(store, "t")
            }
    for one in begun:
        end(store, one, 0.0)
    before, after = watch.look(store), watch.look(store)
    assert len(after) == 31
    assert all(one is other for one, other in zip(before, after, strict=True) if one.cycle is not None)
