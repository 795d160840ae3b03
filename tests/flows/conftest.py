"""The laboratory's store, for the tests that look at what its campaign left behind, and a pool that nobody serves."""

import contextlib
from collections.abc import Iterator

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import Store, open_store
from tests.conftest import forget_connections
from tests.laboratory import Lab


@pytest.fixture
def lab_store(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The laboratory's store, opened in this process."""
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(lab.folder))
    yield open_store()
    forget_connections()


@pytest.fixture
def prefect(lab: Lab) -> Iterator[SyncPrefectClient]:
    """The laboratory's Prefect server as the one of this process; a client of it."""
    with temporary_settings({PREFECT_API_URL: lab.prefect}), get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def idle_pool(prefect: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> SyncPrefectClient:
    """A GPU pool without a worker, which this process dispatches to; a client of its Prefect server."""
    monkeypatch.setattr("flows.dispatch.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("flows.within_budget.LOOK_SECONDS", 0.05)
    monkeypatch.setenv("ARCHLOOP_GPU_DEPLOYMENT", "evaluate-design/nowhere")
    with contextlib.suppress(ObjectAlreadyExists):
        prefect.create_work_pool(WorkPoolCreate(name="idle", type="process"))
    flow = prefect.create_flow_from_name("evaluate-design")
    prefect.create_deployment(flow_id=flow, name="nowhere", work_pool_name="idle")
    return prefect
