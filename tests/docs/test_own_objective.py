"""The probe that docs/own-objective.md writes is one: what is asked of every probe is asked of it."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from evaluation.probes import PROBES
from tests.docs.shown import ROOT, snippets
from tests.evaluation import test_probes


def test_the_probe_of_the_page_passes_what_is_asked_of_every_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, entries = snippets(ROOT / "docs" / "own-objective.md")
    (tmp_path / "echo.py").write_text(generator)
    monkeypatch.syspath_prepend(tmp_path)
    told: dict[str, Any] = {}
    exec(entries, told)
    monkeypatch.setitem(PROBES, "echo", importlib.import_module("echo").batch)
    for table in ("MOST", "ASKED", "SOLVERS"):
        monkeypatch.setitem(getattr(test_probes, table), "echo", told[table]["echo"])
    test_probes.test_a_solver_that_sees_only_the_past_is_always_right(task="echo")
    test_probes.test_chance_is_what_the_docstring_says("echo")
    for difficulty in (1, 3, 7, 15):
        test_probes.test_difficulty_is_what_is_asked("echo", difficulty)
    test_probes.test_seed_decides_everything("echo")
    test_probes.test_impossible_difficulty_names_the_range("echo")
