"""``archloop verify``: a design that is better is called a breakthrough once, with nothing shown to agents."""

from pathlib import Path

import pytest

from archdb import Store, campaign_experiments, get_campaign, get_experiment, list_verified
from evaluation import baseline_source
from tasks.peers import population
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]


def test_a_better_design_is_a_breakthrough_once_and_the_holdout_promotes_it(
    lab: Lab, lab_store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "better.py"
    file.write_text(baseline_source("linear_attention") + "\n# a file of its own\n")
    done = lab.run("evaluate", str(file), "--scale", "tiny", "--campaign", "verified")
    assert done.returncode == 0, done.stderr[-3000:]
    # At this scale linear attention leads by far: leave a panel that it is truly better than.
    weak = {"deltanet", "gated_deltanet"}
    panel = get_campaign(lab_store, "verified").panel or {}
    panel["baselines"] = {name: scores for name, scores in panel["baselines"].items() if name in weak}
    lab_store.campaigns.update_one({"_id": "verified"}, {"$set": {"panel": panel}})

    told = lab.run("verify", "better", "--campaign", "verified", "--seeds", "4")
    assert told.returncode == 0, told.stderr[-3000:]
    assert "better is a breakthrough: +" in told.stdout
    assert "on 4 fresh seeds" in told.stdout
    assert "The sealed hold-out agrees, so it is promoted" in told.stdout

    one = list_verified(lab_store, "verified")[0]
    assert one.result["promoted"] is True
    repeated = get_experiment(lab_store, f"{one.experiment}-verify")
    assert repeated.state == "done"
    assert not set(repeated.seeds) & set(get_experiment(lab_store, one.experiment).seeds)
    assert {stage.stage for stage in repeated.stages.values()} >= {"benchmark", "hold-out", "verify", "promote"}
    designs = campaign_experiments(lab_store, "verified")
    assert all(design.kind != "verification" for design in designs)
    assert not {peer.id for peer in population(lab_store, "verified")} & {repeated.id}

    again = lab.run("verify", "better", "--campaign", "verified", "--seeds", "9")
    assert again.returncode == 0, again.stderr[-3000:]
    assert again.stdout.splitlines()[-1] == told.stdout.splitlines()[-1]
    assert get_experiment(lab_store, repeated.id).seeds == repeated.seeds
    assert len(list_verified(lab_store, "verified")) == 1


def test_a_baseline_is_refused_with_the_way_out(lab: Lab, finished: object) -> None:
    told = lab.run("verify", "gla", "--campaign", "t")
    assert told.returncode == 1
    assert "t-gla cannot be verified: give a candidate or a file that was evaluated to the end" in told.stderr
