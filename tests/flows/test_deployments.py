"""What prefect.yaml registers: each flow with a form that explains itself, run only where nothing is lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, EventTrigger

from flows.deploying import AUTOMATION, UNDEPLOYED, notice_dead_runs
from tests.laboratory import ARCHLOOP

ROOT = Path(__file__).parents[2]
NAMES = ["research-cycle", "campaign", "seed-baselines", "evaluate-design", "verify-design", "report"]


def test_every_deployment_is_its_flow_with_a_form_that_explains_itself() -> None:
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    from flows.deploying import deployments_file, read_deployments

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    file = deployments_file()
    assert file == ROOT / "prefect.yaml"
    found = read_deployments(file)
    assert [one["name"] for one in found] == NAMES
    forms = {}
    for one in found:
        flow = load_flow_from_entrypoint(one["entrypoint"], use_placeholder_flow=False)
        assert flow.name == one["name"]
        assert one["version"] == version
        assert one["description"]
        assert one["tags"]
        forms[one["name"]] = parameter_schema(flow).properties
        assert [name for name, field in forms[one["name"]].items() if not field.get("description")] == []
    assert {one["work_pool"]["name"] for one in found} == {"archloop", "archloop-gpu"}
    assert {"nano", "micro"} <= set(forms["campaign"]["scale"]["enum"])
    assert {"grammar", "openai"} <= set(forms["campaign"]["provider"]["enum"])
    assert forms["campaign"]["sampler"]["default"] in forms["campaign"]["sampler"]["enum"]
    assert "kda" in forms["campaign"]["baselines"]["items"]["enum"]


def test_every_flow_is_deployed_or_known_to_be_run_by_the_command_line_alone() -> None:
    sources = [file.read_text() for file in (ROOT / "flows").glob("*.py")]
    named = [name for source in sources for name in re.findall(r'^@flow\(name="([^"]+)"', source, re.MULTILINE)]
    assert sorted(named) == sorted([*NAMES, *UNDEPLOYED])
    assert len(named) == sum(source.count("\n@flow") for source in sources)


@pytest.mark.xdist_group("lab")
def test_an_automation_that_is_there_watches_new_flows_and_stays_as_a_person_has_set_it(
    prefect: SyncPrefectClient,
) -> None:
    def only() -> Automation:
        (found,) = prefect.read_automations_by_name(AUTOMATION)
        return found

    notice_dead_runs(["old"])
    prefect.request("PATCH", "/automations/{id}", path_params={"id": only().id}, json={"enabled": False})
    notice_dead_runs(["new", "old"])
    after = only()
    assert (after.enabled, len(after.actions)) == (False, 1)
    assert isinstance(after.trigger, EventTrigger)
    assert after.trigger.match_related["prefect.resource.name"] == ["new", "old", *UNDEPLOYED]
    notice_dead_runs(["new", "old"])
    assert only() == after
    prefect.delete_automation(after.id)


def test_a_worker_whose_data_folder_would_vanish_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlib.metadata import version

    from flows.on_worker import WorkerUnsuited, ready

    monkeypatch.setenv("ARCHLOOP_HOME", "archloop-data")
    with pytest.raises(WorkerUnsuited, match="ARCHLOOP_HOME"):
        ready(version("archloop"))
    monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path))
    ready(version("archloop"))
    with pytest.raises(WorkerUnsuited, match="this worker has"):
        ready("0.0.1")


def test_a_killed_program_is_started_again_and_leaves_nothing_behind(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = f"setsid sleep 600 & echo $$ $! >> {pids}; wait"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "flows.supervised", str(os.getpid()), "sh", "-c", program], env=environment
    )

    def started(times: int) -> list[list[int]]:
        deadline = time.monotonic() + 60
        while not pids.exists() or len(pids.read_text().splitlines()) < times:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return [[int(pid) for pid in line.split()] for line in pids.read_text().splitlines()]

    [(first, orphan)] = started(1)
    os.kill(first, signal.SIGKILL)
    second, other = started(2)[1]
    assert not psutil.pid_exists(orphan)
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    assert not any(psutil.pid_exists(pid) for pid in (second, other))


def test_check_names_what_fails_with_its_remedy(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ARCHLOOP_HOME": str(tmp_path / "data"),
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "ARCHLOOP_CORPUS": str(tmp_path / "absent.txt"),
    }
    told = subprocess.run(
        [ARCHLOOP, "up", "--check", "--json"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1, told.stderr
    found = json.loads(told.stdout)
    failed = {one["what"]: one["remedy"] for one in found["findings"] if one["verdict"] == "fail"}
    assert set(failed) == {"PREFECT_API_URL", "ARCHLOOP_CORPUS"}
    assert all(failed.values())
    assert not found["ready"]
    assert any(one["what"].startswith("sandbox: ") and one["verdict"] == "ok" for one in found["findings"])
    assert not (tmp_path / "data").exists(), "it only looks"
