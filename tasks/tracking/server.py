"""Which MLflow is written to, and its faults as ours."""

import contextlib
import functools
import logging
import os
import re
from collections.abc import Iterator
from typing import Any

from archdb import home, prepare_home
from tasks.faults import TransportFault


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or an sqlite file in the data folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def shown_address(text: str) -> str:
    """An address, or a text with addresses, without users and passwords: what people, pages and logs may see."""
    return re.sub(r"://[^/\s]*@", "://", text)


@functools.cache
def client() -> Any:
    """The MLflow client of this process."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    prepare_home()
    return MlflowClient(tracking_uri=tracking_uri())


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
