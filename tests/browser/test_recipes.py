"""The recipes of docs/mlflow.md, as a person goes through them in MLflow's pages."""

import json
from urllib.parse import quote

import httpx
import pytest

from archdb import Experiment, Store, campaign_experiments
from tests.browser.conftest import Look
from tests.laboratory_up import Up

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]

CAMPAIGN = "tags.`archloop.campaign` LIKE 't%'"


def designs(store: Store) -> list[Experiment]:
    return [one for one in campaign_experiments(store, "t") if one.mlflow_run]


def table(up: Up, store: Store, wanted: str = CAMPAIGN) -> str:
    """The address of the runs that a filter lets through."""
    mlflow, run = up.page("MLflow UI"), designs(store)[0].mlflow_run
    found = httpx.get(f"{mlflow}/api/2.0/mlflow/runs/get", params={"run_id": run}, timeout=60).json()
    return f"{mlflow}/#/experiments/{found['run']['info']['experiment_id']}/runs?searchFilter={quote(wanted)}"


def test_the_filter_for_recall_at_equal_latency_and_its_column_are_taken(up: Up, look: Look, its_store: Store) -> None:
    better = f"{CAMPAIGN} and metrics.`step/gain/recall_loss` > -99 and metrics.`step/efficiency/prefill_seconds` < 99"
    page = look(table(up, its_store, better))
    page.get_by_text(f"{sum(one.cycle is not None for one in designs(its_store))} matching runs").wait_for()
    page.get_by_test_id("column-selection-dropdown").first.click()
    page.get_by_placeholder("Search columns").fill("archloop.changed")
    page.get_by_text("archloop.changed", exact=True).wait_for()


def test_the_curves_have_a_chart_for_each_task_and_seed(up: Up, look: Look, its_store: Store) -> None:
    page = look(f"{table(up, its_store)}&compareRunsMode=CHART")
    page.get_by_placeholder("Search metric charts").fill("streamed")
    for task in ("recall", "copy", "text"):
        for seed in designs(its_store)[0].seeds:
            page.get_by_title(f"streamed/{task}_loss.s{seed}", exact=True).wait_for()
    page.get_by_text("Step", exact=True).first.wait_for()


def test_runs_are_grouped_by_what_they_are_made_of(up: Up, look: Look, its_store: Store) -> None:
    page = look(table(up, its_store))
    page.get_by_role("button", name="Group by").click()
    page.get_by_role("menuitemcheckbox", name="components").click()
    page.get_by_text("Group: ").first.wait_for()
    page.get_by_text("gated_deltanet").first.wait_for()  # in the group of its choices


def test_a_slot_and_a_cost_are_axes_of_the_parallel_coordinates(up: Up, look: Look, its_store: Store) -> None:
    chosen = quote(json.dumps([one.mlflow_run for one in designs(its_store)]))
    folder = table(up, its_store).partition("/experiments/")[2].partition("/")[0]
    page = look(f"{up.page('MLflow UI')}/#/compare-runs?runs={chosen}&experiments={quote(json.dumps([folder]))}")
    page.get_by_text("Clear All").click()
    boxes = page.get_by_role("combobox")
    for place, words in ((0, "slot.memory_rule"), (1, "efficiency/prefill_seconds"), (1, "eval/recall_loss")):
        boxes.nth(place).click()
        boxes.nth(place).fill(words)
        page.get_by_title(words, exact=True).last.click()
        page.keyboard.press("Escape")
    drawn = page.locator("svg text.axis-title")
    drawn.get_by_text("recall_loss").wait_for()
    assert drawn.all_text_contents() == ["slot.memory_rule", "efficiency/prefill_seconds", "eval/recall_loss"]


def test_each_seed_of_the_reference_has_its_chart(up: Up, look: Look, its_store: Store) -> None:
    reference = next(one for one in designs(its_store) if one.name == "gated_deltanet")
    runs = table(up, its_store).partition("?")[0]
    page = look(f"{runs}/{reference.mlflow_run}/model-metrics")
    page.get_by_placeholder("Search metric charts").fill("recall_loss")
    for name in ("recall_loss", *(f"recall_loss.s{seed}" for seed in reference.seeds)):
        page.get_by_text(name, exact=True).first.wait_for()
