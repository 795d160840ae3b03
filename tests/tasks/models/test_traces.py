"""What MLflow shows of a call; and that it may be away."""

import os
import socket
from typing import Any

import pytest

from archdb import Campaign, Store, open_store
from tasks import tracking
from tasks.models import NoAnswer
from tests.conftest import forget_connections
from tests.tasks.models.server import ModelServer
from tests.tasks.models.test_asking import CALL, PAID, PROMPT, put

pytestmark = pytest.mark.usefixtures("served")


@pytest.fixture
def campaign(campaign: Campaign, request: pytest.FixtureRequest) -> Campaign:
    """One for each test: MLflow's file is not emptied between them."""
    return campaign.model_copy(update={"id": request.node.originalname})


def traces(campaign: Campaign) -> list[Any]:
    from mlflow import MlflowClient, flush_trace_async_logging

    flush_trace_async_logging()
    found = MlflowClient(tracking_uri=tracking.tracking_uri()).search_traces(
        [tracking.folder_of(campaign.scale, campaign.domain)],
        filter_string=f"tags.`archloop.campaign` = '{campaign.id}'",
    )
    return list(found)


def test_a_call_is_a_trace_with_a_span_for_each_attempt(store: Store, campaign: Campaign, server: ModelServer) -> None:
    server.do("500", "schema", "none")
    put(store, campaign)
    put(store, campaign)
    (trace,) = traces(campaign)
    tags = trace.info.tags
    assert (tags[tracking.TAG], tags["archloop.role"], tags["archloop.call"]) == ("t-c001", "engineer", CALL)
    assert (tags["archloop.outcome"], tags["archloop.template"]) == ("answered", "part.md")
    root, *spans = sorted(trace.data.spans, key=lambda one: (one.parent_id is not None, one.start_time_ns))
    assert root.inputs == {"system": PROMPT.system, "user": PROMPT.user}
    assert "gate" in root.outputs["text"]
    assert [one.outputs["kind"] for one in spans] == ["server_error", "wrong_schema", "answered"]
    assert [one.get_attribute("mlflow.chat.tokenUsage")["total_tokens"] for one in spans] == [0, PAID, PAID]
    assert [one.get_attribute("mlflow.llm.cost") for one in spans][1:] == [{"total_cost": 0.018}] * 2
    assert trace.info.token_usage["total_tokens"] == 2 * PAID
    assert all(one.end_time_ns >= one.start_time_ns for one in trace.data.spans)


def test_a_call_that_failed_is_traced_as_one(store: Store, campaign: Campaign, server: ModelServer) -> None:
    server.do("refusal")
    with pytest.raises(NoAnswer):
        put(store, campaign)
    (trace,) = traces(campaign)
    assert (trace.info.state.value, trace.info.tags["archloop.outcome"]) == ("ERROR", "refused")


def test_the_address_stays_out_of_the_environment(store: Store, campaign: Campaign) -> None:
    put(store, campaign)
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_without_mlflow_a_call_goes_on(
    store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", nowhere)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    forget_connections()
    assert put(open_store(), campaign).size == 3
    assert "MLflow does not take the trace of a model call" in caplog.text
