"""Which MLflow is written to, and its faults as ours."""

import contextlib
import functools
import logging
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

from archdb import home, prepare_home
from archdb.shared_server import alone
from tasks.faults import TransportFault

DATABASE = "mlflow.db"


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or an sqlite file in the data folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / DATABASE}"


def prepare_tracking() -> None:
    """Make the data folder's MLflow database, if it is used and missing, whole or not at all.

    MLflow takes a second or two to lay its tables in a new file, and opens none in which it was killed meanwhile, or in
    which another process lays them.
    """
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return
    _quiet()
    folder = prepare_home()
    with alone(folder / "mlflow.lock"):
        if (folder / DATABASE).exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        draft = folder / "mlflow.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        SqlAlchemyStore(f"sqlite:///{draft / DATABASE}", "./mlruns").engine.dispose()
        (draft / DATABASE).replace(folder / DATABASE)
        draft.rmdir()


def shown_address(text: str) -> str:
    """An address, or a text with addresses, without users and passwords: what people, pages and logs may see."""
    return re.sub(r"://[^/\s]*@", "://", text)


@functools.cache
def client() -> Any:
    """The MLflow client of this process."""
    _quiet()
    from mlflow import MlflowClient

    with tracking_faults():
        prepare_tracking()
    return MlflowClient(tracking_uri=tracking_uri())


def _quiet() -> None:
    """What MLflow reads when it is imported: it tells nobody of its use, prints little, and loads no pickles."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def tracking_faults() -> Iterator[None]:
    """MLflow's faults as transport faults: an experiment is never failed because its bookkeeping was."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError) as fault:
        told = shown_address(str(fault))
        raise TransportFault(
            f"MLflow at {shown_address(tracking_uri())} does not take results ({told[:200]}): start it or mend "
            "MLFLOW_TRACKING_URI, then run the same command again."
        ) from (fault if told == str(fault) else None)  # a traceback would show the cause's own text
