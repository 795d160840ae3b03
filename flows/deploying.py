"""What a Prefect server has to know of us: the work pools and deployments of prefect.yaml, and when a run is dead.

Registering is `prefect deploy --all`; what a person has set on the server since goes before what the file says.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import yaml
from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from archdb.errors import StoreMisconfigured

FILE = "prefect.yaml"
INSTALLED = f"share/archloop/{FILE}"  # where a wheel puts it, below its environment
AUTOMATION = "archloop: runs of dead workers"
UNDEPLOYED = ("evaluate-file", "promote")  # flows that only the command line runs
SILENCE_SECONDS = 90  # after a heartbeat, before its run counts as dead: our runs beat every 30
KEPT = {"schedule", "active", "parameters", "slug", "max_scheduled_runs"}  # of a schedule


def deployments_file() -> Path | None:
    """prefect.yaml of the source checkout that runs, or the installed one. None if there is neither."""
    beside = Path(__file__).parent.parent / FILE
    if beside.is_file():
        return beside
    try:
        installed = [one for one in files("archloop") or () if str(one).endswith(INSTALLED)]
    except PackageNotFoundError:
        return None
    return next((found for one in installed if (found := Path(str(one.locate())).resolve()).is_file()), None)


def read_deployments(file: Path) -> list[dict[str, Any]]:
    """The deployments that the file describes."""
    return list(yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"])


def make_pools(names: Sequence[str]) -> dict[str, str]:
    """Make the pools that the server lacks, for workers that run flows as processes. Every pool's type by its name."""
    types = {}
    with get_client(sync_client=True) as client:
        for name in names:
            try:
                types[name] = client.read_work_pool(name).type
            except ObjectNotFound:
                wanted = WorkPoolCreate(
                    name=name,
                    type=ProcessWorker.type,
                    description="Flows of archloop, as processes of a machine that `archloop up` runs on.",
                    base_job_template=ProcessWorker.get_default_base_job_template(),
                )
                types[name] = client.create_work_pool(wanted).type
    return types


def register(file: Path) -> None:
    """Register the file's deployments. Those that the server knows keep their schedules and whether they are paused.

    Raises:
        StoreMisconfigured: the server does not take them; the sentence has its reason.
    """
    with get_client(sync_client=True) as client:
        known = [found for one in read_deployments(file) if (found := _find(client, one["name"])) is not None]
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)],
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise StoreMisconfigured(
                f"The Prefect server does not take our deployments ({' '.join(reason)}): run `prefect deploy --all "
                f"--prefect-file {file}` for the whole message."
            )
        for one in known:
            _restore(client, one)


def _find(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(f"{name}/{name}")  # each deployment has the name of its flow
    except ObjectNotFound:
        return None


def _restore(client: SyncPrefectClient, before: DeploymentResponse) -> None:
    def told(deployment: DeploymentResponse) -> list[dict[str, Any]]:
        return [one.model_dump(mode="json", include=KEPT) for one in deployment.schedules]

    now = client.read_deployment(before.id)
    if told(now) != told(before):
        for one in now.schedules:
            client.delete_deployment_schedule(before.id, one.id)
        if before.schedules:
            client.request("POST", "/deployments/{id}/schedules", path_params={"id": before.id}, json=told(before))
    if before.paused and not now.paused:
        client.pause_deployment(before.id)


def notice_dead_runs(flow_names: Sequence[str]) -> None:
    """Have the server mark runs of our flows as crashed whose heartbeats have stopped, as those of a killed worker do.

    An automation of this name that is there stays as a person has set it, but for the flows that it watches.
    """
    watched = ResourceSpecification(
        {"prefect.resource.role": "flow", "prefect.resource.name": [*flow_names, *UNDEPLOYED]}
    )
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(AUTOMATION)
        for one in known:
            if isinstance(one.trigger, EventTrigger) and one.trigger.match_related != watched:
                trigger = one.trigger.model_copy(update={"match_related": watched})
                kept = {name: getattr(one, name) for name in one.model_fields_set & AutomationCore.model_fields.keys()}
                client.update_automation(one.id, AutomationCore(**kept | {"trigger": trigger}))
        if known:
            return
    Automation(
        name=AUTOMATION,
        description="A run whose heartbeats have stopped has lost its process. What it has recorded stays.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=watched,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENCE_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message="No heartbeat: its process was killed. Run again, it goes on at the first missing stage.",
            )
        ],
    ).create()
