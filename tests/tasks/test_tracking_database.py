"""The data folder's MLflow database is there whole or not at all, whoever dies or hurries while it is made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laboratory import until

PROGRAM = "from tasks.tracking import folder_of; print(folder_of('tiny', 'sequence-mixing'))"


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment | {"ARCHLOOP_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_ends_well(child: subprocess.Popen[str]) -> None:
    told, complaints = child.communicate(timeout=300)
    assert child.returncode == 0, complaints[-3000:]
    assert told.strip() == "1"


@pytest.mark.parametrize("laid", [1, 200_000, 500_000])
def test_killed_while_the_tables_are_laid(tmp_path: Path, laid: int) -> None:
    child = start(tmp_path)
    until(lambda: any(one.stat().st_size >= laid for one in tmp_path.rglob("mlflow.db")), f"{laid} bytes of tables")
    child.kill()
    child.communicate()
    assert_ends_well(start(tmp_path))


def test_two_that_begin_at_once(tmp_path: Path) -> None:
    for child in [start(tmp_path), start(tmp_path)]:
        assert_ends_well(child)
