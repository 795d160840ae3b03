"""A breakthrough and a stalled campaign reach a webhook, by way of a real Prefect server and its automations."""

import json
import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import Experiment, Verified
from flows.announcing import announce_breakthrough, announce_cycle, at_work
from flows.notifying import BLOCK, ON_BREAKTHROUGH, ON_STALL, Block, notify
from tasks.faults import Stopped
from tests.laboratory import Lab, until

pytestmark = pytest.mark.xdist_group("lab")
PATIENCE = 300.0
HOURS = 0.03  # 108 seconds; the command asks for more, since the server sorts what came at once after 15 minutes


class Phone(BaseHTTPRequestHandler):
    calls: "queue.Queue[dict[str, Any]]"

    def do_POST(self) -> None:
        self.calls.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def phone() -> Iterator[tuple[str, "queue.Queue[dict[str, Any]]"]]:
    """The address of a webhook, and what is sent there."""
    Phone.calls = queue.Queue()
    with ThreadingHTTPServer(("127.0.0.1", 0), Phone) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret", Phone.calls
        server.shutdown()


def automations(lab: Lab) -> set[str]:
    found = httpx.post(f"{lab.prefect}/automations/filter", json={}).raise_for_status().json()
    return {one["name"] for one in found} & {ON_BREAKTHROUGH, ON_STALL}


def taken_up(lab: Lab, campaign: str, signs: int) -> None:
    """Wait until the server has so many signs of a campaign, and a moment longer."""
    asked = {"filter": {"event": {"prefix": ["archloop."]}, "resource": {"id": [f"archloop.campaign.{campaign}"]}}}
    events = f"{lab.prefect}/events/filter"
    until(lambda: len(httpx.post(events, json=asked).raise_for_status().json()["events"]) >= signs)
    time.sleep(3)


def stop(lab: Lab) -> None:
    with at_work("stopped"):
        taken_up(lab, "stopped", 1)
        raise Stopped


def fail(cycle: Experiment) -> None:
    with at_work(cycle.campaign), at_work(cycle.campaign):
        announce_cycle(cycle)
        raise OSError("disk")


@pytest.mark.slow
def test_a_webhook_is_called_on_a_breakthrough_and_for_a_campaign_that_failed(
    lab: Lab, phone: tuple[str, "queue.Queue[dict[str, Any]]"]
) -> None:
    address, calls = phone
    for _ in range(2):  # said again, it replaces what was said before
        told = lab.run("notify", "--webhook", address, "--stalled-after", "6")
        assert told.returncode == 0, told.stderr[-3000:]
        assert "webhook/archloop-notify is told of breakthroughs" in told.stdout
        assert "secret" not in told.stdout + told.stderr
    assert automations(lab) == {ON_BREAKTHROUGH, ON_STALL}
    cycle = Experiment(id="fails-c001", campaign="fails", kind="candidate", name="One")
    test = Verified(id="b/1", campaign="b", number=1, experiment="b-c001", baseline="gla", result={"promoted": True})
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        notify(Block("webhook", BLOCK), HOURS)
        with at_work("rests"):
            taken_up(lab, "rests", 1)
            announce_cycle(cycle.model_copy(update={"campaign": "rests"}))
            taken_up(lab, "rests", 2)
        with pytest.raises(Stopped):
            stop(lab)
        with pytest.raises(OSError, match="disk"):
            fail(cycle)
        announce_breakthrough(test, 'b-c001 "One" is a breakthrough.')
        EventsWorker.instance().drain()
    assert calls.get(timeout=PATIENCE) == {"text": 'b-c001 "One" is a breakthrough.', "campaign": "b"}
    stalled = calls.get(timeout=PATIENCE)
    assert stalled["campaign"] == "fails"
    assert stalled["text"].startswith("No cycle of campaign fails has finished for 0.03 hours")
    with pytest.raises(queue.Empty):
        calls.get(timeout=10.0)
    assert lab.run("notify", "--off").stdout.strip() == "Nobody is told any more."
    assert automations(lab) == set()


def test_a_campaign_says_that_it_works_what_it_finished_and_that_it_rests(finished: object, lab: Lab) -> None:
    chosen = {
        "event": {"prefix": ["archloop."]},
        "resource": {"id": ["archloop.campaign.t"]},
        "occurred": {"since": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
    }
    asked = {"filter": {**chosen, "order": "ASC"}, "limit": 50}

    def four() -> list[str] | None:
        """The server writes events down every few seconds."""
        found = httpx.post(f"{lab.prefect}/events/filter", json=asked).raise_for_status().json()["events"]
        told = [one["event"].removeprefix("archloop.") for one in found]
        return told[:4] if len(told) >= 4 else None

    assert until(four, "four events") == ["campaign.working", "cycle.finished", "cycle.finished", "campaign.resting"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((), "give one of --webhook URL, --block TYPE/NAME and --off"),
        (("--webhook", "mail.example"), "begins with https:// or http://"),
        (("--block", "slack-webhook"), "such as slack-webhook/mine"),
        (("--webhook", "http://x", "--stalled-after", "0.001"), "within 0.5 hours: give more"),
        (("--block", "webhook/nothing"), "The Prefect server has no block webhook/nothing"),
    ],
)
def test_what_cannot_be_told_is_refused(lab: Lab, asked: tuple[str, ...], told: str) -> None:
    done = lab.run("notify", *asked)
    assert done.returncode == 1
    assert told in done.stderr
