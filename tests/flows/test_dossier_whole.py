"""Dossiers of campaigns with everything that a dossier can hold: tests on fresh seeds, model calls, knock-outs."""

import json
import subprocess
from pathlib import Path

import pytest

from archdb import Store
from archdb.copies import read_dossier
from tasks.dossier.judging import Judgement
from tasks.dossier.verifying import verify_dossier
from tests.flows.recorded import DOMAIN, NAME, environment, record
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]


def test_a_test_on_fresh_seeds_is_made_again(
    finished: subprocess.CompletedProcess[str], lab: Lab, lab_store: Store, tmp_path: Path
) -> None:
    assert lab.run("verify", "t-c001", "--campaign", "t", "--seeds", "2").returncode == 0
    file = tmp_path / "t.jsonl.gz"
    assert lab.run("dossier", "export", "t", str(file)).returncode == 0
    told = lab.run("dossier", "verify", str(file))
    assert told.returncode == 0, told.stdout[-3000:]
    assert told.stdout.rstrip().endswith("all agrees.")
    dossier, _ = read_dossier(file)
    confirmed = dossier.records["verified"][0]["result"]
    confirmed["confirmation"]["p"], confirmed["breakthrough"] = 1e-9, True
    found = Judgement()
    verify_dossier(dossier, found)
    assert any(one.startswith("result.confirmation.p of t/1 is 1e-09, but") for one in found.differences)
    assert any(one.startswith("result.breakthrough of t/1 is True, but") for one in found.differences)


def test_model_calls_repairs_failures_and_knock_outs_are_in_it(lab: Lab, tmp_path: Path) -> None:
    folder, file = tmp_path / "data", tmp_path / "rec.jsonl.xz"
    record(folder, lab)

    def archloop(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            lab.command(*arguments), env=environment(folder, lab), capture_output=True, text=True, check=False
        )

    assert archloop("dossier", "export", NAME, str(file)).returncode == 0
    stranger = archloop("dossier", "verify", str(file))
    assert (stranger.returncode, f"--domain {DOMAIN} if you trust it" in stranger.stdout) == (1, True)
    told = archloop("dossier", "verify", str(file), "--domain", DOMAIN, "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout)["differences"] == []
    dossier, _ = read_dossier(file)
    assert len(dossier.records["model_calls"]) > 5
    ablation = next(one for one in dossier.records["experiments"] if one["kind"] == "ablation")
    report = ablation["stages"]["analyze:0"]["report"]
    effect = json.loads(dossier.texts[report])
    effect["body"]["fitness"]["difference"] += 1.0
    dossier.texts[report] = json.dumps(effect)
    found = Judgement()
    verify_dossier(dossier, found, [DOMAIN])
    assert any(one.startswith(f"effect.fitness.difference of {ablation['_id']} is") for one in found.differences)
