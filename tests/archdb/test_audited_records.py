"""Whatever was changed of the records that a real event log tells of is found, and the sentence says where."""

import itertools
import zlib
from collections.abc import Callable

import pytest

from archdb import Store, events_after, set_caps
from archdb.audit import check_chain, check_records
from archdb.governance import Rule, decide, open_request, turn
from archdb.outbox import LOGGED, settle
from archdb.store import Document
from archdb.told import TOLD_LATER
from tests.archdb.event_log import DESIGN, audit, stored, write_anew, write_call, write_decisions, write_log

CHANGES: list[tuple[str, str, Document, str, str]] = [
    ("experiments", DESIGN, {"fitness": 9.0}, "The fitness is 9.0, and event 10 (stage of t-c001) told 0.25",
     "changed"),
    ("experiments", DESIGN, {"objectives.loss": 0.4}, "The objectives is not what event 10", "changed"),
    ("experiments", DESIGN, {"name": "Other"}, "A field of the experiment (such as name", "changed"),
    ("experiments", DESIGN, {"seeds": [7]}, "A field of the experiment (such as name", "changed"),
    ("experiments", DESIGN, {"rev": 2}, "The experiment's revision is not what event 6", "changed"),
    ("experiments", DESIGN, {"fitness": "high"}, "What is recorded of t-c001 cannot be read", "malformed"),
    (
        "experiments",
        DESIGN,
        {"stages.benchmark:0:0.summary.objectives.loss": 0.1},
        "The record of stage benchmark:0:0 is not what event 8",
        "changed",
    ),
    ("experiments", DESIGN, {"stages.extra:0": {"stage": "extra", "started_at": 1.0, "seconds": 1.0}},
     "The record of stage extra:0 of t-c001 is not in the log", "untold"),
    ("proposals", DESIGN, {"name": "Other"}, "The record of the proposal is not what event 3", "changed"),
    ("code_versions", f"{DESIGN}:0", {"origin": "repair"}, "The record of the code is not what event 5", "changed"),
    ("model_calls", f"{DESIGN}/researcher/0", {"outcome": "refused"}, "The record of the call is not what event 12",
     "changed"),
    ("campaigns", "t", {"dataset": "books"}, "The campaign's dataset is books, and event 1 (campaign of t) told plays",
     "changed"),
    ("campaigns", "t", {"cycles": 90}, "The campaign's cycles is 90, and event 1", "changed"),
    ("campaigns", "t", {"panel.baselines.gla.loss": 9.0}, "The panel that fitness is measured against is ", "changed"),
    ("verified", "t/1", {"result.breakthrough": True}, "The result of the test t/1 on fresh seeds is not what event 11",
     "changed"),
]  # fmt: skip


def test_an_edited_record_is_found(unguarded: Store) -> None:
    write_log(unguarded)
    write_call(unguarded)
    for collection, name, change, sentence, kind in CHANGES:
        place = unguarded.database[collection]
        before = place.find_one({"_id": name})
        assert before is not None
        assert place.update_one({"_id": name}, {"$set": change}).modified_count == 1
        found = audit(unguarded)
        assert [one.kind for one in found] == [kind], change
        assert found[0].sentence.startswith(sentence)
        place.replace_one({"_id": name}, before)
    assert audit(unguarded) == []


def test_a_removed_record_is_found(store: Store) -> None:
    write_log(store)
    write_call(store)
    write_decisions(store)
    for collection in LOGGED:
        before = store.database[collection].find_one({})
        assert before is not None
        store.database[collection].delete_many({})
        assert [one.kind for one in audit(store)] == ["gone"], collection
        store.database[collection].insert_one(before)
    assert audit(store) == []


@pytest.mark.parametrize(
    ("collection", "change"),
    [
        ("controls", {"state": "running"}),
        ("controls", {"number": 7}),
        ("approvals", {"who": "eve"}),
        ("approvals", {"decision": "refused"}),
        ("requests", {"state": "waiting"}),
        ("requests", {"by": "eve"}),
        ("requests", {"rule.needed": 0}),
        ("requests", {"rule.approvers": ["eve"]}),
        ("requests", {"size": 9}),
        ("requests", {"estimate": {"cpu_seconds": 1}}),
        ("budgets", {"caps.cpu_seconds": 10**12}),
        ("budgets", {"available.cpu_seconds": 10**12}),
        ("budgets", {"spent.dollars": -5}),
        ("campaigns", {"sampler": "map-elites"}),
        ("campaigns", {"ablations": 3}),
        ("campaigns", {"further_baselines": ["deltanet"]}),
        ("campaigns", {"environment": {"torch": "9"}}),
        ("campaigns", {"cassette": "0" * 64}),
    ],
)
def test_an_edited_decision_is_found(store: Store, collection: str, change: Document) -> None:
    write_log(store)
    write_decisions(store)
    assert audit(store) == []
    assert store.database[collection].update_one({}, {"$set": change}).modified_count == 1
    assert len(audit(store)) == 1


def test_a_cap_that_is_what_it_was_once_is_found(store: Store) -> None:
    write_log(store)
    set_caps(store, "t", {"cpu_seconds": 90.0})
    set_caps(store, "t", {"cpu_seconds": 60.0})
    assert audit(store) == []
    more = {"caps.cpu_seconds": 30 * 10**6, "available.cpu_seconds": 30 * 10**6}
    assert store.budgets.update_one({"_id": "t"}, {"$inc": more}).modified_count == 1
    assert [one.kind for one in audit(store)] == ["untold"]


def test_what_older_versions_told_less_of_is_no_fault(store: Store) -> None:
    write_log(store)
    write_decisions(store)
    for event in stored(store):
        for later in (*TOLD_LATER, "size", "estimate"):
            event["body"].pop(later, None)
        store.events.replace_one({"_id": event["_id"]}, event)
    write_anew(store, 1, lambda _: None)
    assert audit(store) == []


@pytest.mark.parametrize("collection", ["controls", "requests", "budgets"])
def test_what_people_decide_during_an_audit_is_no_fault(
    store: Store, monkeypatch: pytest.MonkeyPatch, collection: str
) -> None:
    """They decide right before the audit appends what waits in a record, and right after; that still waits."""
    write_log(store)
    write_decisions(store)
    asked = open_request(store, "verification", "t-c002", "t", Rule(needed=1), "It trains.")
    turns = itertools.cycle(("running", "paused"))
    acts: dict[str, Callable[[int], object]] = {
        "controls": lambda _: turn(store, "t", next(turns), "ada"),  # type: ignore[arg-type]
        "requests": lambda number: number or decide(store, asked, "ada", "approved"),
        "budgets": lambda number: set_caps(store, "t", {"cpu_seconds": 100.0 + number}),
    }

    def meanwhile(of: Store, place: str, name: str) -> int:
        acted = place == collection
        if acted:
            acts[collection](0)
        waited = settle(of, place, name)
        if acted:
            acts[collection](1)
        return waited

    for slow in ("archdb.governance.control.settle", "archdb.governance.requests.settle", "archdb.outbox.settle"):
        monkeypatch.setattr(slow, lambda *_: 0)
    monkeypatch.setattr("archdb.audit.decisions.settle", meanwhile)
    assert audit(store) == []


def test_a_removed_stage_is_found(store: Store) -> None:
    write_log(store)
    store.experiments.update_one({"_id": DESIGN}, {"$unset": {"stages.benchmark:0:0": 1}})
    assert [(one.kind, one.event) for one in audit(store)] == [("gone", 8)]


def damage(store: Store, sha256: str) -> None:
    store.blobs.update_one({"_id": sha256}, {"$set": {"zlib": b"no text"}})


def swap(store: Store, sha256: str) -> None:
    store.blobs.update_one({"_id": sha256}, {"$set": {"zlib": zlib.compress(b"other")}})


def remove(store: Store, sha256: str) -> None:
    store.blobs.delete_one({"_id": sha256})


def test_a_damaged_text_is_found(store: Store) -> None:
    write_log(store)
    events = events_after(store, 0)
    for field, how in (("reply", damage), ("code", swap), ("report", remove), ("text", damage)):
        sha256 = next(str(event.body[field]) for event in reversed(events) if event.body.get(field))
        before = store.blobs.find_one({"_id": sha256})
        assert before is not None
        how(store, sha256)
        found = audit(store)
        assert [one.kind for one in found] == ["text"]
        assert sha256[:12] in found[0].sentence
        store.blobs.replace_one({"_id": sha256}, before, upsert=True)
    assert audit(store) == []


def test_one_campaign_can_be_looked_at_alone(store: Store) -> None:
    write_log(store)
    store.experiments.update_one({"_id": DESIGN}, {"$set": {"fitness": 9.0}})
    walk = check_chain(store)
    assert check_records(store, walk, "another").faults == []
    assert len(check_records(store, walk, "t").faults) == 1
