"""A disk that fills up in the middle of a campaign: one sentence, no design blamed for it, and nothing lost."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archdb import HomeUnusable, campaign_experiments, list_running, open_store
from tasks.sandbox.jail import jail
from tests.conftest import forget_connections
from tests.foreign_code import run_code
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("another lab")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 700 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_child_that_fails_for_want_of_space_blames_no_design(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small_disk / "data" / "work"
    folder.mkdir(parents=True)
    monkeypatch.setenv("ARCHLOOP_HOME", str(small_disk / "data"))
    with (small_disk / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, shutil.disk_usage(small_disk).free - 4 * 2**20)
    assert run_code(jail(), "print('fine')", folder)[0].returncode == 0
    with pytest.raises(HomeUnusable, match="is full: free some space"):
        run_code(jail(), "open('out', 'wb').write(bytes(2**23))", folder)


def test_it_stops_with_a_sentence_and_goes_on_when_there_is_room(
    lab: Lab, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdb.shared_server import detach

    here = Lab(small_disk / "data", lab.prefect)
    command = here.command("run", "--scale", "tiny", "--cycles", "1", "--campaign", "full")
    child = subprocess.Popen(
        command, env=here.environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(here.folder))
    deadline = time.monotonic() + 200
    while not (here.folder / "store" / "server.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    while not any(one.stage == "gpu-train" for one in list_running(open_store(), "full")):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    forget_connections()
    detach(here.folder / "store")
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(os.urandom(2**20))
    told = child.communicate(timeout=200)[1].decode()
    assert child.returncode == 1
    assert str(here.folder) in told
    assert ": free some space" in told
    assert "Traceback" not in told
    ballast.unlink()
    again = here.run("run", "--scale", "tiny", "--cycles", "1", "--campaign", "full")
    assert again.returncode == 0, again.stderr[-3000:]
    experiments = campaign_experiments(open_store(), "full")
    assert all(one.state == "done" and one.failure is None for one in experiments)
    forget_connections()
    detach(here.folder / "store")
