"""``python -m evaluation`` as a person meets it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from evaluation import baseline_source, objectives_of
from evaluation.scales import names
from tests.evaluation.large.laboratory import SCALE, dataset


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluation", *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_evaluate_one_file(tmp_path: Path) -> None:
    (tmp_path / "design.py").write_text(baseline_source("linear_attention"))
    done = run(tmp_path, "evaluate", "design.py", "--scale", "tiny")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "unsandboxed" in done.stdout
    assert all(objective in done.stdout for objective in objectives_of("tiny"))
    assert "100%" in done.stderr  # progress goes where it does not disturb the result


def test_rejected_design_and_unknown_scale(tmp_path: Path) -> None:
    (tmp_path / "design.py").write_text("import torch\n")
    rejected = run(tmp_path, "evaluate", "design.py", "--scale", "tiny", "--json")
    assert rejected.returncode == 1
    assert json.loads(rejected.stdout)["failure"]["kind"] == "no_candidate"
    unknown = run(tmp_path, "check", "design.py", "--scale", "huge")
    assert unknown.returncode == 2
    assert unknown.stderr.strip() == "Unknown scale 'huge'; choose one of " + ", ".join(names()) + "."


def test_prepared_data_and_a_scale_for_gpus(tmp_path: Path) -> None:
    (tmp_path / "design.py").write_text(baseline_source("linear_attention"))
    (tmp_path / "raw.jsonl").write_text("\n".join(json.dumps({"text": f"a sentence, {n}"}) for n in range(300)))
    made = run(tmp_path, "data", "prepare", "raw.jsonl", "--into", "data", "--vocabulary", "300", "--held-share", "0.1")
    assert made.returncode == 0, made.stderr[-3000:]
    assert "train: " in made.stdout
    assert (tmp_path / "data" / "meta.json").is_file()
    again = run(tmp_path, "data", "prepare", "raw.jsonl", "--into", "data")
    assert again.returncode == 2
    assert again.stderr.strip() == "data exists already: name another folder, or remove it if you do not need it."
    without = run(tmp_path, "train", "design.py", "--scale", "20m-smoke")
    assert without.returncode == 2
    assert "add --data FOLDER" in without.stderr
    refused = run(tmp_path, "train", "design.py", "--scale", "20m-smoke", "--data", "data", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["failure"]["kind"] == "vocabulary_mismatch"
    useless = run(tmp_path, "train", "design.py", "--scale", "tiny", "--data", "data")
    assert useless.returncode == 2
    assert useless.stderr.strip() == "Scale tiny brings its own text: leave --data out."


def toml_of(fields: dict[str, Any]) -> str:
    """Plain values first, then each table."""
    plain = [f"{name} = {json.dumps(value)}" for name, value in fields.items() if not isinstance(value, dict)]
    tables = [f"[{name}]\n{toml_of(value)}" for name, value in fields.items() if isinstance(value, dict)]
    return "\n".join(plain + tables)


@pytest.mark.slow
def test_an_own_scale_from_text_to_score(tmp_path: Path) -> None:
    (tmp_path / "design.py").write_text(baseline_source("linear_attention"))
    dataset(tmp_path)
    own = SCALE.model_dump() | {"reference_parameters": 31_000}
    del own["name"]
    (tmp_path / "own.toml").write_text(toml_of(own))
    where = ("--scale", "own.toml", "--data", "data", "--device", "cpu")
    without = run(tmp_path, "train", "design.py", *where[:4])
    assert without.returncode == (0 if torch.cuda.is_available() else 1)
    assert "no_gpu" in without.stdout or torch.cuda.is_available()
    done = run(tmp_path, "evaluate", "design.py", *where, "--efficiency")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "text_bpb" in done.stdout
    assert "Decoding, one token: 0." in done.stdout
    assert "Energy of prefill: not measured. The model ran on a CPU." in done.stdout
    assert "losses computed by a fresh child process" in done.stdout
    assert "100%" in done.stderr
    (tmp_path / "own.toml").write_text("title = 5")
    assert run(tmp_path, "check", "design.py", "--scale", "own.toml").returncode == 2
