"""Heartbeats of runs within other ones."""

import time
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows import pulse
from tests.laboratory import Lab, until

pytestmark = pytest.mark.xdist_group("lab")


def own_id() -> str:
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return str(context.flow_run.id)


@flow(name="beaten-inner")
@pulse.beating
def inner(seconds: float) -> str:
    time.sleep(seconds)
    return own_id()


@flow(name="beaten-outer")
@pulse.beating
def outer() -> tuple[str, str]:
    return own_id(), pulse.within(inner, 1.5)


def heartbeats(lab: Lab, run: str) -> list[dict[str, Any]]:
    asked = {
        "filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    }
    found = httpx.post(f"{lab.prefect}/events/filter", json=asked).raise_for_status().json()["events"]
    return list(found)


def test_runs_within_another_send_theirs_as_prefect_s_do(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.5)
    with temporary_settings({PREFECT_API_URL: lab.prefect, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        first, second = outer()
        EventsWorker.instance().drain()
    assert not pulse._beats
    of_prefect = until(lambda: heartbeats(lab, first), "the outer run's heartbeat")
    ours = until(lambda: found if len(found := heartbeats(lab, second)) > 1 else None, "heartbeats of the inner run")
    assert len(of_prefect) == 1
    flows = [
        {one["prefect.resource.name"] for one in told["related"] if one["prefect.resource.role"] == "flow"}
        for told in (*of_prefect, *ours)
    ]
    assert flows == [{"beaten-outer"}] + [{"beaten-inner"}] * len(ours)
