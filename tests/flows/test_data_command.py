"""``archloop data prepare`` as a person meets it."""

import json
from pathlib import Path

import pytest

from flows.cli import main


def archloop(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["archloop", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_data_prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw.jsonl").write_text("\n".join(json.dumps({"body": f"a sentence, {n}"}) for n in range(300)))
    wanted = ("data", "prepare", "raw.jsonl", "--into", "made", "--held-share", "0.1", "--text-field", "body")
    assert archloop(monkeypatch, *wanted, "--vocabulary", "257") == 0
    shown = capsys.readouterr().out
    assert "train" in shown
    assert "Prepared in made" in shown
    assert archloop(monkeypatch, *wanted) == 1
    assert capsys.readouterr().err.startswith("archloop: made exists already")
    assert archloop(monkeypatch, "data", "prepare", "raw.jsonl", "--into", "other") == 1
    assert "no field 'text' in line 1 of raw.jsonl" in capsys.readouterr().err
    assert archloop(monkeypatch, *wanted[:4], "third", *wanted[5:], "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["vocabulary"] == 32768
    assert told["learnt"] < 32768
    assert told["parts"]["train"]["documents"] > 200
