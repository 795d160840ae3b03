"""What a person reads in the browser: Prefect's pages, MLflow's compare view and the report, over one real campaign."""

import json
from urllib.parse import quote

import httpx
import pytest

from archdb import Store, campaign_experiments, get_experiment
from tests.browser.conftest import Look
from tests.laboratory import until
from tests.laboratory_up import Up

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]


def run_of(up: Up, name: str) -> str:
    """The id of the flow run of this name."""
    (found,) = up.post("flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
    return str(found["id"])


def test_the_page_of_a_run_tells_how_the_cycle_came_out(up: Up, look: Look, its_store: Store) -> None:
    one = get_experiment(its_store, "t-c001")
    page = look(f"{up.page('Prefect UI')}/runs/flow-run/{run_of(up, 't-c001')}")
    page.get_by_text("Completed", exact=True).first.wait_for()
    page.get_by_text("codegen").first.wait_for()
    page.get_by_text("Artifacts", exact=True).click()
    page.get_by_text(f"{one.name}: fitness {one.fitness:+.3f}").click()  # the cycle's summary
    page.get_by_text("gain over the reference").wait_for()
    told = page.inner_text("body")
    assert f"from {one.parents[0]}" in told
    assert f"fitness {one.fitness:+.3f}" in told


def test_the_form_of_a_deployment_explains_each_parameter(up: Up, look: Look) -> None:
    page = look(f"{up.page('Prefect UI')}/deployments/deployment/{up.deployment('campaign')['id']}/run")
    page.get_by_text("how many cycles it shall have in all").wait_for()
    told = page.inner_text("body")
    for words in ("the size of the models and of their training", "who proposes, writes and analyzes"):
        assert words in told
    scales = page.locator(".schema-form-property", has_text="scale (Optional)").locator(".p-select-button__control")
    scales.press("ArrowDown")
    for scale in ("tiny", "nano", "micro", "micro-mqar"):
        page.locator(".p-select-option").get_by_text(scale, exact=True).wait_for()


def test_a_run_that_is_started_in_the_form_is_done_by_the_worker(up: Up, look: Look) -> None:
    report = up.folder / "reports" / "t" / "index.html"
    report.unlink(missing_ok=True)
    page = look(f"{up.page('Prefect UI')}/deployments/deployment/{up.deployment('report')['id']}/run")
    page.locator("textarea").fill("t")  # the only parameter
    page.get_by_role("button", name="Submit").click()
    mine = {"deployments": {"name": {"any_": ["report"]}}}
    started = until(lambda: [one for one in up.post("flow_runs/filter", mine) if not one["auto_scheduled"]], "the run")
    run = started[0]["id"]
    page.goto(f"{up.page('Prefect UI')}/runs/flow-run/{run}")
    page.get_by_text("Completed", exact=True).first.wait_for()
    assert report.exists()


def test_mlflow_compares_the_designs_of_a_campaign(up: Up, look: Look, its_store: Store) -> None:
    runs = {one.id: one.mlflow_run for one in campaign_experiments(its_store, "t") if one.mlflow_run}
    mlflow = up.page("MLflow UI")
    found = httpx.get(f"{mlflow}/api/2.0/mlflow/runs/get", params={"run_id": runs["t-c001"]}, timeout=60).json()
    folder = found["run"]["info"]["experiment_id"]
    chosen = quote(json.dumps(list(runs.values())))
    page = look(f"{mlflow}/#/compare-runs?runs={chosen}&experiments={quote(json.dumps([folder]))}")
    page.get_by_text(f"Comparing {len(runs)} Runs").wait_for()
    page.get_by_text("slot.memory_rule").first.wait_for(state="attached")
    told = page.inner_text("body")
    named = {one.name for one in campaign_experiments(its_store, "t") if one.mlflow_run}
    for words in (*named, "Parallel Coordinates Plot", "slot.memory_rule"):
        assert words in told, words


def test_the_report_reads_alone_and_without_an_error(up: Up, look: Look, its_store: Store) -> None:
    address = (up.folder / "reports" / "t" / "index.html").as_uri()
    page = look("about:blank")
    faults: list[str] = []
    asked: list[str] = []
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    told = page.inner_text("body")
    assert "t-c001" in told
    assert not faults
    assert all(one.startswith(("file:", "data:")) for one in asked), asked
