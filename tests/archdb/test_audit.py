"""Every kind of tampering with a real event log is found, and the sentence says where."""

import pytest

from archdb import Store, append_event, log_head, set_fields
from archdb.audit import Anchor, Anchors, check_chain, check_records
from archdb.audit.faults import RESTORE
from archdb.events import Told, hash_of
from archdb.store import Document
from tests.archdb.event_log import DESIGN, audit, edit, stored, write_anew, write_log

EVENTS = 11  # of write_log


def chain(store: Store, *anchors: Anchor) -> list[tuple[str, int | None]]:
    return [(one.kind, one.event) for one in check_chain(store, Anchors(found=anchors)).faults]


def anchor(store: Store, place: str = "the MLflow run r1 of t-c001", run: str = "r1") -> Anchor:
    end = log_head(store)
    assert end is not None
    return Anchor(place=place, campaign="t", head=str(end), chain=end.chain, run=run)


def test_an_untouched_log_is_clean(store: Store) -> None:
    assert audit(store) == []
    write_log(store)
    assert audit(store, anchor(store)) == []
    walk = check_chain(store, Anchors(found=(anchor(store),)))
    assert (walk.events, walk.anchors, walk.head) == (EVENTS, 1, str(log_head(store)))


@pytest.mark.parametrize(
    "place", [5, pytest.param(1, marks=pytest.mark.slow), pytest.param(11, marks=pytest.mark.slow)]
)
def test_any_edited_field_of_an_event_is_found(store: Store, place: int) -> None:
    write_log(store)
    event = stored(store)[place - 1]
    for field, value in event.items():
        if field == "_id":
            continue
        other = "x" if isinstance(value, str) else {"stage": "other"} if field == "body" else 9.5
        edit(store, place, lambda one, field=field, other=other: one.update({field: other}))  # type: ignore[misc]
        assert chain(store) == [("edited", place)], field
        edit(store, place, lambda one: one.update(event))
    edit(store, place, lambda one: one.update({"note": "added"}))
    assert chain(store) == [("edited", place)]
    edit(store, place, lambda one: one["body"].update({next(iter(one["body"])): "0"}))
    found = check_chain(store).faults
    assert found[0].sentence.startswith(
        f"Event {place} ({event['kind']} of {event['subject'] or 't'}) is not as it was"
    )
    assert found[0].sentence.endswith(f"; {RESTORE}.")


def test_a_removed_event_is_found(store: Store) -> None:
    write_log(store)
    for place in (1, 5):
        event = stored(store)[place - 1]
        store.events.delete_one({"_id": place})
        found = audit(store)
        assert (found[0].kind, found[0].event) == ("missing", place)
        assert found[0].sentence.startswith(f"Event {place} is missing: removed from the log; restore")
        assert found[1:], "what it told of is there without it"
        store.events.insert_one(event)


def test_a_long_gap_is_one_fault(store: Store) -> None:
    for number in range(1, 66):
        append_event(store, Told(kind="x", key=str(number)))
    store.events.delete_many({"_id": {"$gte": 4, "$lte": 60}})
    found = check_chain(store)
    assert [one.sentence.partition(":")[0] for one in found.faults] == ["Events 4 to 60 are missing"]
    assert found.events == 8


def test_a_gap_that_was_closed_is_found(store: Store) -> None:
    """Later events moved up and hashed anew, each by itself: they do not follow on each other."""
    write_log(store)
    events = stored(store)
    store.events.delete_many({"_id": {"$gte": 5}})
    for event in events[5:]:
        moved = event | {"_id": event["_id"] - 1}
        store.events.insert_one(moved | {"hash": hash_of(moved)})
    assert chain(store)[0] == ("replaced", 5)


def test_the_last_events_cut_off_are_found_by_the_anchor(store: Store) -> None:
    write_log(store)
    for cut in (1, 3):
        seen = anchor(store)
        store.events.delete_many({"_id": {"$gt": seen.sequence - cut}})
        assert chain(store) == [], "the chain alone cannot show it"
        found = check_chain(store, Anchors(found=(seen,))).faults
        assert [(one.kind, one.event) for one in found] == [("cut", seen.sequence - cut + 1)]
        assert f"{seen.place} has seen event {seen.sequence}, and the log ends at {seen.sequence - cut}" in str(found)


def test_stages_whose_events_were_cut_off_are_found_without_an_anchor(store: Store) -> None:
    write_log(store)
    store.events.delete_many({"_id": {"$gt": 9}})
    told = [one.sentence.partition(" is not")[0] for one in audit(store)]
    assert told == ["The record of stage analyze:0 of t-c001", "The test t/1 on fresh seeds"]


SWAPPED = {
    False: [("edited", 4), ("replaced", 5), ("edited", 6), ("replaced", 7)],
    True: [("replaced", 5), ("replaced", 7)],  # each was given the hash that its new place asks for
}


@pytest.mark.parametrize("whole", [False, True])
def test_two_swapped_events_are_found(store: Store, whole: bool) -> None:
    write_log(store)
    events = stored(store)
    for place, other in ((4, 6), (6, 4)):
        moved = events[other - 1] | {"_id": place}
        if whole:
            moved |= {"prev": events[place - 1]["prev"]}
            moved |= {"hash": hash_of(moved)}
        store.events.delete_one({"_id": place})
        store.events.delete_one({"_id": other}) if place == 4 else None
        store.events.insert_one(moved)
    assert chain(store) == SWAPPED[whole]


def test_an_event_hashed_anew_by_itself_does_not_fit_the_next(store: Store) -> None:
    write_log(store)

    def change(event: Document) -> None:
        event["body"]["fields"] = "0" * 64
        event["hash"] = hash_of(event)

    edit(store, 4, change)
    assert chain(store) == [("replaced", 5)]
    assert "Event 5 (code of t-c001) does not follow on event 4 as that stands" in check_chain(store).faults[0].sentence


def test_a_chain_written_anew_is_found_by_the_anchor(store: Store) -> None:
    write_log(store)
    late = anchor(store)
    sixth = stored(store)[5]["hash"]
    early = late.model_copy(update={"head": f"6:{sixth}", "place": "the MLflow run r0 of t-gla"})
    write_anew(store, 8, lambda event: event["body"].update({"sha256": "0" * 64}))
    assert chain(store) == []
    found = check_chain(store, Anchors(found=(early, late))).faults
    assert [(one.kind, one.event) for one in found] == [("rewritten", EVENTS)]
    assert "some event after 6 on" in found[0].sentence


def test_a_chain_written_anew_from_its_first_event_leaves_runs_anchored_elsewhere(store: Store) -> None:
    write_log(store)
    set_fields(store, DESIGN, mlflow_run="r1")
    seen = anchor(store)
    tagged = Anchors(found=(seen,), until=EVENTS)
    walk = check_chain(store, tagged)
    assert check_records(store, walk, anchors=tagged).faults == []
    assert [one.kind for one in check_records(store, walk, anchors=Anchors(until=EVENTS)).faults] == ["unanchored"]
    assert check_records(store, walk, anchors=Anchors(until=9)).faults == [], "it was closed after they were read"
    write_anew(store, 1, lambda event: event["body"].update({"cycles": 3}))
    walk = check_chain(store, tagged)
    assert walk.anchors == 0, "it is taken for another store's"
    found = check_records(store, walk, anchors=tagged).faults
    assert "unanchored" in [one.kind for one in found]
    assert "r1 of t-c001 carries the anchor of another log" in str(found)


def test_other_stores_and_damaged_anchors(store: Store) -> None:
    write_log(store)
    seen = anchor(store)
    foreign = seen.model_copy(update={"chain": "f" * 64, "head": f"99:{'f' * 64}"})
    assert chain(store, foreign) == []
    damaged = seen.model_copy(update={"head": "eleven"})
    assert chain(store, damaged) == [("unreadable", None)]
    store.events.delete_one({"_id": 1})
    assert ("cut", EVENTS + 1) in chain(store, foreign), "any anchor of a known campaign counts then"
    elsewhere = foreign.model_copy(update={"campaign": "another"})
    assert chain(store, elsewhere) == [("missing", 1)]


def test_a_copied_event_is_found(store: Store) -> None:
    write_log(store)
    copy, last = stored(store)[3], stored(store)[-1]
    copy |= {"_id": EVENTS + 1, "prev": last["hash"]}
    copy |= {"hash": hash_of(copy)}
    store.events.drop_index("key_1")
    try:
        store.events.insert_one(copy)
        assert chain(store) == [("repeated", EVENTS + 1)]
    finally:
        store.events.delete_one({"_id": EVENTS + 1})
        store.events.create_index("key", unique=True)


def test_an_event_without_a_place_is_found(unguarded: Store) -> None:
    write_log(unguarded)
    for place in ("later", 3.5, -1):
        unguarded.events.insert_one(stored(unguarded)[3] | {"_id": place, "key": "another"})
        found = check_chain(unguarded).faults
        assert [one.sentence.partition(" has no")[0] for one in found] == [f"Event {place} (stage of t-c001)"]
        unguarded.events.delete_one({"_id": place})
