"""Validators, the version of the records, and the way from an older one."""

import gzip
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pymongo.errors
import pytest
from bson import json_util

import archdb
from archdb import (
    Campaign,
    Experiment,
    Failed,
    Finding,
    Malformed,
    Running,
    Stage,
    Store,
    StoreOutdated,
    Verified,
    code_versions,
    find_proposal,
    get_experiment,
    get_report,
    get_text,
    leaderboard,
    led_to,
    migrate,
    same_code,
    set_fields,
    uses_of,
)
from archdb.blobs import Blob
from archdb.cognition.entries import Entry
from archdb.cognition.index import Index, ToIndex
from archdb.designs import Analysed, CodeVersion, ComponentUse, Proposed
from archdb.events import Event
from archdb.fingerprints import Fingerprint, Idea
from archdb.front import Front, Member
from archdb.governance.approvals import Approval
from archdb.governance.control import Control
from archdb.governance.requests import Request
from archdb.governance.rule import Rule
from archdb.judged import Judged
from archdb.ledger import Budget, BudgetEntry, Operation
from archdb.migrations import MIGRATIONS
from archdb.model_calls import ModelAttempt, ModelCall
from archdb.pool import Floors
from archdb.records import Lease, Outline, Record, document
from archdb.schema import COLLECTIONS, READERS, VERSION, Schema, install, prepare, store_version
from archdb.tree import Place

DUMP = Path(__file__).parent / "dumps" / "version-1.jsonl.gz"

failed = Failed(stage="gpu-train", kind="too_slow", message="slow", remedy="faster")
ATTEMPT = ModelAttempt(
    id="c-c001/engineer/0/0", call="c-c001/engineer/0", number=0, campaign="c", experiment="c-c001", role="engineer",
    model="m", kind="answered", reply="1", prompt_tokens=9, dollars=0.5, seconds=2, created_at=1,
)  # fmt: skip
WHOLE: dict[str, Record] = {  # every field filled in
    "campaigns": Campaign(
        id="c", scale="tiny", provider="grammar", cycles=2, further_baselines=("kda",),
        panel={"reference": {"x": [1.0]}}, reference_cpu_seconds=3, environment={"torch": "2.13"}, created_at=1,
    ),
    "experiments": Experiment(
        id="c-c001", campaign="c", kind="candidate", cycle=1, name="n", tags=("reference",), seeds=(0, 1),
        parents=("c-b",), path=("c-b",), state="failed", attempt=1, code="0" * 64, components={"gate": "none"},
        stages={"gpu-train:0:1": Stage(stage="gpu-train", seed=1, started_at=1, seconds=2.5, failure=failed,
                                       summary={"cpu_seconds": 3, "deep": {"x": [1, "y", None]}})},
        objectives={"loss": 1, "bpb": 2.5}, gains={"loss": -0.5}, fitness=0.25, failure=failed,
        lease=Lease(owner="o", token=3, expires=9.5), rev=4, created_at=1, finished_at=2,
    ),
    "outlines": Outline(
        id="c-c001", campaign="c", kind="candidate", cycle=1, name="n", tags=("reference",), seeds=(0, 1),
        parents=("c-b",), path=("c-b",), state="failed", reached="analyze", code="0" * 64, analysis="1" * 64,
        components={"gate": "none"}, objectives={"loss": 1}, gains={"loss": -0.5}, fitness=0.25, seconds=4.5,
        failure=failed, rev=4, created_at=1, finished_at=2,
    ),
    "blobs": Blob(id="0" * 64, zlib=b"\x00\xff", at=1.5),
    "running": Running(id="c-c001", campaign="c", stage="gpu-train", since=1, at=2, losses={"text": [1, 2.5]}),
    "findings": Finding(id="f", campaign="c", text="t", evidence=("c-c001",), components=("gate=none",), effect=-1),
    "entries": Entry(
        id="notes-1", title="A note", passages=("one", "two"), year=2024, components=("gate=none",), evidence=("x",),
        effect=0.5, campaign="c", origin="file", created_at=1,
    ),
    "indexes": Index(id="t in p", literature="0", complete=True, lease=Lease(owner="o", token=3, expires=9.5)),
    "to_index": ToIndex(id="t in p/notes-1", index="t in p", entry="notes-1", since=1, mark="m"),
    "verified": Verified(id="c/1", campaign="c", number=1, experiment="c-c001", baseline="gla", result={"p": 0.01}),
    "proposals": Proposed(id="c-c001", campaign="c", name="n", parents=("a",), components={"g": "x"}, used=("p",)),
    "judged_proposals": Judged(
        id="c-c001/0", experiment="c-c001", campaign="c", number=0, reply="0", repeats="c-c000", ground="words",
        similarity=0.97,
    ),
    "code_versions": CodeVersion(
        id="c-c001:0", experiment="c-c001", campaign="c", attempt=0, sha256="0", origin="codegen"
    ),
    "analyses": Analysed(id="c-c001", campaign="c", text="0", findings=("f",)),
    "component_uses": ComponentUse(id="x/g", experiment="x", campaign="c", component="g=x", gains={"loss": 1}),
    "fingerprints": Fingerprint(
        id="c-c001:0/1", experiment="c-c001", campaign="c", attempt=0, exact="0", bands=("c/1f",), shingles=b"\x00\xff",
        created_at=1.5,
    ),
    "ideas": Idea(id="c-c001", campaign="c", vector=b"\x00\xff", created_at=1.5),
    "events": Event(
        id=1, kind="stage", key="stage/c-c001/propose:0", campaign="c", subject="c-c001", body={"n": 1, "x": None},
        prev="", hash="0",
    ),
    "budgets": Budget(
        id="c", caps={"cpu_seconds": 2}, available={"cpu_seconds": 1}, spent={"cpu_seconds": 0},
        operations={"0": Operation(key="a/b", amounts={"cpu_seconds": 1}, since=1, owner="o", nonce="n")},
    ),
    "budget_entries": BudgetEntry(
        id="c/a/b", campaign="c", operation="a/b", reserved={"cpu_seconds": 2}, actual={"cpu_seconds": 1}, since=1,
        settled_at=2, owner="o", nonce="n",
    ),
    "floors": Floors(id="c", floors={"20": 0.5}),
    "fronts": Front(
        id="c/gains", campaign="c", name="gains", axes={"loss": "higher"}, rev=1,
        members=(Member(id="c-c001", point=(0.5,)),),
    ),
    "places": Place(id="c-c001", campaign="c", parent="c-b", path=("c-b",), cycle=1),
    "model_calls": ModelCall(
        id="c-c001/engineer/0", campaign="c", experiment="c-c001", role="engineer", number=0, prompt="0", model="m",
        outcome="answered", reply="1", dollars=0.5, attempts=(ATTEMPT,), created_at=1,
    ),
    "model_attempts": ATTEMPT,
    "approvals": Approval(
        id="campaign/c/ada", what="campaign", subject="c", who="ada", decision="approved",
        estimate={"cpu_seconds": 1}, at=1,
    ),
    "requests": Request(
        id="campaign/c", what="campaign", subject="c", campaign="c", rule=Rule(needed=1, approvers=("ada",)),
        estimate={"cpu_seconds": 1}, told="It trains.", size=2, state="approved", by="ada", flow_run="0", at=1,
    ),
    "controls": Control(id="c", state="paused", number=1, who="ada", reason="r", at=1.5, nonce="0"),
}  # fmt: skip


@pytest.fixture
def empty(store: Store) -> Iterator[Store]:
    """A database without anything, on the same server."""
    database = store.client.get_database("another", write_concern=pymongo.WriteConcern(w="majority", j=True))
    store.client.drop_database("another")
    yield Store(store.client, database, store.embedded)
    store.client.drop_database("another")


@pytest.fixture
def old(empty: Store) -> Store:
    """What version 1 left behind after four cycles at the tiny scale."""
    for line in gzip.decompress(DUMP.read_bytes()).decode().splitlines():
        one = json_util.loads(line)
        empty.database[one["collection"]].insert_one(one["document"])
    return empty


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_whole_record_is_taken_and_comes_back(store: Store, name: str) -> None:
    record = WHOLE[name]
    store.database[name].insert_one(document(record))
    assert type(record).model_validate(store.database[name].find_one({})) == record
    store.database[name].update_one({}, {"$set": {"what_a_newer_version_wrote": 1}})
    assert type(record).model_validate(store.database[name].find_one({})) == record


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_the_store_refuses_a_field_of_another_kind(store: Store, name: str) -> None:
    store.database[name].insert_one(document(WHOLE[name]))
    fields = set(document(WHOLE[name])) - {"_id"}
    for field in fields:
        value = 7 if field in ("zlib", "shingles", "vector") else b"bytes"
        with pytest.raises(pymongo.errors.WriteError, match="failed validation"):
            store.database[name].update_one({}, {"$set": {field: value}})
    with pytest.raises(pymongo.errors.WriteError, match="failed validation"):
        store.database[name].insert_one({"_id": "lacks everything"})
    assert type(WHOLE[name]).model_validate(store.database[name].find_one({})) == WHOLE[name]


def test_every_collection_has_an_example_here() -> None:
    assert set(WHOLE) == set(COLLECTIONS)


def test_what_the_schema_refuses_is_one_sentence(store: Store) -> None:
    store.experiments.insert_one(document(WHOLE["experiments"]))
    with pytest.raises(Malformed, match="schema refuses") as told:
        set_fields(store, "c-c001", fitness="high")
    assert "\n" not in str(told.value)


def test_infinity_is_refused_by_the_store_itself(store: Store) -> None:
    store.experiments.insert_one(document(WHOLE["experiments"]))
    with pytest.raises(pymongo.errors.WriteError):
        store.experiments.update_one({}, {"$set": {"fitness": float("inf")}})
    with pytest.raises(pymongo.errors.WriteError):
        store.experiments.update_one({}, {"$set": {"objectives.loss": float("-inf")}})


def test_an_empty_store_is_prepared_and_says_its_version(empty: Store) -> None:
    assert store_version(empty) is None
    prepare(empty)
    found = store_version(empty)
    assert found is not None
    assert found.version == VERSION
    assert set(COLLECTIONS) < set(empty.database.list_collection_names())


def test_changed_validators_are_installed_anew(empty: Store) -> None:
    install(empty)
    empty.database.command("collMod", "experiments", validator={})
    empty.database["schema"].update_one({}, {"$set": {"fingerprint": "of an earlier build"}})
    prepare(empty)
    with pytest.raises(pymongo.errors.WriteError):
        empty.experiments.insert_one({"_id": "bare"})


def test_a_newer_store_is_refused(empty: Store) -> None:
    empty.database["schema"].insert_one(document(Schema(version=VERSION + 1, fingerprint="")))
    with pytest.raises(StoreOutdated, match=r"newer archloop.*upgrade archloop"):
        prepare(empty)


def test_an_older_store_is_refused_until_it_is_migrated(old: Store) -> None:
    before = {one["_id"]: one for one in old.database["experiments"].find()}
    with pytest.raises(StoreOutdated, match=r"version 1.*archloop db migrate"):
        prepare(old)
    assert {one["_id"]: one for one in old.database["experiments"].find()} == before
    steps: list[tuple[int, int]] = []
    assert migrate(old, lambda *step: steps.append(step)) == (1, VERSION)
    assert steps == [(version, version + 1) for version in range(1, VERSION)]
    prepare(old)
    cycles = [f"first-c{number:03d}" for number in range(1, 5)]
    best = leaderboard(old, "first", 3)
    assert [one.fitness for one in best] == sorted((one["fitness"] for one in before.values()), reverse=True)[:3]
    for name in cycles:
        one = get_experiment(old, name)
        proposal = find_proposal(old, name)
        assert proposal is not None
        assert proposal.name == one.name
        assert get_report(old, proposal.reply)["body"]["components"] == one.components
        assert name in [found.id for found in led_to(old, proposal.retrieved[0])]
        (version,) = code_versions(old, name)
        assert version.sha256 == one.code
        source = get_text(old, version.sha256)
        assert "class Candidate" in source
        assert version in same_code(old, source)
        for slot, choice in one.components.items():
            (use,) = [use for use in uses_of(old, f"{slot}={choice}") if use.experiment == name]
            assert (use.fitness, use.parent) == (one.fitness, one.parents[0])
    origins = {one["origin"] for one in old.code_versions.find()}
    assert origins == {"baseline", "codegen"}


def test_migrating_again_or_after_a_cut_changes_nothing(old: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(store: Store) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(archdb.migrations, "MIGRATIONS", {1: (*MIGRATIONS[1], cut)})
        with pytest.raises(KeyboardInterrupt):
            migrate(old)
    assert store_version(old) == Schema(version=1, fingerprint="")
    assert migrate(old) == (1, VERSION)
    whole = everything(old)
    assert migrate(old) == (VERSION, VERSION)
    assert everything(old) == whole


def everything(store: Store) -> str:
    names = sorted(store.database.list_collection_names())
    held = {name: list(store.database[name].find().sort("_id", 1)) for name in names}
    return json.dumps(held, default=str)


def test_the_indexes_of_every_module_are_declared() -> None:
    modules = [import_module(one.name) for one in walk_packages(archdb.__path__, "archdb.")]
    assert {one.__name__ for one in modules if hasattr(one, "INDEXES")} == {one.__name__ for one in READERS}
