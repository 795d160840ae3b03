"""The pull step of our deployments: whether this worker can run them.

The code is the installed package, so nothing is fetched. But a worker runs each flow in a folder that is removed
afterwards, and may be older or newer than who registered the deployment.
"""

import os
from importlib.metadata import version as installed_version
from pathlib import Path


class WorkerUnsuited(Exception):
    """A worker lacks what runs need. One sentence with the remedy."""


def ready(version: str) -> None:
    """Refuse a run that would lose its results, or whose deployment is not this archloop's.

    Args:
        version: of the archloop that registered the deployment.

    Raises:
        WorkerUnsuited: ARCHLOOP_HOME is no absolute path, or another version is installed here.
    """
    folder = os.environ.get("ARCHLOOP_HOME", "")
    if not Path(folder).is_absolute():
        raise WorkerUnsuited(
            "This worker would keep results in a folder that is removed after the run: start it with ARCHLOOP_HOME "
            "set to the absolute path of the data folder, as `archloop up` does."
        )
    here = installed_version("archloop")
    if here != version:
        raise WorkerUnsuited(
            f"The deployment was registered by archloop {version}, and this worker has {here}: install the same one, "
            "then register the deployments with it, as `archloop up` and `prefect deploy --all` do."
        )
