"""Artifacts of a run: texts and files."""

import tempfile
from pathlib import Path

from tasks.tracking.server import client, tracking_faults


def log_text(run: str, text: str, path: str) -> None:
    """Keep a text as an artifact of the run."""
    with tracking_faults():
        client().log_text(run, text, path)


def keep_file(run: str, file: Path, folder: str) -> None:
    """Keep a file as an artifact of the run, in a folder of it."""
    with tracking_faults():
        client().log_artifact(run, str(file), folder)


def fetch_file(run: str, path: str, into: Path) -> Path | None:
    """Bring an artifact of the run into a folder; None if the run has no such artifact."""
    with tracking_faults(), tempfile.TemporaryDirectory(dir=into) as draft:
        folder = str(Path(path).parent)
        if not any(one.path == path for one in client().list_artifacts(run, folder)):
            return None
        got = Path(client().download_artifacts(run, path, draft))
        return got.replace(into / Path(path).name)
