"""The GPU work pool, where there is one: the deployment that evaluates designs on it, and what it has to reach."""

import os

from archdb.errors import StoreMisconfigured

VARIABLE = "ARCHLOOP_GPU_DEPLOYMENT"


def gpu_deployment() -> str | None:
    """The deployment of evaluate-design on a GPU work pool, as flow/deployment; None to evaluate in-process."""
    return os.environ.get(VARIABLE) or None


def require_shared_servers(prefect: str | None) -> None:
    """Refuse a GPU work pool beside servers of this machine alone.

    Args:
        prefect: the address of the Prefect server that was named, if one was.

    Raises:
        StoreMisconfigured: a pool is named, and the store, Prefect or MLflow is not.
    """
    if gpu_deployment() is None:
        return
    named = {
        "ARCHLOOP_MONGODB_URI": bool(os.environ.get("ARCHLOOP_MONGODB_URI")),
        "PREFECT_API_URL": bool(prefect),
        "MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", "").startswith(("http://", "https://")),
    }
    missing = [name for name, there in named.items() if not there]
    if missing:
        raise StoreMisconfigured(
            f"{VARIABLE} names a GPU work pool, whose machines cannot reach what is embedded here: point "
            f"{', '.join(missing)} to servers, or unset {VARIABLE} to evaluate in-process."
        )
