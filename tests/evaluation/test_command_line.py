"""``python -m evaluation`` as a person meets it."""

import json
import subprocess
import sys
from pathlib import Path

from evaluation import baseline_source, objectives_of
from evaluation.scales import names


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluation", *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_evaluate_one_file(tmp_path: Path) -> None:
    (tmp_path / "design.py").write_text(baseline_source("linear_attention"))
    done = run(tmp_path, "evaluate", "design.py", "--scale", "tiny")
    assert done.returncode == 0, done.stderr
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
