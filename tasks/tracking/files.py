"""Artifacts of a run: texts and files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tasks.tracking.server import client, tracking_faults, tracking_uri


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


def files_of(run: str, folder: str) -> Iterator[tuple[str, int]]:
    """Path and bytes of every artifact of the run in a folder and below it."""
    with tracking_faults():
        for one in client().list_artifacts(run, folder):
            if one.is_dir:
                yield from files_of(run, one.path)
            else:
                yield one.path, one.file_size or 0


def remove_file(run: str, path: str) -> None:
    """Remove an artifact of the run."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with tracking_faults():
        place = client().get_run(run).info.artifact_uri
        get_artifact_repository(place, tracking_uri=tracking_uri()).delete_artifacts(path)
