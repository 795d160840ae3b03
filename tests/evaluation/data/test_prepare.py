"""Preparing datasets: from every kind of source, without loss, without a document on two sides."""

import gzip
import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.data import sources
from evaluation.data.faults import DataError
from evaluation.data.prepare import prepare
from evaluation.data.shards import META_FILE, Dataset, read_dataset, read_vocabulary, require_intact, stream
from evaluation.data.split import PARTS, part_of
from evaluation.data.tokens import ByteVocabulary, learn

HELD = 0.2
# Every odd thing that a text may hold: other newlines, zero bytes, letters beyond ASCII, and the end mark spelt out.
DOCUMENTS = [
    f"Document {i}: the cat sat on the mat, and the cat {i * 7919} sat.\r\n\u00fcber\x00" for i in range(60)
] + [
    "He wrote <|endoftext|> in the middle of a text.",
    "\U0001f600 \u4e2d\u6587 \t trailing blanks   \n\n\n",
]


def as_text(folder: Path) -> str:
    for number, text in enumerate(DOCUMENTS):
        (folder / f"{number:03}.txt").write_bytes(text.encode())
    return str(folder)


def as_json_lines(folder: Path) -> str:
    lines = [json.dumps({"id": 1, "text": text}) for text in [*DOCUMENTS, None]]
    (folder / "a.jsonl").write_text("\n".join(lines[:30]) + "\n\n")
    (folder / "deeper").mkdir()
    with gzip.open(folder / "deeper" / "b.jsonl.gz", "wt") as file:
        file.write("\n".join(lines[30:]))
    return str(folder)


def as_parquet(folder: Path) -> str:
    import pyarrow
    import pyarrow.parquet

    for name, texts in (("a", DOCUMENTS[:30]), ("b", [*DOCUMENTS[30:], None])):
        table = pyarrow.table({"url": ["x"] * len(texts), "text": texts})
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
    return str(folder)


def documents_of(folder: Path, dataset: Dataset, part: str) -> list[bytes]:
    codes = read_vocabulary(folder, dataset)
    tokens = stream(folder, dataset, part)  # type: ignore[arg-type]
    whole = tokens.read(0, len(tokens))
    ends = np.flatnonzero(whole == dataset.end_of_text)
    return [codes.decode(piece) for piece in np.split(whole, ends + 1)[:-1]]


def read_everything(folder: Path) -> None:
    found = read_dataset(folder)
    read_vocabulary(folder, found)
    require_intact(folder, found, PARTS)


@pytest.mark.parametrize("vocabulary", [257, 300])
@pytest.mark.parametrize("write", [as_text, as_json_lines, as_parquet])
def test_every_source_comes_back_byte_for_byte(write: Callable[[Path], str], vocabulary: int, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    made = prepare(write(tmp_path / "raw"), tmp_path / "out", vocabulary, held_share=HELD, shard_tokens=400)
    dataset = read_dataset(tmp_path / "out")
    assert dataset == made
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "raw"]
    require_intact(tmp_path / "out", dataset, PARTS)
    found = {part: documents_of(tmp_path / "out", dataset, part) for part in PARTS}
    assert sorted(text for texts in found.values() for text in texts) == sorted(text.encode() for text in DOCUMENTS)
    for part in PARTS:
        assert all(part_of(text.decode(), HELD) == part for text in found[part])
        about = dataset.parts[part]
        assert about.documents == len(found[part]) > 0
        assert about.bytes == sum(map(len, found[part]))
        shards = [shard.tokens for shard in about.shards]
        assert sum(shards) == about.tokens
        assert max(shards) <= 400
        assert [(tmp_path / "out" / shard.file).stat().st_size for shard in about.shards] == [2 * n for n in shards]
        lengths = read_vocabulary(tmp_path / "out", dataset).byte_lengths()
        tokens = stream(tmp_path / "out", dataset, part)
        assert lengths[tokens.read(0, len(tokens))].sum() == about.bytes  # what bits per byte are divided by
    assert len(dataset.parts["train"].shards) > 1
    assert dataset.learnt <= dataset.vocabulary == vocabulary


def test_copies_land_on_one_side() -> None:
    sides = {part_of(f"text number {n}", 0.3) for n in range(50)}
    assert sides == set(PARTS)
    for n in range(50):
        copies = (f"text number {n}", f"  Text  NUMBER\n{n}\n", f"text\tnumber {n}")
        assert len({part_of(copy, 0.3) for copy in copies}) == 1
    shares = [part_of(str(n), 0.1) for n in range(4000)]
    assert 300 < shares.count("validation") < 500
    assert 300 < shares.count("holdout") < 500


def test_held_out_text_does_not_shape_the_vocabulary(tmp_path: Path) -> None:
    texts = [f"{word}{n} " * 20 for n in range(30) for word in ("zyzzyva", "common")]
    kept = [t for t in texts if "common" in t or part_of(t, HELD) != "train"]
    assert any("zyzzyva" in t for t in kept)
    for name, chosen in (("all", kept), ("train", [t for t in kept if part_of(t, HELD) == "train"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in chosen))
    whole = prepare(str(tmp_path / "all"), tmp_path / "out", 300, held_share=HELD)
    alone = learn((t for t in kept if part_of(t, HELD) == "train"), 300)
    alone.write(tmp_path / "alone.json")
    assert (tmp_path / "alone.json").read_bytes() == (tmp_path / "out" / "tokenizer.json").read_bytes()
    assert whole.learnt == len(alone)


def test_a_book_is_cut_at_empty_lines_and_a_line_without_end_too(tmp_path: Path) -> None:
    paragraph = "word " * 400 + "\n\n"
    (tmp_path / "book.txt").write_text(paragraph * 50)
    pieces = list(sources.documents(str(tmp_path / "book.txt"), "text"))
    assert "".join(pieces) == paragraph * 50
    assert all(piece.endswith("\n\n") and len(piece) < 2 * sources.PIECE for piece in pieces)
    (tmp_path / "line.txt").write_text("x" * 300_000)
    pieces = list(sources.documents(str(tmp_path / "line.txt"), "text"))
    assert "".join(pieces) == "x" * 300_000
    assert len(pieces) > 3


class FakeHub(types.ModuleType):
    """The package datasets, as far as it is used."""

    asked: tuple[Any, ...] = ()

    def load_dataset(self, name: str, configuration: str | None, *, split: str, streaming: bool) -> Iterator[Any]:
        self.asked = (name, configuration, split, streaming)
        if name == "no/network":
            raise ConnectionError("Couldn't reach\nthe Hub")
        return iter([{"content": text} for text in DOCUMENTS])


def test_a_dataset_of_the_hub_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub("datasets")
    monkeypatch.setitem(sys.modules, "datasets", hub)
    dataset = prepare("org/name:part-10", tmp_path / "out", 257, "content", held_share=HELD)
    assert hub.asked == ("org/name", "part-10", "train", True)
    assert sum(part.documents for part in dataset.parts.values()) == len(DOCUMENTS)
    with pytest.raises(DataError, match=r"no/network cannot be streamed .*Couldn't reach the Hub.* local folder"):
        prepare("no/network", tmp_path / "other", 257)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"org/name is no file .*datasets.*pip install datasets"):
        prepare("org/name", tmp_path / "other", 257)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"body": "y"}', r"no field 'text' in line 2 of .*a.jsonl, but body.*--text-field"),
        ("a.jsonl", b'{"text": "x"}\nnonsense', r"Line 2 of .*a.jsonl is not JSON"),
        ("a.jsonl", b'{"text": 5}', r"is int, not text"),
        ("a.jsonl", b'"text"', r"no fields"),
        ("a.jsonl.gz", b"not gzip", r"Line 1 of .*a.jsonl.gz is not JSON"),
        ("a.parquet", b"not parquet", r"a.parquet is not a Parquet file"),
        ("a.pdf", b"%PDF", r"There is no .txt, .jsonl, .jsonl.gz, .parquet in"),
        ("a.txt", b"one document only", r"Of 1 documents in .* none fell into"),
        ("a.txt", b" \n ", r"Of 0 documents"),
    ],
)
def test_unusable_sources_are_named(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence) as caught:
        prepare(str(tmp_path / "raw"), tmp_path / "out", 257)
    assert caught.value.failure.kind in ("no_corpus", "corpus_too_short")
    assert [file.name for file in tmp_path.iterdir()] == ["raw"]  # nothing half done is left


def test_missing_column_missing_path_and_senseless_numbers(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    as_parquet(tmp_path / "raw")
    with pytest.raises(DataError, match=r"has no column 'body' but url, text"):
        prepare(str(tmp_path / "raw"), tmp_path / "out", 257, "body")
    with pytest.raises(DataError, match=r"./raww does not exist"):
        prepare("./raww", tmp_path / "out", 257)
    for vocabulary in (256, 70_000):
        with pytest.raises(ValueError, match=r"choose 257 \(bytes\) to 65536"):
            prepare(str(tmp_path / "raw"), tmp_path / "out", vocabulary)
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        prepare(str(tmp_path / "raw"), tmp_path / "out", 257, held_share=0.5)
    with pytest.raises(ValueError, match="exists already"):
        prepare(str(tmp_path / "raw"), tmp_path / "raw", 257)


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    seen: list[tuple[str, int]] = []

    def interrupt(doing: str, read: int) -> None:
        seen.append((doing, read))
        if doing == "writing tokens" and read > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(as_text(tmp_path / "raw"), tmp_path / "out", 300, on_progress=interrupt)
    assert [file.name for file in tmp_path.iterdir()] == ["raw"]
    assert {doing for doing, _ in seen} == {"learning byte pairs", "writing tokens"}


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "tokenizer", "meta", "no meta"])
def test_damage_is_found_and_named(harm: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    folder = tmp_path / "out"
    dataset = prepare(as_text(tmp_path / "raw"), folder, 300, held_share=HELD, shard_tokens=500)
    second = folder / dataset.parts["train"].shards[1].file
    if harm == "flip":
        content = bytearray(second.read_bytes())
        content[10] ^= 1
        second.write_bytes(content)
    elif harm == "cut":
        second.write_bytes(second.read_bytes()[:-2])
    elif harm == "remove":
        second.unlink()
    elif harm == "tokenizer":
        (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    elif harm == "meta":
        (folder / META_FILE).write_text('{"version": 2}')
    else:
        (folder / META_FILE).unlink()
    with pytest.raises(DataError) as caught:
        read_everything(folder)
    assert caught.value.failure.kind == ("no_corpus" if harm == "no meta" else "damaged_corpus")
    named = {"tokenizer": "tokenizer.json", "meta": META_FILE, "no meta": str(folder)}.get(harm, str(second))
    assert named in caught.value.failure.message


def test_halves_of_surrogate_pairs_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a\\ud800b"}')
    (text,) = sources.documents(str(tmp_path / "a.jsonl"), "text")
    assert ByteVocabulary().encode([text])[0].tolist() == list(b"a?b")
