"""What Prefect holds for people after a campaign: summaries, the leaderboard, progress of trainings, and links."""

import json
import subprocess
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import Campaign, Failed, Store, create_experiment, get_experiment, get_text, put_text, set_fields
from flows.artifacts import key_of, show_cycle
from flows.cycle_summary import cycle_summary
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory
Done = subprocess.CompletedProcess[str]


def artifacts(lab: Lab, **chosen: Any) -> list[dict[str, Any]]:
    found = httpx.post(f"{lab.prefect}/artifacts/filter", json={"artifacts": chosen, "sort": "UPDATED_DESC"})
    return list(found.raise_for_status().json())


def test_a_cycle_has_its_summary_and_a_campaign_its_leaderboard(finished: Done, lab: Lab, lab_store: Store) -> None:
    one = get_experiment(lab_store, "t-c001")
    (told,) = artifacts(lab, key={"any_": ["t-c001"]})
    run = httpx.get(f"{lab.prefect}/flow_runs/{told['flow_run_id']}").json()
    assert run["name"] == "t-c001"
    assert f"fitness **{one.fitness:+.3f}**" in told["data"]
    assert f"from `{one.parents[0]}`" in told["data"]
    assert get_text(lab_store, one.analysis or "")[:40] in told["data"]
    assert f"/runs/{one.mlflow_run})" in told["data"]

    rows = json.loads(artifacts(lab, key={"any_": ["leaderboard-t"]})[0]["data"])
    assert [row["fitness"] for row in rows] == sorted((row["fitness"] for row in rows), reverse=True)
    assert {"t-c001", "t-c002", "t-gla"} <= {row["id"] for row in rows}
    assert {row["id"] for row in rows if "reference" in row["kind"]} == {"t-gated_deltanet"}
    whole = artifacts(lab, key={"any_": ["t"]})[0]["data"]
    assert str(lab.folder / "reports" / "t" / "index.html") in whole


def test_a_training_shows_how_far_it_is_on_its_own_page(finished: Done, lab: Lab) -> None:
    shown = [one for one in artifacts(lab, type={"any_": ["progress"]}) if one["description"].startswith("t-c001 ")]
    (one,) = shown
    assert one["data"] == 100
    assert "seed 0: copy, step 12 of 12" in one["description"]
    run = httpx.get(f"{lab.prefect}/task_runs/{one['task_run_id']}").json()
    assert run["name"].startswith("gpu-train")


def test_showing_a_cycle_again_adds_nothing(finished: Done, lab: Lab, lab_store: Store) -> None:
    chosen = {"any_": ["t-c001"]}

    @flow
    def again() -> None:
        show_cycle("t-c001")

    before = artifacts(lab, key=chosen)
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        again()
    assert artifacts(lab, key=chosen) == before


def test_a_models_words_lay_out_nothing_but_text(store: Store) -> None:
    campaign = Campaign(id="T_1", scale="tiny", provider="openai", cycles=1)
    name = "<img src=x> | [here](elsewhere) `rm`"
    links = "see HTTPS://elsewhere, WWW.elsewhere.org and me@elsewhere.org [there][1]"
    create_experiment(store, "T_1-gla", campaign="T_1", kind="baseline", name=f"gla {links}")
    one = create_experiment(store, "T_1-c001", campaign="T_1", kind="candidate", name=name, cycle=1)
    failure = Failed(stage="propose", kind="k", message=links, remedy=links)
    texts = {"parents": ("T_1-gla",), "components": {"memory": links}, "failure": failure}
    one = set_fields(store, one.id, analysis=put_text(store, f"# Learned\n{links}"), **texts)
    told = cycle_summary(store, campaign, one)
    assert r"\<img src=x\> \| \[here\]\(elsewhere\) \`rm\`" in told
    assert told.count("elsewhere.org") == 2 * 5
    for link in ("://", "www.", "e@e"):
        assert link not in told.lower()
    assert key_of("T_1-c001") == "t-1-c001"
