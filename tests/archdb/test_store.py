"""The lineage store against the real embedded server."""

import json
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pymongo.errors
import pytest

import archdb
from archdb import (
    Campaign,
    Conflict,
    Experiment,
    Failed,
    LeaseLost,
    NotFound,
    Stage,
    Store,
    StoreMisconfigured,
    StoreUnavailable,
    claim,
    create_experiment,
    find_experiment,
    get_experiment,
    open_campaign,
    open_store,
    release,
    renew,
    set_fields,
    set_panel,
    write_stage,
)
from archdb.experiments import compare_and_set
from archdb.leases import HUNG_SECONDS
from archdb.records import Lease, plain


def new(store: Store, number: int = 1, **fields: object) -> Experiment:
    made = create_experiment(
        store, f"t-c{number:03d}", campaign="t", kind="candidate", name=f"Design-{number}", cycle=number
    )
    return set_fields(store, made.id, **fields) if fields else made


def stage(name: str, attempt: int = 0, seed: int | None = None, **fields: object) -> Stage:
    return Stage(stage=name, attempt=attempt, seed=seed, started_at=1.0, seconds=2.0, **fields)  # type: ignore[arg-type]


def test_creating_twice_keeps_the_first(store: Store) -> None:
    first = new(store)
    again = create_experiment(store, first.id, campaign="t", kind="candidate", name="another")
    assert again.name == first.name
    assert store.experiments.count_documents({}) == 1


def test_a_stage_is_written_once(store: Store) -> None:
    one = new(store)
    token = claim(store, one.id)
    assert token is not None
    after = write_stage(store, one.id, stage("gpu-train", seed=1, summary={"cpu_seconds": 3.0}), token, name="X")
    assert after.stages["gpu-train:0:1"].summary == {"cpu_seconds": 3.0}
    assert (after.name, after.cpu_seconds) == ("X", 3.0)
    again = write_stage(store, one.id, stage("gpu-train", seed=1, summary={"cpu_seconds": 9.0}), token, name="Y")
    assert again == after


def test_racing_writers_of_one_stage_leave_one_record(store: Store) -> None:
    one = new(store)
    token = claim(store, one.id)
    assert token is not None
    barrier = threading.Barrier(8)

    def write(number: int) -> Experiment:
        barrier.wait()
        return write_stage(store, one.id, stage("benchmark", summary={"by": number}), token)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(write, range(8)))
    winners = {one.stages["benchmark:0"].summary["by"] for one in results}
    assert len(winners) == 1
    assert get_experiment(store, one.id).rev == one.rev + 2  # the claim and one stage


def test_eight_claimants_get_one_lease(store: Store) -> None:
    one = new(store)
    barrier = threading.Barrier(8)

    def take(_: int) -> int | None:
        barrier.wait()
        return claim(store, one.id)

    with ThreadPoolExecutor(8) as pool:
        tokens = [token for token in pool.map(take, range(8)) if token is not None]
    assert tokens == [1]


def test_a_lost_lease_fences_its_holder_off(store: Store) -> None:
    one = new(store)
    old = claim(store, one.id)
    assert old is not None
    compare_and_set(store, one.id, lambda now: {"lease.expires": time.time() - HUNG_SECONDS - 1})  # fell silent
    fresh = claim(store, one.id)
    assert fresh == old + 1
    with pytest.raises(LeaseLost):
        write_stage(store, one.id, stage("propose"), old)
    with pytest.raises(LeaseLost):
        renew(store, one.id, old)
    release(store, one.id, old)  # a no-op: it is not his any more
    assert get_experiment(store, one.id).lease.token == fresh
    assert claim(store, one.id) is None


def test_a_dead_holder_on_this_machine_is_taken_over_at_once(store: Store) -> None:
    one = new(store)
    assert claim(store, one.id) == 1
    owner = get_experiment(store, one.id).lease.owner
    machine, _pid, _started, _ = owner.rsplit("/", 3)
    gone = psutil.Popen(["true"])
    gone.wait()
    dead = f"{machine}/{gone.pid}/1.00/x"
    compare_and_set(store, one.id, lambda now: {"lease": Lease(owner=dead, token=1, expires=time.time() + 999)})
    assert claim(store, one.id) == 2


def test_nan_is_refused_at_the_door(store: Store) -> None:
    one = new(store)
    with pytest.raises(ValueError, match=r"t-c001\.objectives\.loss is nan"):
        set_fields(store, one.id, objectives={"loss": float("nan")})
    with pytest.raises(ValueError, match="inf"):
        plain({"deep": [{"x": float("inf")}]})
    assert get_experiment(store, one.id).objectives == {}


def test_campaign_settings_are_fixed_but_cycles_grow(store: Store) -> None:
    base = Campaign(id="t", scale="tiny", provider="grammar", cycles=2, dataset="plays 1")
    open_campaign(store, base)
    assert open_campaign(store, base.model_copy(update={"cycles": 5})).cycles == 5
    assert open_campaign(store, base).cycles == 5
    with pytest.raises(Conflict, match="scale tiny, not nano"):
        open_campaign(store, base.model_copy(update={"scale": "nano"}))
    assert open_campaign(store, base.model_copy(update={"ablations": 3})).ablations == base.ablations
    with pytest.raises(Conflict, match="at most 0 ablations of a design, not 3"):
        open_campaign(store, base, ablations=3)
    with pytest.raises(Conflict, match="without kda, and its fitness"):
        open_campaign(store, base.model_copy(update={"further_baselines": ("kda",)}))
    wide = base.model_copy(update={"id": "wide", "further_baselines": ("kda",)})
    assert open_campaign(store, wide) == open_campaign(store, wide.model_copy(update={"further_baselines": ()}))
    set_panel(store, "t", {"reference": {"loss": [1.0, 2.0]}}, 3.0)
    set_panel(store, "t", {"reference": {"loss": [9.0, 9.0]}}, 4.0)
    assert archdb.get_campaign(store, "t").panel == {"reference": {"loss": [1.0, 2.0]}}


def test_lineage_and_names(store: Store) -> None:
    root = new(store, 1, fitness=0.1)
    child = new(store, 2, parents=[root.id], path=[root.id], fitness=0.3)
    grandchild = new(store, 3, parents=[child.id], path=[root.id, child.id], fitness=0.2, state="failed")
    assert [one.id for one in archdb.ancestors(store, grandchild)] == [root.id, child.id]
    assert [one.id for one in archdb.descendants(store, root)] == [child.id, grandchild.id]
    assert [one.id for one in archdb.leaderboard(store, "t", 2)] == [child.id, grandchild.id]
    assert find_experiment(store, "2", "t").id == child.id
    assert find_experiment(store, "Design-3", "t").id == grandchild.id
    with pytest.raises(NotFound, match="No experiment is called nothing"):
        find_experiment(store, "nothing", "t")
    set_fields(store, child.id, name="Design-3")
    with pytest.raises(Conflict, match="t-c002, t-c003"):
        find_experiment(store, "Design-3", "t")


def test_texts_come_back_and_damage_is_noticed(store: Store) -> None:
    digest = archdb.put_text(store, "π = 3\n" * 1000)
    assert archdb.put_text(store, "π = 3\n" * 1000) == digest
    assert archdb.get_text(store, digest) == "π = 3\n" * 1000
    store.blobs.update_one({"_id": digest}, {"$set": {"zlib": zlib.compress(b"other")}})
    with pytest.raises(NotFound, match="damaged"):
        archdb.get_text(store, digest)


def test_a_failure_is_stored_with_its_reason(store: Store) -> None:
    one = new(store)
    token = claim(store, one.id)
    assert token is not None
    failure = Failed(stage="gpu-train", kind="too_slow", message="took too long", remedy="make it faster")
    write_stage(store, one.id, stage("gpu-train", failure=failure), token, state="failed", failure=failure)
    assert get_experiment(store, one.id).failure == failure


def test_an_unreachable_server_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_MONGODB_URI", "mongodb://127.0.0.1:1/archloop")
    monkeypatch.setenv("ARCHLOOP_MONGODB_PATIENCE_MS", "300")
    open_store.cache_clear()
    with pytest.raises(StoreUnavailable, match="No answer from the store") as told:
        open_store()
    assert "ARCHLOOP_MONGODB_URI" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_malformed_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_MONGODB_URI", "http://nowhere")
    open_store.cache_clear()
    with pytest.raises(StoreMisconfigured, match="not a MongoDB address"):
        open_store()


def test_a_killed_store_comes_back_with_everything(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_MONGODB_PATIENCE_MS", "2000")
    for number in range(1, 20):
        new(open_store(), number)

    record = json.loads((data_folder / "store" / "server.json").read_text())
    psutil.Process(record["server"]).kill()
    deadline = time.monotonic() + 30
    while True:  # the fault is transient: the next attempt opens the store anew
        try:
            found = open_store().experiments.count_documents({"campaign": "t"})
            break
        except pymongo.errors.ConnectionFailure:
            open_store.cache_clear()
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert found == 19
