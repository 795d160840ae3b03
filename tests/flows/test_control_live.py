"""The switch and the approval with a real Prefect server: children end, runs are Cancelled, a form is filled in."""

import contextvars
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import NotApproved, Store, events_after, get_budget, list_running
from archdb.governance import EVERYTHING, decide, get_control, turn, waiting_requests
from tests.laboratory import Lab, until

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory

DOMAIN = "tests.flows.long_training"
ROOT = Path(__file__).parent.parent.parent
SERVED = """
from flows.campaign import campaign

if __name__ == "__main__":
    campaign.serve(name="asked")
"""


def runs(lab: Lab, name: str) -> list[dict[str, Any]]:
    """The flow runs of this name, oldest first."""
    wanted = {"flow_runs": {"name": {"any_": [name]}}, "sort": "START_TIME_ASC"}
    return list(httpx.post(f"{lab.prefect}/flow_runs/filter", json=wanted).json())


def test_a_refused_campaign_ends_as_cancelled_with_the_reason(lab: Lab, lab_store: Store) -> None:
    from flows.campaign import campaign

    def run() -> None:
        campaign("refused", 0, "tiny", domain=DOMAIN, approvals=1)

    with temporary_settings({PREFECT_API_URL: lab.prefect}), ThreadPoolExecutor(1) as pool:
        flow = pool.submit(contextvars.copy_context().run, run)
        (request,) = until(lambda: waiting_requests(lab_store, "refused"))
        decide(lab_store, request, "ada", "refused", "not now")
        assert "trains up to 4 times for its baselines" in request.told
        with pytest.raises(NotApproved, match=r"The start of campaign refused was refused by ada \(not now\)"):
            flow.result()
    (shown,) = runs(lab, "refused")
    assert (shown["state"]["type"], shown["state"]["name"]) == ("CANCELLED", "Cancelled")
    assert "was refused by ada (not now)" in shown["state"]["message"]
    assert not list(lab_store.experiments.find({"campaign": "refused"})), "nothing was begun"


@pytest.fixture
def training(lab: Lab, lab_store: Store) -> Iterator[subprocess.Popen[str]]:
    """A campaign in a process of its own, while its first training runs."""
    code = f"from flows.campaign import campaign\ncampaign('switched', 0, 'tiny', parallel=1, domain={DOMAIN!r})"
    child = subprocess.Popen(
        [sys.executable, "-c", code], env=lab.environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    until(lambda: any(one.stage == "gpu-train" for one in list_running(lab_store, "switched")) or None)
    yield child
    child.kill()
    child.wait()


@pytest.mark.slow
def test_the_kill_switch_ends_a_training_child_and_what_it_held_is_released(
    lab: Lab, lab_store: Store, training: subprocess.Popen[str]
) -> None:
    turn(lab_store, "switched", "stopped", "ada", "enough")
    told = training.communicate(timeout=120)[1]
    assert "Campaign switched was stopped by ada (enough)" in told
    stopped, ended = [one for one in events_after(lab_store, 0, 1000, "switched") if one.kind in ("stopped", "ended")]
    assert (stopped.kind, ended.kind, ended.body["stage"]) == ("stopped", "ended", "gpu-train")
    stages = [key for one in lab_store.experiments.find({"campaign": "switched"}) for key in one["stages"]]
    assert not [key for key in stages if key.startswith("gpu-train")], "it was ended in the middle of its minutes"

    for name in ("switched", "switched-baselines", f"evaluate {ended.subject}"):
        (run,) = runs(lab, name)
        assert run["state"]["type"] == "CANCELLED", name
        assert "was stopped by ada (enough)" in run["state"]["message"]
    assert get_budget(lab_store, "switched").operations == {}
    slot = httpx.get(f"{lab.prefect}/v2/concurrency_limits/gpu-slot").json()
    assert slot["active_slots"] == 0
    for one in lab_store.experiments.find({"campaign": "switched"}):
        assert (one["state"], one["failure"], one["lease"]["owner"]) == ("open", None, ""), "it is no failed design"

    code = f"from flows.campaign import campaign; campaign('switched', 0, 'tiny', parallel=1, domain={DOMAIN!r})"
    again = [sys.executable, "-c", code]
    refused = subprocess.run(again, env=lab.environment(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert "`archloop resume switched` lets it go on." in refused.stderr
    turn(lab_store, "switched", "running", "ada")
    child = subprocess.Popen(again, env=lab.environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    begun = time.time()

    def same_training() -> bool | None:
        found = list_running(lab_store, "switched")
        return any(one.id == ended.subject and one.stage == "gpu-train" and one.since >= begun for one in found) or None

    try:
        assert until(same_training), "it goes on with the training that was stopped"
        stopped = lab.run("stop", "--all", "--as", "bob")
        assert stopped.returncode == 0, stopped.stderr[-3000:]
        assert "Everything was stopped by bob" in child.communicate(timeout=120)[1]
    finally:
        child.kill()
        child.wait()
        if get_control(lab_store, EVERYTHING).state != "running":
            turn(lab_store, EVERYTHING, "running", "bob")


@pytest.fixture
def served(lab: Lab, tmp_path: Path) -> Iterator[str]:
    """The campaign flow as a deployment that a real Prefect process runs; its id."""
    file = tmp_path / "served.py"
    file.write_text(SERVED)
    environment = {**lab.environment(), "PREFECT_RUNNER_POLL_FREQUENCY": "1", "PYTHONPATH": str(ROOT)}
    with (tmp_path / "served.log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, str(file)], env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    yield str(until(lambda: _deployment(lab)))
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _deployment(lab: Lab) -> str | None:
    found = httpx.get(f"{lab.prefect}/deployments/name/campaign/asked")
    return str(found.json()["id"]) if found.status_code == 200 else None


def fill_in(lab: Lab, run: str, number: int, **answer: str) -> str:
    """Wait for the form for the so-many-th time, fill it in as the Prefect UI does, and return what it said."""

    def waiting() -> dict[str, Any] | None:
        state = httpx.get(f"{lab.prefect}/flow_runs/{run}").json()["state"]
        keys = state["state_details"].get("run_input_keyset") or {}
        assert state["type"] not in ("FAILED", "CRASHED", "COMPLETED"), state
        here = state["name"] == "Suspended" and f"campaign-{number}" in keys.get("schema", "")
        return keys if here else None

    keys = until(waiting)
    told = httpx.get(f"{lab.prefect}/flow_runs/{run}/input/{keys['description']}").json()
    if answer:
        reply = httpx.post(f"{lab.prefect}/flow_runs/{run}/resume", json={"run_input": answer}).json()
        assert reply["status"] == "ACCEPT", reply
    return str(told)


@pytest.mark.slow
def test_people_approve_in_the_prefect_ui_and_on_the_command_line(lab: Lab, lab_store: Store, served: str) -> None:
    parameters = {
        "name": "asked", "cycles": 0, "scale": "tiny", "domain": DOMAIN, "parallel": 1,
        "approvals": 2, "approvers": ["ada", "bob"],
    }  # fmt: skip
    made = httpx.post(
        f"{lab.prefect}/deployments/{served}/create_flow_run", json={"name": "asked", "parameters": parameters}
    )
    run = made.json()["id"]
    told = fill_in(lab, run, 1, name="eve", decision="approve")
    assert "trains up to 4 times for its baselines" in told
    assert "0 of 2 have approved" in told
    assert "eve is not an approver here: ask ada or bob." in fill_in(lab, run, 2, name="ada", decision="approve")
    assert "1 of 2 have approved (ada)" in fill_in(lab, run, 3)
    status = lab.run("status", "-c", "asked").stdout
    assert "Waiting for approval." in status
    assert "`archloop approve asked --as NAME` (ada or bob)" in status
    approved = lab.run("approve", "asked", "--as", "bob")
    assert "asked is approved, by ada, bob." in approved.stdout, approved.stderr
    until(lambda: [one for one in list_running(lab_store, "asked") if one.stage == "gpu-train"])
    turn(lab_store, "asked", "stopped", "ada", "enough")

    def ended() -> dict[str, Any] | None:
        state: dict[str, Any] = httpx.get(f"{lab.prefect}/flow_runs/{run}").json()["state"]
        return state if state["type"] not in ("RUNNING", "SCHEDULED", "PENDING", "PAUSED") else None

    state = until(ended)
    assert state["type"] == "CANCELLED", state
    assert "was stopped by ada (enough)" in state["message"]
    assert {one.kind for one in events_after(lab_store, 0, 1000, "asked")} >= {
        "asked",
        "approved",
        "decided",
        "stopped",
    }
