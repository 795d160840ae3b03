"""A laboratory as a reader of the docs has it: campaigns that are done, and files beside them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.archdb.asi_arch_release import write_clone
from tests.docs.executed import FREE
from tests.docs.shown import ROOT, settings

PAPER = next((ROOT / "archdb" / "cognition" / "literature").glob("*.toml"))


@dataclass(frozen=True)
class Reader:
    """Somebody at a shell in a checkout, with a laboratory of their own."""

    folder: Path
    environment: dict[str, str]

    def types(self, script: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        """Run lines of a shell, until one fails."""
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture(scope="package")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader whose campaign ``default`` is done."""
    from archdb.shared_server import detach
    from flows.prefect_server import start_local_server

    folder = tmp_path_factory.mktemp("reader")
    for name in ("docs", "deploy"):  # copies: commands write there
        shutil.copytree(ROOT / name, folder / name)
    for name in ("evaluation", "prefect.yaml"):
        (folder / name).symlink_to(ROOT / name)
    write_clone(folder / "ASI-Arch")
    shutil.copy(ROOT / "evaluation" / "baselines" / "gla.py", folder / "my_layer.py")
    (folder / "my-paper.toml").write_text(re.sub(r"(?m)^id = .*$", 'id = "notes-1"', PAPER.read_text()))
    for page, name in (("own-objective", "recall-first.toml"), ("own-model", "models.toml")):
        (folder / name).write_text(next(settings(ROOT / "docs" / f"{page}.md")))
    (folder / "texts").mkdir()
    for page in ROOT.glob("docs/*.md"):
        shutil.copy(page, folder / "texts" / f"{page.stem}.txt")
    home = folder / "archloop-data"
    home.mkdir()
    port = start_local_server(home / "prefect", prefer_port=None)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'docs' / 'examples'}",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "COLUMNS": "160",
    }
    environment.pop("ARCHLOOP_HOME", None)
    started = Reader(folder, environment)
    done = started.types(f"archloop run {FREE} --cycles 8")
    assert done.returncode == 0, done.stdout[-3000:]
    yield started
    detach(home / "prefect")
