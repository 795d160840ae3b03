"""Backups and moves of real stores: everything arrives, nothing half is ever taken for whole."""

import errno
import gzip
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import psutil
import pymongo.errors
import pytest
from bson.codec_options import DatetimeConversion

from archdb import (
    BackupUnusable,
    Conflict,
    Malformed,
    Store,
    StoreMisconfigured,
    append_event,
    connect_to,
    create_experiment,
    get_experiment,
    migrate,
    set_fields,
)
from archdb.audit import check_chain, check_records
from archdb.copies import read_backup, read_whole, readable_version, write_backup, write_whole
from archdb.copies.copying import Take, Totals, _names
from archdb.events import Told
from archdb.leases import is_alive, this_process
from archdb.patience import INVALID_DOCUMENT
from archdb.schema import RESTORING, SCHEMA, VERSION
from archdb.shared_server import detach
from archdb.store import open_folder
from tests.archdb.event_log import DESIGN, write_call, write_log


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("other")
    yield folder
    detach(folder / "store")


@pytest.fixture
def other(other_folder: Path) -> Iterator[Store]:
    """Another store, without a collection."""
    opened = connect_to(str(other_folder))
    for name in opened.database.list_collection_names():
        opened.database.drop_collection(name)
    yield opened
    opened.client.close()


def nothing() -> None: ...


def backup(store: Store, file: Path) -> Path:
    write_backup(store, file, on_document=nothing)
    return file


def restore(file: Path, store: Store) -> Totals:
    made = read_backup(file)
    return write_whole(store, made.version, str(file), lambda take: read_backup(file, take).totals)


def documents(store: Store) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    read_whole(store, lambda name, one: found.setdefault(name, []).append(one))
    return {name: sorted(some) for name, some in found.items()}


def test_a_restored_store_is_the_same_to_the_byte_and_its_log_is_whole(
    store: Store, other: Store, other_folder: Path, tmp_path: Path
) -> None:
    write_log(store)
    write_call(store)
    odd = {
        "_id": "odd", "long": bson.Int64(3), "int": 3, "float": 3.0, "bytes": b"\0z", "none": None,
        "deep": [{"b": 1}, {}], "date": bson.DatetimeMS(1_700_000_000_123), "exact": bson.Decimal128("1.10"),
        "of": bson.ObjectId(),
    }  # fmt: skip
    store.database["strange"].insert_one(odd)  # a collection that this archloop does not know goes with the rest
    totals = restore(backup(store, tmp_path / "a.bson.gz"), other)
    store.database.drop_collection("strange")
    assert totals["strange"].documents == 1
    assert totals["events"].documents >= 11
    back = documents(other)
    as_sent = bson.CodecOptions[dict[str, Any]](datetime_conversion=DatetimeConversion.DATETIME_MS)
    raw = bson.decode(back.pop("strange")[0], as_sent)
    assert raw == odd
    assert {name: type(value) for name, value in raw.items()} == {name: type(value) for name, value in odd.items()}
    assert back == documents(store)

    opened = open_folder(other_folder / "store")  # validators, indexes and the version are there
    walk = check_chain(opened)
    assert walk.faults == []
    assert walk.head == check_chain(store).head
    assert check_records(opened, walk).faults == []
    assert get_experiment(opened, DESIGN) == get_experiment(store, DESIGN)
    assert opened.events.index_information().keys() == store.events.index_information().keys()
    opened.client.close()


@pytest.mark.slow
def test_a_store_is_copied_into_another_and_back(store: Store, other: Store) -> None:
    write_log(store)
    before = documents(store)
    write_whole(other, readable_version(store), "there", lambda take: read_whole(store, take))
    for name in _names(store):
        store.database[name].delete_many({})
    write_whole(store, readable_version(other), "back", lambda take: read_whole(other, take))
    assert documents(store) == before
    assert check_chain(store).faults == []


def test_a_store_that_has_records_is_never_written_over(store: Store, other: Store, tmp_path: Path) -> None:
    write_log(store)
    file = backup(store, tmp_path / "a.bson.gz")
    create_experiment(other, "x-c001", campaign="x", kind="candidate", name="mine", cycle=1)
    before = documents(other)
    with pytest.raises(Conflict, match="holds records, and nothing is ever written over them"):
        restore(file, other)
    assert documents(other) == before
    content = file.read_bytes()
    with pytest.raises(BackupUnusable, match="no backup is ever replaced"):
        backup(store, file)
    assert file.read_bytes() == content


def test_a_cut_off_restore_is_refused_until_it_is_done_again(
    store: Store, other: Store, other_folder: Path, tmp_path: Path
) -> None:
    write_log(store)
    file = backup(store, tmp_path / "a.bson.gz")

    def cut_off(take: Take) -> Totals:
        seen = 0

        def some(name: str, one: bytes) -> None:
            nonlocal seen
            seen += 1
            if seen > 20:
                raise KeyboardInterrupt
            take(name, one)

        return read_backup(file, some).totals

    with pytest.raises(KeyboardInterrupt):
        write_whole(other, VERSION, str(file), cut_off)
    assert any(other.database[name].find_one({}) for name in _names(other))
    with pytest.raises(StoreMisconfigured, match=r"half restored from .*: wait until that is done, or run the same"):
        open_folder(other_folder / "store")
    with pytest.raises(Conflict, match="half restored"):
        readable_version(other)
    with pytest.raises(StoreMisconfigured, match="half restored"):
        migrate(other)
    owner = {"$set": {"owner": f"elsewhere/{'x'}/1/2/3.00"}}
    mine: Any = other.database[SCHEMA].find_one({"_id": RESTORING})
    other.database[SCHEMA].update_one({"_id": RESTORING}, owner)
    with pytest.raises(Conflict, match="Another process is filling the store"):
        restore(file, other)
    other.database[SCHEMA].replace_one({"_id": RESTORING}, mine)
    restore(file, other)
    assert documents(other) == documents(store)
    open_folder(other_folder / "store").client.close()


def test_what_arrives_otherwise_is_told_and_never_opened(store: Store, other: Store, other_folder: Path) -> None:
    write_log(store)

    def read(take: Take) -> Totals:
        found = read_whole(store, take)
        other.database["blobs"].delete_many({})  # somebody meddles
        take("running", bson.encode({"_id": "x", "campaign": "t", "stage": "s", "since": 1.0, "at": 1.0}))
        return found

    with pytest.raises(Conflict, match=r"is not what was sent \(blobs: \d+ documents, then 0, running: 0 "):
        write_whole(other, VERSION, "there", read)
    with pytest.raises(StoreMisconfigured, match="half restored"):
        open_folder(other_folder / "store")


def test_a_damaged_backup_is_found_out_before_anything_is_written(store: Store, other: Store, tmp_path: Path) -> None:
    write_log(store)
    file = backup(store, tmp_path / "a.bson.gz")
    packed = file.read_bytes()
    whole = gzip.decompress(packed)
    for broken, told in (
        (packed[: len(packed) // 2], "is damaged or cut off"),
        (packed[:-20] + bytes([packed[-20] ^ 8]) + packed[-19:], "is damaged or cut off|was changed after"),
        (gzip.compress(whole.replace(b"Gated", b"Dated")), "was changed after it was written"),
        (gzip.compress(whole + whole), "was changed after it was written"),
        (packed[:-6] + bytes([packed[-6] ^ 8]) + packed[-5:], "is damaged or cut off"),
        (b"{}\n", "is no backup"),
    ):
        file.write_bytes(broken)
        with pytest.raises(BackupUnusable, match=told):
            restore(file, other)
    assert other.database.list_collection_names() == []


def test_the_faults_of_who_takes_documents_are_his(store: Store, tmp_path: Path) -> None:
    write_log(store)
    file = backup(store, tmp_path / "a.bson.gz")

    def refuse(fault: Exception) -> Take:
        def take(name: str, one: bytes) -> None:
            raise fault

        return take

    for fault in (KeyError("x"), TypeError("x"), OSError("x"), EOFError("x")):
        with pytest.raises(type(fault)):
            read_backup(file, refuse(fault))
    with pytest.raises(Malformed, match="schema refuses"):
        read_whole(store, refuse(pymongo.errors.WriteError("no", INVALID_DOCUMENT)))
    assert read_whole(store, lambda name, one: None)["events"].documents >= 11, "the transaction was given up"


def test_a_backup_arrives_where_files_cannot_be_linked(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    write_log(store)
    file = backup(store, tmp_path / "a.bson.gz")
    assert read_backup(file).totals == read_whole(store, lambda name, one: None)
    assert list(tmp_path.iterdir()) == [file]


def test_of_two_who_take_over_a_restore_one_does(
    store: Store, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(store)
    file = backup(store, tmp_path / "a.bson.gz")
    machine, _pid, _started = this_process().rsplit("/", 2)
    gone = psutil.Popen(["true"])
    gone.wait()
    mark = {"_id": RESTORING, "source": "a", "owner": f"{machine}/{gone.pid}/1.00"}
    other.database[SCHEMA].insert_one(mark)

    def faster(owner: str) -> bool | None:
        other.database[SCHEMA].update_one({"_id": RESTORING}, {"$set": {"owner": "another"}})
        return is_alive(owner)

    monkeypatch.setattr("archdb.copies.copying.is_alive", faster)
    with pytest.raises(Conflict, match="Another process is filling the store"):
        restore(file, other)
    assert _names(other) == []


@pytest.mark.slow
def test_a_backup_during_work_is_a_copy_of_one_moment(store: Store, other: Store, tmp_path: Path) -> None:
    write_log(store)
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            number += 1
            append_event(
                store, Told(kind="takeover", key=f"k{number}", campaign="t", subject=DESIGN, body={"n": number})
            )
            set_fields(store, DESIGN, details={"n": number})

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(3):
            backup(store, tmp_path / f"{number}.bson.gz")
    finally:
        over.set()
        worker.join()
    restore(tmp_path / "2.bson.gz", other)
    walk = check_chain(other)
    assert walk.faults == []
    last = max(one["body"]["n"] for one in other.events.find({}) if one["kind"] == "takeover")
    assert get_experiment(other, DESIGN).details["n"] in (last, last - 1)


def test_reading_without_a_transaction_refuses_a_store_that_changes(store: Store) -> None:
    write_log(store)
    assert read_whole(store, lambda name, one: None, at_rest=True) == read_whole(store, lambda name, one: None)

    def meanwhile(name: str, one: bytes) -> None:
        if name == "verified":  # events were read before
            append_event(store, Told(kind="takeover", key="late", campaign="t"))

    with pytest.raises(Conflict, match=r"changed while it was read \(events: \d+ documents, then \d+\): stop what"):
        read_whole(store, meanwhile, at_rest=True)
