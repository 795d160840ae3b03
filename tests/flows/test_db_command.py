"""``archloop db backup``, ``restore`` and ``copy`` as a person types them, on a real campaign."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from archdb.shared_server import detach
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]


def test_a_campaign_is_restored_elsewhere_and_its_audit_holds(finished: object, lab: Lab, tmp_path: Path) -> None:
    made = lab.run("db", "backup", str(tmp_path), "--json")
    assert made.returncode == 0, made.stderr[-3000:]
    (file,) = tmp_path.iterdir()
    told = json.loads(made.stdout)
    assert (told["file"], told["bytes"]) == (str(file), file.stat().st_size)
    refused = lab.run("db", "restore", str(file))
    assert refused.returncode == 1
    assert "holds records, and nothing is ever written over them" in refused.stderr

    restored, copied = tmp_path / "restored", tmp_path / "copied"
    done = lab.run("db", "restore", str(file), "--into", str(restored), "--json")
    assert json.loads(done.stdout)["totals"] == told["totals"]
    done = lab.run("db", "copy", str(restored), str(copied))
    assert "every count and hash is the same" in done.stdout, done.stderr
    environment = {**lab.environment(), "ARCHLOOP_HOME": str(copied)}
    command = lab.command("audit", "verify", "--without-anchors", "--json")
    audit = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert audit.returncode == 0, audit.stdout[-3000:]
    for one in (restored, copied):
        detach(one / "store")


def test_what_is_no_store_is_refused(lab: Lab, tmp_path: Path) -> None:
    done = lab.run("db", "copy", str(tmp_path), str(tmp_path / "new"))
    assert done.returncode == 1
    assert f"{tmp_path} is no data folder with a store" in done.stderr
    assert os.listdir(tmp_path) == []
