"""A cycle with ablations: asked for, trained, told with intervals, and finished by whoever comes after a kill."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import (
    Campaign,
    Experiment,
    Store,
    Watch,
    campaign_experiments,
    create_experiment,
    descendants,
    get_campaign,
    get_experiment,
    get_text,
    leaderboard,
    list_running,
    open_campaign,
    pareto_front,
    set_fields,
    set_panel,
    unfinished_cycles,
)
from archdb.audit import check_chain, check_records
from archdb.cognition import list_findings
from evaluation import corpus
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory

NAMES = ("text_bpb", "recall_loss", "copy_loss")
PANEL = {
    "reference": {name: [5.0, 5.001, 5.002] for name in NAMES},
    "baselines": {"gated_deltanet": dict.fromkeys(NAMES, 5.0), "gla": dict.fromkeys(NAMES, 5.8)},
}
SEED = 1  # whose first proposal adds a component that can be taken out


def begun(store: Store, name: str) -> None:
    """A campaign whose one baseline is so far behind that any design is worth an ablation."""
    fingerprint = corpus().fingerprint
    dataset = f"{fingerprint['dataset']} {fingerprint['train'][:12]}"
    wanted = Campaign(id=name, scale="tiny", provider="grammar", cycles=1, dataset=dataset, seed=SEED, ablations=1)
    open_campaign(store, wanted)
    set_panel(store, name, PANEL, 60.0)
    create_experiment(store, f"{name}-gla", campaign=name, kind="baseline", name="gla")
    gains = dict.fromkeys(NAMES, -50.0)
    set_fields(store, f"{name}-gla", state="done", fitness=-50.0, gains=gains, objectives=dict.fromkeys(NAMES, 5.8))


def ablations(store: Store, name: str) -> list[Experiment]:
    return [one for one in campaign_experiments(store, name) if one.kind == "ablation"]


def in_cycle(lab: Lab, name: str) -> str:
    from flows.research_cycle import research_cycle

    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        return research_cycle(name)


@pytest.mark.slow
def test_a_good_design_is_knocked_out(lab: Lab, lab_store: Store) -> None:
    begun(lab_store, "ab")
    told = in_cycle(lab, "ab")
    assert told.startswith("ab-c001")
    design = get_experiment(lab_store, "ab-c001")
    (one,) = ablations(lab_store, "ab")
    component = design.stages["analyze:0"].summary["ablations"][one.id]
    assert one.id == f"ab-c001-without-{component.replace('_', '-')}"
    assert (one.state, one.parents, one.path[-1], one.seeds, one.cycle) == ("done", (design.id,), design.id, (0,), 1)
    assert one.components[component] != design.components[component]
    trained = [each.stages["gpu-train:0:0"].summary for each in (design, one)]
    assert abs(trained[0]["parameters"] - trained[1]["parameters"]) <= 0.04 * trained[0]["parameters"]
    assert trained[0]["tokens"] == trained[1]["tokens"]

    effect = one.stages["analyze:0"].summary
    assert effect["low"] < effect["difference"] < effect["high"]
    finding = next(each for each in list_findings(lab_store, "ab") if one.id in each.evidence)
    assert finding.evidence == (design.id, one.id)
    assert finding.text == get_text(lab_store, one.analysis or "")
    assert f"{effect['difference']:+.2f} (95% interval" in finding.text
    assert f"{component}={design.components[component]}" in finding.components

    assert one.fitness is None, "it is no proposal"
    assert not one.gains
    assert {each.id for each in leaderboard(lab_store, "ab", 20)} == {"ab-gla", design.id}
    front = pareto_front(lab_store, "ab", "gains")
    assert front is not None
    assert [each.id for each in front.members] == [design.id]
    assert one.id not in {each.id for each in Watch("ab").look(lab_store)}, "what samplers and Researchers see"
    assert get_experiment(lab_store, design.id).best == design.best
    assert [each.id for each in descendants(lab_store, design)] == [one.id]

    walk = check_chain(lab_store)
    assert walk.faults + check_records(lab_store, walk, "ab").faults == []
    as_it_was = [get_experiment(lab_store, each).rev for each in (design.id, one.id)]
    from flows.ablate import ablate

    assert not ablate(design.id), "there is nothing left to do"
    assert [get_experiment(lab_store, each).rev for each in (design.id, one.id)] == as_it_was

    shown = lab.run("show", "1", "-c", "ab")
    assert f"{effect['difference']:+.2f} (95% interval" in shown.stdout
    assert one.id in shown.stdout
    (machine,) = json.loads(lab.run("show", "1", "-c", "ab", "--json").stdout)["ablations"]
    assert (machine["component"], machine["effect"]["fitness"]["low"]) == (component, effect["low"])
    listed = lab.run("status", "-c", "ab").stdout.splitlines()
    rows = [row.split()[0] for row in listed if row.startswith("ab-c001")]
    assert rows == [design.id, one.id]
    from flows.report import write_report
    from flows.report.wording import anchor

    page = write_report(lab_store, get_campaign(lab_store, "ab")).read_text()
    assert f'id="{anchor(one.id)}"' in page, "the finding's evidence leads there"
    assert f'href="#{anchor(one.id)}"' in page
    assert page.count("<h4>Ablations</h4>") == 1


def test_a_failed_ablation_ends_with_its_reason(lab: Lab, lab_store: Store) -> None:
    from archdb import claim, record_code, release, write_stage
    from archdb.records import Stage
    from flows.ablate import ablate

    begun(lab_store, "bad")
    design = create_experiment(lab_store, "bad-c001", campaign="bad", kind="candidate", name="Fine", cycle=1)
    token = claim(lab_store, design.id)
    assert token is not None
    from tasks.asked_ablations import open_ablations

    asked = {"bad-c001-without-decay": "decay", "bad-c001-without-position": "position"}
    open_ablations(lab_store, design, asked)
    summary = {"ablations": asked}
    stage = Stage(stage="analyze", started_at=time.time(), seconds=0.1, summary=summary)
    write_stage(lab_store, design.id, stage, token, state="done")
    release(lab_store, design.id, token)
    broken = get_experiment(lab_store, "bad-c001-without-decay")
    record_code(lab_store, "class Candidate:\n    pass\n", broken, 0, "ablation")  # written, then the worker died
    assert unfinished_cycles(lab_store, "bad") == [1]
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        assert ablate("bad-c001")
    first, second = (get_experiment(lab_store, one) for one in asked)
    assert first.failure is not None
    assert first.failure.stage == "compile-check"
    assert second.failure is not None
    assert second.failure.kind == "no_knock_out"
    assert "could not be tried without decay" in get_text(lab_store, first.analysis or "")
    assert get_experiment(lab_store, "bad-c001").state == "done"
    assert not [one for one in list_findings(lab_store, "bad") if first.id in one.evidence]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["codegen", "gpu-train", "analyze"])
def test_killed_in_an_ablation(lab: Lab, lab_store: Store, stage: str) -> None:
    name = f"killed-{stage}"
    begun(lab_store, name)
    source = f"from flows.research_cycle import research_cycle; research_cycle({name!r})"
    child = subprocess.Popen(
        [sys.executable, "-c", source],
        env=lab.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not any("-without-" in one.id and one.stage == stage for one in list_running(lab_store, name)):
            assert child.poll() is None, f"the cycle ended before an ablation's {stage} was seen"
            time.sleep(0.002)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    before = campaign_experiments(lab_store, name)
    if unfinished_cycles(lab_store, name):  # else it was killed right behind its last write
        assert in_cycle(lab, name).startswith(f"{name}-c001"), "a cycle is unfinished while its ablations are"
    assert unfinished_cycles(lab_store, name) == []
    after = {one.id: one for one in campaign_experiments(lab_store, name)}
    assert len(after) == len(before) == 3
    for old in before:
        assert old.stages.items() <= after[old.id].stages.items()
    (one,) = ablations(lab_store, name)
    assert (one.state, len(list_findings(lab_store, name))) == ("done", 2)
    walk = check_chain(lab_store)
    assert walk.faults + check_records(lab_store, walk, name).faults == []
