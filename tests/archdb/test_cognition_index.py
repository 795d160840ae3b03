"""The table of the cognition base stays in step with its entries: through changes, races, kills and another model."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from archdb import Conflict, Finding, Malformed, Store, open_store
from archdb.cognition import (
    Entry,
    add_entries,
    find_entries,
    index,
    index_cognition,
    read_asi_arch,
    read_literature,
    record_findings,
    search,
    stored_vectors,
    table,
)
from archdb.cognition.entries import shipped
from archdb.cognition.table import open_table
from tests.archdb import adders


def note(number: int = 1, *passages: str) -> Entry:
    return Entry(
        id=f"notes-{number}", title=f"Note {number}", passages=passages or (f"The quagga gate {number} leaks.",)
    )


def rows() -> Counter[str]:
    """How many rows each entry has that does not ship."""
    found = open_table().search().select(["entry"]).limit(None).to_list()
    return Counter(row["entry"] for row in found if row["entry"] not in shipped())


def test_an_entry_is_added_once_changed_in_place_and_found(store: Store) -> None:
    assert add_entries(store, [note(), note(2)]).new == ("notes-1", "notes-2")
    assert add_entries(store, [note(), note(2)]).same == ("notes-1", "notes-2")
    assert search("quagga gate", limit=2, kind="paper")[0].id.startswith("notes-")
    assert add_entries(store, [note(1, "The zebra key rotates.", "A second passage.")]).changed == ("notes-1",)
    assert rows() == {"notes-1": 2, "notes-2": 1}
    assert add_entries(store, [note(1, "The zebra key rotates.")]).changed == ("notes-1",)
    assert rows() == {"notes-1": 1, "notes-2": 1}
    (hit,) = search("zebra key", limit=1)
    assert (hit.id, hit.words_rank, hit.words) == ("notes-1", 1, ("zebra",))
    assert not store.to_index.find_one({})


def test_a_paper_that_ships_is_not_replaced(store: Store) -> None:
    taken = next(iter(shipped()))
    with pytest.raises(Conflict, match=r"ships with archloop: give your entry an id of its own"):
        add_entries(store, [Entry(id=taken, title="Mine", passages=("Other words.",))])
    assert find_entries(store, [taken]) == [shipped()[taken]]


def test_what_was_queued_before_its_entry_was_written_waits_for_it(store: Store) -> None:
    index.queue(store, ["notes-1"])  # a worker that died right then, or has not come further yet
    index_cognition(store)
    assert rows() == {}
    assert store.to_index.find_one({}) is not None
    add_entries(store, [note()])
    assert rows() == {"notes-1": 1}


def test_a_change_while_the_old_text_is_being_indexed_is_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, changed = index.put_entries, list[Entry]()

    def slow(table: object, entries: list[Entry]) -> None:
        put(table, entries)
        if not changed and entries[0].id == "notes-1":
            changed.append(note(1, "The zebra key rotates."))
            index.queue(store, ["notes-1"])
            store.entries.update_one({"_id": "notes-1"}, {"$set": {"passages": ["The zebra key rotates."]}})

    index_cognition(store)
    monkeypatch.setattr(index, "put_entries", slow)
    add_entries(store, [note()])
    assert changed
    assert search("zebra key", limit=1)[0].id == "notes-1"


def test_a_lost_table_is_filled_again(store: Store) -> None:
    finding = Finding(id="t-c001/finding-0", campaign="t", text="Quagga gates helped.", evidence=("t-c001",))
    record_findings(store, [finding])
    add_entries(store, [note()])
    open_table().delete("true")
    index_cognition(store)
    assert rows() == {"notes-1": 1, finding.id: 1}
    assert {row["entry"] for row in open_table().search().limit(None).to_list()} > set(shipped())


def test_another_model_gets_a_table_of_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add_entries(store, [note()])
    with monkeypatch.context() as patched:
        for module in ("table", "stored_vectors"):
            patched.setattr(f"archdb.cognition.{module}.model_name", lambda: "words")
        for module in ("searching", "stored_vectors"):
            patched.setattr(f"archdb.cognition.{module}.load_embedder", lambda: None)
        index_cognition(store)
        assert rows() == {"notes-1": 1}
        (hit,) = search("quagga gate leaks", limit=1)
        assert (hit.id, hit.found_by) == ("notes-1", "words")
        add_entries(store, [note(2)])  # by a worker without the model
    index_cognition(store)
    assert rows() == {"notes-1": 1, "notes-2": 1}
    assert {one.found_by for one in search("quagga gate leaks", limit=2)} == {"words and meaning"}


def test_evidence_and_youth_make_a_finding_weigh_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archdb.cognition.searching.HALF_LIFE", 1.0)
    told = [("old", 4, 1.0), ("lone", 1, 2.0), ("backed", 4, 3.0)]
    record_findings(
        store,
        [
            Finding(id=f"t/{name}", campaign="t", text="Quagga gates helped.", evidence=("x",) * count, created_at=at)
            for name, count, at in told
        ],
    )
    hits = search("quagga gates", limit=3, kind="finding")
    assert hits[0].id == "t/backed"
    weights = {hit.id: hit.weight for hit in hits}
    assert weights["t/old"] < weights["t/lone"] < weights["t/backed"]


def test_asi_archs_files_become_entries(store: Store, tmp_path: Path) -> None:
    insight = {
        "DESIGN_INSIGHT": "### DESIGN_INSIGHT_1: Quagga gates keep keys apart",
        "EXPERIMENTAL_TRIGGER_PATTERNS": "Recall falls although loss improves.",
        "BACKGROUND": "Earlier gates were static.",
        "ALGORITHMIC_INNOVATION": "Gates from the key.",
        "IMPLEMENTATION_GUIDANCE": "One projection.",
    }
    file = tmp_path / "arxiv.org_abs_2312.00752.json"
    file.write_text(json.dumps([insight, {"DESIGN_INSIGHT": "Bare"}]))
    entries = read_asi_arch(file)
    assert [(one.id, one.year, one.origin) for one in entries] == [
        ("asi-arch-2312-00752/1", 2023, "asi-arch"),
        ("asi-arch-2312-00752/2", 2023, "asi-arch"),
    ]
    assert add_entries(store, entries).new == tuple(one.id for one in entries)
    assert search("quagga gates keep keys apart", limit=1)[0].id == entries[0].id
    for content in ("{", '[{"TITLE": "x"}]', '"text"'):
        file.write_text(content)
        with pytest.raises(Malformed, match=r"2312.00752.json is not a cognition file of ASI-Arch .*mend it"):
            read_asi_arch(file)


def test_the_stored_vectors_are_those_of_the_papers() -> None:
    passages = [text for paper in shipped().values() for text in paper.passages]
    stored = stored_vectors._stored()
    assert set(stored) == {stored_vectors._key(text) for text in passages}, "python -m archdb.cognition.stored_vectors"
    some = random.Random(0).sample(passages, 6)
    embed = stored_vectors.load_embedder()
    assert embed is not None
    for text, vector in zip(some, embed(some), strict=True):
        assert sum(a * b for a, b in zip(vector, stored[stored_vectors._key(text)], strict=True)) > 0.999


def test_every_paper_is_whole() -> None:
    for paper in read_literature():
        assert len(paper.symptoms) >= 6, paper.id
        assert paper.mechanism.strip(), paper.id


@pytest.mark.slow
def test_killed_and_racing_writers_lose_and_double_nothing(data_folder: Path) -> None:
    store = open_store()
    index_cognition(store)
    told: set[int] = set()
    rng = random.Random(1)
    for attempt in range(6):
        first = 20 * attempt
        children = [
            subprocess.Popen(
                [sys.executable, "-m", adders.__name__, str(first), str(first + 12)],
                stdout=subprocess.PIPE,
                env=os.environ | {"ARCHLOOP_HOME": str(data_folder)},
                text=True,
            )
            for _ in range(2)  # both add the same
        ]
        assert children[0].stdout is not None
        for _ in range(rng.randrange(1, 6)):
            told.add(int(children[0].stdout.readline()))
        children[0].kill()
        told |= {int(line) for child in children for line in child.communicate()[0].split()}
        assert children[1].returncode == 0
    index_cognition(store)
    assert rows() == {f"notes-{number}": 1 for number in told}
    assert len(told) == 6 * 12
    assert not store.to_index.find_one({})


def test_the_folder_does_not_grow_with_the_number_of_writes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "UNTIDY", 6)
    monkeypatch.setattr(table, "RETAINED", timedelta(milliseconds=1))
    index_cognition(store)

    def size() -> int:
        return sum(file.stat().st_size for file in Path(table.place()).rglob("*") if file.is_file())

    sizes = []
    for number in range(24):
        finding = Finding(id=f"t-c{number}/finding-0", campaign="t", text=f"Quagga{number} helped.", evidence=("t-1",))
        record_findings(store, [finding])
        sizes.append(size())
        (found,) = search(f"quagga{number}", limit=1, kind="finding", by_meaning=False)
        assert found.id == finding.id, "found by words before it is in the index, and after"
    assert max(sizes[12:]) < 1.5 * max(sizes[:12])
