"""The event log on a real store: one chain whoever writes, nothing told twice, nothing changed untold."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymongo.errors
import pytest

from archdb import (
    Campaign,
    Experiment,
    Store,
    Told,
    append_event,
    claim,
    connect,
    create_experiment,
    events_after,
    extend_campaign,
    find_event,
    get_experiment,
    log_head,
    migrate,
    open_campaign,
    settle_all,
)
from archdb.audit import check_chain, check_records
from archdb.events import BATCH, _ends, _last, append_events
from archdb.records import document
from archdb.schema import VERSION
from tests.archdb.event_log import DESIGN, stored, write, write_log

WRITERS, EACH, SHARED = 8, 12, 5
WRITER = f"""
import sys
from archdb import Told, append_event, open_store
store = open_store()
print("ready", flush=True)
sys.stdin.readline()
for number in range({EACH}):
    append_event(store, Told(kind="own", key=f"own/{{sys.argv[1]}}/{{number}}", campaign="t", body={{"x": number / 3}}))
    append_event(store, Told(kind="shared", key=f"shared/{{number % {SHARED}}}", campaign="t"))
"""
KILLED = """
import os, signal
import archdb.outbox
from archdb import Stage, claim, open_store, write_stage
archdb.outbox.append_event = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store = open_store()
token = claim(store, "t-c001")
write_stage(store, "t-c001", Stage(stage="propose", started_at=1.0, seconds=2.0), token, name="Gated")
"""


def clean(store: Store) -> bool:
    walk = check_chain(store)
    return not walk.faults + check_records(store, walk).faults


def run(script: str, *arguments: str, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=Path(__file__).parents[2], text=True, **options
    )  # type: ignore[call-overload,no-any-return]


def test_everything_that_is_decided_is_told_once_and_in_order(store: Store) -> None:
    write_log(store)
    told = [(one.kind, one.subject) for one in events_after(store, 0)]
    assert told == [
        ("campaign", ""),
        ("panel", ""),
        ("proposal", DESIGN),
        ("stage", DESIGN),
        ("code", DESIGN),
        *[("stage", DESIGN)] * 3,
        ("analysis", DESIGN),
        ("stage", DESIGN),
        ("verified", DESIGN),
    ]
    assert [one["_id"] for one in stored(store)] == list(range(1, len(told) + 1))
    assert clean(store)
    before = stored(store)
    write_log(store)  # every write of it is one that is done already
    assert stored(store)[: len(before)] == before
    assert {one.kind for one in events_after(store, len(before))} <= {"takeover"}
    assert all(one.get("pending", []) == [] for one in store.experiments.find({}))


def test_a_key_is_told_once_and_numbers_come_back_as_they_were(store: Store) -> None:
    first = append_event(store, Told(kind="x", key="k", body={"a": 1.0, "b": 2, "c": None, "d": True, "e": "é\n"}))
    again = append_event(store, Told(kind="y", key="k"))
    assert again == first
    assert [type(value) for value in stored(store)[0]["body"].values()] == [float, int, type(None), bool, str]
    assert clean(store)
    with pytest.raises(ValueError, match="finite"):
        Told(kind="x", key="k2", body={"a": float("nan")})
    nested = {"_id": 2, "kind": "x", "key": "k3", "body": {"nested": {"no": 1}}, "prev": "", "hash": ""}
    with pytest.raises(pymongo.errors.WriteError, match="validation"):
        store.events.insert_one(nested)


def test_threads_that_append_at_once_leave_one_chain_with_each_key_once(store: Store) -> None:
    keys = [str(number % 16) for number in range(48)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda key: append_event(store, Told(kind="x", key=key)), keys))
    assert len({one.id for one in told}) == 16
    walk = check_chain(store)
    assert (walk.faults, walk.events) == ([], 16)


@pytest.mark.slow
def test_processes_that_append_at_once_leave_one_chain_with_each_key_once(store: Store) -> None:
    writers = [run(WRITER, str(n), stdin=subprocess.PIPE, stdout=subprocess.PIPE) for n in range(WRITERS)]
    for one in writers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in writers:
        one.communicate("go\n", timeout=120)
    assert [one.returncode for one in writers] == [0] * WRITERS
    walk = check_chain(store)
    assert walk.faults == []
    assert walk.events == WRITERS * EACH + SHARED
    assert len({one["key"] for one in stored(store)}) == walk.events


def test_the_end_is_found_from_anywhere(store: Store) -> None:
    for number in range(1, 41):
        append_event(store, Told(kind="x", key=str(number)))
        if number in (1, 2, 3, 7, 8, 9, 31, 32, 33, 40):
            for near in (0, 1, number // 2, number, number + 5):
                _ends[store.address] = near
                last = _last(store)
                assert last is not None
                assert last["_id"] == number
    end = log_head(store)
    assert end is not None
    assert str(end) == f"40:{stored(store)[-1]['hash']}"
    assert end.chain == stored(store)[0]["hash"]


def test_a_display_follows_the_log(store: Store) -> None:
    assert events_after(store, 0) == []
    for number in range(1, BATCH + 11):
        append_event(store, Told(kind="x", key=str(number), campaign="ab"[number % 2]))
    assert [one.id for one in events_after(store, 3, 4)] == [4, 5, 6, 7]
    assert [one.id for one in events_after(store, BATCH)] == list(range(BATCH + 1, BATCH + 11))
    assert [one.id for one in events_after(store, 0, 30, "a")] == list(range(2, 61, 2))
    assert events_after(store, BATCH + 10) == []


def test_a_worker_killed_between_the_write_and_the_log_leaves_nothing_untold(store: Store) -> None:
    create_experiment(store, DESIGN, campaign="t", kind="candidate", name="cycle 1", cycle=1)
    child = run(KILLED)
    assert child.wait(timeout=60) == -signal.SIGKILL
    assert get_experiment(store, DESIGN).name == "Gated", "it died before the write"
    assert find_event(store, f"stage/{DESIGN}/propose:0") is None, "it died after the log"

    assert claim(store, DESIGN) == 2
    events = events_after(store, 0)
    assert [one.kind for one in events] == ["stage", "takeover"]
    assert events[1].body["token"] == 2
    assert str(events[1].body["holder"]).split("/")[-3] == str(child.pid)
    assert settle_all(store) == 0
    assert clean(store)


def test_an_audit_goes_on_with_what_dead_workers_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        for module in ("experiments", "designs", "campaigns", "verified"):
            patched.setattr(f"archdb.{module}.settle", lambda *_: 0)
        for module in ("experiments", "designs"):
            patched.setattr(f"archdb.{module}.pass_on", lambda *_: None)
        patched.setattr("archdb.leases.settle_experiment", lambda *_: 0)
        write_log(store)
    assert events_after(store, 0) == []
    assert settle_all(store) == 11
    assert clean(store)
    assert settle_all(store) == 0


def test_a_worker_that_dies_after_the_log_and_before_the_outbox_is_cleared_tells_nothing_twice(store: Store) -> None:
    write_log(store)
    one = next(event for event in events_after(store, 0) if event.key == f"stage/{DESIGN}/codegen:0")
    waiting = document(Told.model_validate(one.model_dump()))
    store.experiments.update_one({"_id": DESIGN}, {"$push": {"pending": waiting}})
    before = stored(store)
    assert settle_all(store) == 1
    assert stored(store) == before


def test_a_campaign_tells_when_it_grows_and_only_then(store: Store) -> None:
    settings = Campaign(id="t", scale="tiny", provider="grammar", cycles=2, dataset="plays 1", environment={"x": "1"})
    open_campaign(store, settings)
    extend_campaign(store, "t", 1)
    extend_campaign(store, "t", 5)
    extend_campaign(store, "t", 5)
    open_campaign(store, settings.model_copy(update={"cycles": 7}))
    assert [(one.kind, one.body["cycles"]) for one in events_after(store, 0)] == [
        ("campaign", 2),
        ("extended", 5),
        ("extended", 7),
    ]
    assert clean(store)


def test_records_without_a_log_are_taken_in_as_they_are_found(store: Store) -> None:
    write_log(store)
    for name in ("events", "proposals", "code_versions", "analyses", "schema"):  # what version 1 did not have
        store.database[name].delete_many({})
    store.database["events"].drop_indexes()
    opened = connect()
    assert migrate(opened) == (1, VERSION)
    told = stored(store)
    assert migrate(opened) == (VERSION, VERSION)
    assert stored(store) == told
    kinds = [one["kind"] for one in told]
    assert sorted(kinds) == ["analysis", "campaign", "code", "migrated", "panel", "proposal", "verified"]
    assert clean(store)

    token = claim(store, DESIGN)
    assert token is not None
    write(store, Experiment.model_validate(store.experiments.find_one()), token, "late")
    assert clean(store)
    store.experiments.update_one({"_id": DESIGN}, {"$set": {"stages.codegen:0.seconds": 9.0}})
    walk = check_chain(store)
    found = check_records(store, walk).faults
    assert [one.event for one in found] == [kinds.index("migrated") + 1]
    assert "from before there was a log is not what event" in found[0].sentence


def test_many_at_once_make_the_same_chain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archdb.events.TOGETHER", 7)
    told = [Told(kind="x", key=f"x/{number}", campaign="t") for number in range(30)]
    for early in (3, 4, 20):
        append_event(store, told[early])
    append_events(store, told)
    append_events(store, [*told, Told(kind="x", key="x/last", campaign="t")])
    assert check_chain(store).faults == []
    keys = [one.key for one in events_after(store, 0)]
    assert keys == ["x/3", "x/4", "x/20"] + [f"x/{n}" for n in range(30) if n not in (3, 4, 20)] + ["x/last"]


def test_many_at_once_by_many_writers_make_one_chain(store: Store) -> None:
    def write_all(writer: int) -> None:
        append_events(store, [Told(kind="x", key=f"{writer % 4}/{number}", campaign="t") for number in range(40)])

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write_all, range(WRITERS)))
    assert check_chain(store).faults == []
    assert len(events_after(store, 0, limit=1000)) == 4 * 40
