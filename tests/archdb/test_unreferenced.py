"""Which texts may go: none that anything needs, and none that somebody may be about to need."""

import time

import pytest

from archdb import Store, create_experiment, find_unreferenced, get_text, put_text, remove_unreferenced, set_fields
from archdb.audit import check_chain, check_records
from archdb.blobs import YOUNG_SECONDS, put_texts
from archdb.copies.cassettes import Cassette, HeldCall, Settings, keep_cassette
from archdb.events import Told, append_event
from tests.archdb.event_log import write_call, write_log

DAY = 86_400.0


def age(store: Store, days: float) -> None:
    store.blobs.update_many({}, {"$set": {"at": time.time() - days * DAY}})


def test_what_records_events_texts_and_cassettes_name_stays_and_the_audit_holds(store: Store) -> None:
    write_log(store)
    write_call(store)
    append_event(store, Told(kind="takeover", key="k", campaign="t", body={"report": put_text(store, "told of only")}))
    inner = put_text(store, "named by a text only")
    set_fields(store, create_experiment(store, "t-c009", campaign="t", kind="candidate", name="n").id,
               motivation=put_text(store, f"see {inner}"))  # fmt: skip
    held = put_text(store, "asked")
    settings = Settings(scale="tiny", provider="openai", cycles=1, seed=0, domain="d", dataset="x", sampler="ranked")
    call = HeldCall(cycle=1, role="engineer", number=0, prompt=held, outcome="answered")
    keep_cassette(store, Cassette(campaign="gone", settings=settings, calls=(call,)), {held: "asked"})
    lost = [put_text(store, f"lost {number}") for number in range(2)]
    before = store.blobs.count_documents({})
    assert find_unreferenced(store, DAY) == []  # all of it is young
    with pytest.raises(ValueError, match="A grace of 21600 seconds is too short"):
        find_unreferenced(store, YOUNG_SECONDS)
    age(store, 2)
    found = find_unreferenced(store, DAY)
    assert {one.sha256 for one in found} == set(lost)
    assert all(one.bytes > 0 for one in found)
    assert store.blobs.count_documents({}) == before  # looking changes nothing
    assert remove_unreferenced(store, found) == 2
    assert store.blobs.count_documents({}) == before - 2
    walk = check_chain(store)
    assert (walk.faults, check_records(store, walk).faults) == ([], [])


def test_a_text_that_is_stored_again_is_not_taken_from_who_stored_it(store: Store) -> None:
    lost = [put_text(store, text) for text in ("one", "two", "three")]
    age(store, 2)
    found = find_unreferenced(store, DAY)
    put_text(store, "one")
    put_texts(store, ["two", "four"])
    assert remove_unreferenced(store, found) == 1
    assert [get_text(store, one) for one in lost[:2]] == ["one", "two"]
    assert find_unreferenced(store, DAY) == []
    assert store.blobs.find_one({"_id": lost[2]}) is None
