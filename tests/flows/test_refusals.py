"""Bad input: one clear sentence with the remedy, a failing exit code, and nothing lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ARCHLOOP = str(Path(sys.executable).parent / "archloop")


def archloop(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ARCHLOOP, *arguments],
        env={**os.environ, "ARCHLOOP_HOME": str(home), **environment},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def assert_one_sentence(told: subprocess.CompletedProcess[str], *words: str) -> None:
    assert told.returncode != 0
    assert "Traceback" not in told.stderr
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("archloop: ")]
    for word in words:
        assert word in line


@pytest.mark.parametrize("command", ["check", "evaluate"])
def test_a_file_that_is_not_there(tmp_path: Path, command: str) -> None:
    assert_one_sentence(archloop(command, "nowhere.py", home=tmp_path / "d"), "nowhere.py cannot be read", "path of a")


def test_a_file_without_a_candidate(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    told = archloop("check", "empty.py", "--scale", "tiny", home=tmp_path / "d")
    assert told.returncode == 1
    assert "Candidate" in told.stdout
    assert "rejected" in told.stdout


def test_an_unknown_scale(tmp_path: Path) -> None:
    told = archloop("check", __file__, "--scale", "huge", home=tmp_path / "d")
    assert_one_sentence(told, "huge", "nano")


def test_a_missing_corpus(tmp_path: Path) -> None:
    missing = str(tmp_path / "no-such-folder")
    told = archloop("run", "--scale", "tiny", home=tmp_path / "d", ARCHLOOP_CORPUS=missing, **NO_PREFECT)
    assert_one_sentence(told, missing)


def test_an_unreachable_store(tmp_path: Path) -> None:
    told = archloop(
        "status",
        home=tmp_path / "d",
        ARCHLOOP_MONGODB_URI="mongodb://127.0.0.1:1/archloop",
        ARCHLOOP_MONGODB_PATIENCE_MS="500",
    )
    assert_one_sentence(told, "No answer from the store", "ARCHLOOP_MONGODB_URI", "nothing recorded is lost")


def test_an_unreachable_prefect_server(tmp_path: Path) -> None:
    told = archloop("run", home=tmp_path / "d", PREFECT_API_URL="http://127.0.0.1:1/api")
    assert_one_sentence(told, "No Prefect server answers", "PREFECT_API_URL")


def test_a_campaign_name_that_cannot_be_an_id(tmp_path: Path) -> None:
    assert_one_sentence(archloop("run", "-c", "../evil", home=tmp_path / "d"), "../evil", "choose another")


def test_a_baseline_that_there_is_not(tmp_path: Path) -> None:
    told = archloop("run", "--scale", "tiny", "--baseline", "lstm", home=tmp_path / "d")
    assert_one_sentence(told, "'lstm' is no baseline", "retnet")


def test_a_sampler_that_there_is_not(tmp_path: Path) -> None:
    told = archloop("run", "--scale", "tiny", "--sampler", "annealing", home=tmp_path / "d")
    assert_one_sentence(told, "No sampler is called annealing", "map-elites")


def test_an_experiment_that_is_not_there(tmp_path: Path) -> None:
    assert_one_sentence(archloop("show", "7", home=tmp_path / "d"), "No experiment is called 7")


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("")
    assert_one_sentence(archloop("status", home=tmp_path / "d"), "data folder", "ARCHLOOP_HOME")


def test_a_read_only_data_folder(tmp_path: Path) -> None:
    told = archloop("status", home=Path("/proc/archloop"))  # /proc can be written to by nobody, root included
    assert_one_sentence(told, "data folder /proc/archloop", "ARCHLOOP_HOME")


def test_a_full_disk(tmp_path: Path) -> None:
    told = archloop("status", home=tmp_path / "d", ARCHLOOP_LEAST_FREE_BYTES=str(2**62))
    assert_one_sentence(told, "MiB free", "free some space")


NO_PREFECT = {"PREFECT_API_URL": ""}
