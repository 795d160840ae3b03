"""Stages on a real store, a real sandbox, real training at the tiny scale and a real MLflow database."""

import json
from pathlib import Path

import pytest

from archdb import (
    Campaign,
    Experiment,
    Store,
    claim,
    create_experiment,
    get_experiment,
    get_report,
    get_text,
    open_campaign,
    set_fields,
    set_panel,
)
from archdb.cognition import index_cognition
from tasks import tracking
from tasks.analyze import analyze
from tasks.benchmark import benchmark
from tasks.codegen import adopt, codegen, repair
from tasks.compile_check import compile_check
from tasks.domain import domain_of
from tasks.gpu_train import finished_training, gpu_train
from tasks.propose import propose
from tasks.sample import sample
from tasks.supervision import work_folder

PANEL = {
    "reference": {"text_bpb": [5.0, 5.1], "recall_loss": [4.0, 4.1], "copy_loss": [3.0, 3.1]},
    "baselines": {
        "gated_deltanet": {"text_bpb": 5.05, "recall_loss": 4.05, "copy_loss": 3.05},
        "gla": {"text_bpb": 5.3, "recall_loss": 4.5, "copy_loss": 3.5},
    },
}


@pytest.fixture
def campaign(store: Store) -> Campaign:
    record = Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays")
    open_campaign(store, record)
    return set_panel(store, "t", PANEL, 60.0)


def external(store: Store, source: str, name: str = "mine") -> tuple[str, int]:
    """An experiment that holds a given source, and our lease on it."""
    one = create_experiment(store, f"t-{name}", campaign="t", kind="external", name=name)
    token = claim(store, one.id)
    assert token is not None
    adopt.fn(one.id, token, source)
    return one.id, token


def layer(forward: str, init: str = "self.o = nn.Linear(d_model, d_model)") -> str:
    return (
        "import torch\nfrom torch import nn\n\n\nclass Candidate(nn.Module):\n"
        f"    def __init__(self, d_model, n_heads, **kwargs):\n        super().__init__()\n        {init}\n\n"
        f"    def forward(self, x):\n        {forward}\n"
    )


def evaluated(store: Store, source: str, name: str = "mine") -> Experiment:
    """Take a source as far as it gets."""
    experiment, token = external(store, source, name)
    if compile_check.fn(experiment, token):
        if gpu_train.fn(experiment, token, 0):
            benchmark.fn(experiment, token, 0)
    else:
        repair.fn(experiment, token, 1)
    return get_experiment(store, experiment)


UNBOUNDED = """
from tasks.bench.free import *
from tasks.bench.free import BenchmarkReport

def benchmark(source, scale, seed, mlp_hidden, weights, folder, launch, split):
    scores = {"text_bpb": 1.0, "recall_loss": float("inf")}
    return BenchmarkReport(scale=scale, seed=seed, split=split, objectives=scores)
"""


def test_a_score_of_any_domain_that_is_no_finite_number_is_a_failure_of_the_design(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unbounded.py").write_text(UNBOUNDED)
    monkeypatch.syspath_prepend(tmp_path)
    open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, domain="unbounded"))
    found = evaluated(store, layer("return self.o(x)"))
    assert found.state == "failed"
    assert found.failure is not None
    assert (found.failure.stage, found.failure.kind) == ("benchmark", "non_finite")
    assert found.failure.message == "Scores are no finite numbers: recall_loss (inf)."


def test_a_design_goes_through_every_stage_once(store: Store, campaign: Campaign) -> None:
    index_cognition(store)
    parent = create_experiment(store, "t-gla", campaign="t", kind="baseline", name="gla")
    source = domain_of("evaluation").baseline_source("gla")
    token = claim(store, parent.id)
    assert token is not None
    adopt.fn(parent.id, token, source)
    gains = dict.fromkeys(PANEL["baselines"]["gla"], -0.2)
    set_fields(store, parent.id, fitness=0.5, gains=gains, state="done")

    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    token = claim(store, one.id)
    assert token is not None
    rounds = []
    for _ in range(2):  # the second round finds everything recorded
        sample.fn(one.id, token)
        propose.fn(one.id, token)
        codegen.fn(one.id, token)
        compile_check.fn(one.id, token)
        gpu_train.fn(one.id, token, 0)
        weights = work_folder(get_experiment(store, one.id), "gpu-train", 0) / "weights.safetensors"
        assert weights.exists()
        benchmark.fn(one.id, token, 0)
        analyze.fn(one.id, token)
        now = get_experiment(store, one.id)
        assert now.state == "done", now.failure
        assert set(now.stages) == {
            "sample:0",
            "propose:0",
            "codegen:0",
            "compile-check:0",
            "gpu-train:0:0",
            "benchmark:0:0",
            "analyze:0",
        }
        rounds.append((now, in_mlflow(now.mlflow_run)))
    assert rounds[0] == rounds[1]
    assert now.parents == ("t-gla",)
    assert now.path == ("t-gla",)
    assert set(now.objectives) == {"text_bpb", "recall_loss", "copy_loss"}
    assert now.fitness is not None
    assert now.code is not None
    assert "class Candidate" in get_text(store, now.code)
    proposal = get_report(store, now.stages["propose:0"].report or "")["body"]
    assert proposal["retrieved"], "the proposal looked nothing up"
    assert now.motivation is not None
    assert "t-gla" in get_text(store, now.motivation)

    known = {"prefill_seconds", "prefill_exponent", "peak_bytes", "training_tokens_per_second", "training_peak_bytes"}
    claimed = {"claimed_flops_per_token", "claimed_training_flops_per_token"}
    assert known | claimed <= set(now.efficiency) <= set(domain_of("evaluation").MEASURES)
    assert "energy_joules_per_token" not in now.efficiency, "this machine's processor has no driver that counts energy"
    scored = get_report(store, now.stages["benchmark:0:0"].report or "")["body"]
    assert scored["efficiency"]["numbers"]["prefill_seconds"] == now.efficiency["prefill_seconds"]
    assert not set(now.gains) & set(now.efficiency)

    client = tracking.client()
    run = client.get_run(now.mlflow_run)
    tags, metrics, params = run.data.tags, run.data.metrics, run.data.params
    assert run.info.status == "FINISHED"
    assert (tags["archloop.experiment"], tags["archloop.parent"], tags["archloop.family"]) == (
        "t-c001",
        "t-gla",
        "t-gla",
    )
    assert tags["mlflow.note.content"] == get_text(store, now.motivation)
    assert {name: params[f"slot.{name}"] for name in now.components} == now.components
    before = get_experiment(store, "t-gla").components
    slots = {slot for slot in now.components if now.components[slot] != before.get(slot)}
    assert {told.partition(":")[0] for told in tags["archloop.changed"].split("; ")} == slots
    for name, value in now.objectives.items():
        assert metrics[f"eval/{name}"] == metrics[f"eval/{name}.s0"] == pytest.approx(value)
        assert metrics[f"step/gain/{name}"] == pytest.approx(now.gains[name] + 0.2)
    assert metrics["efficiency/prefill_seconds"] == pytest.approx(now.efficiency["prefill_seconds"])
    assert (metrics["fitness"], metrics["step/fitness"]) == pytest.approx((now.fitness, now.fitness - 0.5))
    assert metrics["cost/cpu_seconds"] == pytest.approx(now.cpu_seconds)
    curve = client.get_metric_history(now.mlflow_run, "streamed/text_loss.s0")
    assert len({point.step for point in curve}) == len(curve) > 1
    trained = get_report(store, now.stages["gpu-train:0:0"].report or "")["body"]["corpus"]
    data = {one.dataset.name: one for one in run.inputs.dataset_inputs}
    assert json.loads(data[f"{trained['dataset']} train"].dataset.source)["sha256"] == trained["train"]
    assert {"recall seed 0", "recall held out", "copy seed 0", "copy held out"} <= set(data)
    assert trained["holdout"][:36] not in {one.dataset.digest for one in data.values()}
    files = {file.path for file in client.list_artifacts(now.mlflow_run, "design")}
    assert files == {"design/candidate.py", "design/motivation.md", "design/parent.diff"}
    assert len(client.search_runs([run.info.experiment_id], "tags.`archloop.experiment` = 't-c001'")) == 1


def in_mlflow(run: str | None) -> object:
    """All that a run holds."""
    client = tracking.client()
    found = client.get_run(run)
    history = {name: client.get_metric_history(run, name) for name in found.data.metrics}
    points = {name: [(one.timestamp, one.step, one.value) for one in held] for name, held in history.items()}
    return found.to_dictionary(), points, {file.path for file in client.list_artifacts(run, "reports")}


def test_a_finished_training_is_not_repeated_after_a_crash(
    store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, token = external(store, domain_of("evaluation").baseline_source("linear_attention"))
    assert compile_check.fn(experiment, token)

    def broken(*_: object) -> str:
        raise RuntimeError("the worker died here")

    with monkeypatch.context() as patched:
        patched.setattr("tasks.gpu_train._keep_weights", broken)
        with pytest.raises(RuntimeError):
            gpu_train.fn(experiment, token, 0)
    folder = work_folder(get_experiment(store, experiment), "gpu-train", 0)
    first = finished_training(folder, "tiny")
    assert first is not None
    assert gpu_train.fn(experiment, token, 0)
    recorded = get_experiment(store, experiment).stages["gpu-train:0:0"]
    assert get_report(store, recorded.report or "")["body"]["started_at"] == first.started_at


def test_lost_weights_are_fetched_from_mlflow(store: Store, campaign: Campaign) -> None:
    experiment, token = external(store, domain_of("evaluation").baseline_source("linear_attention"))
    assert compile_check.fn(experiment, token)
    assert gpu_train.fn(experiment, token, 0)
    weights = work_folder(get_experiment(store, experiment), "gpu-train", 0) / "weights.safetensors"
    weights.unlink()
    assert benchmark.fn(experiment, token, 0), get_experiment(store, experiment).failure
    assert weights.exists()


@pytest.mark.parametrize(
    ("name", "source", "stage", "kinds"),
    [
        ("raises", layer("raise ValueError('no')"), "compile-check", {"crashed"}),
        ("future", layer("return self.o(x.flip(1))"), "compile-check", {"not_causal"}),
        ("prints", layer("print('{\"loss\": 0.0}' * 9)\n        return self.o(x) + nan"), "compile-check", {"crashed"}),
        ("shape", layer("return self.o(x)[:, :-1]"), "compile-check", {"wrong_shape"}),
        ("nothing", "x = 1\n", "compile-check", {"no_candidate"}),
        (
            "allocates",
            layer("self.kept = [torch.ones(2**24) for _ in range(10**6)]\n        return self.o(x)"),
            "compile-check",
            {"out_of_memory", "crashed", "timed_out"},
        ),
    ],
    ids=lambda one: one if isinstance(one, str) and one.isalpha() else "",
)
def test_a_bad_design_costs_its_own_experiment_only(
    store: Store, campaign: Campaign, name: str, source: str, stage: str, kinds: set[str]
) -> None:
    after = evaluated(store, source, name)
    assert after.state == "failed"
    assert after.failure is not None
    assert after.failure.stage == stage
    assert after.failure.kind in kinds
    assert after.failure.message
    assert after.failure.remedy


def test_a_design_that_hangs_in_training_is_ended_and_kept_as_failed(
    store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = "if len(x) == 8 and self.training:\n            while True: pass\n        return self.o(x)"
    monkeypatch.setattr("tasks.gpu_train.SLOWEST", 5.0 / 60.0)  # five CPU-seconds against the panel's sixty
    after = evaluated(store, layer(hang), "hangs")
    assert after.failure is not None
    assert (after.failure.stage, after.failure.kind) == ("gpu-train", "too_slow")


def test_a_repaired_design_is_a_new_attempt(store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first draft is broken on the way to the checks; the grammar's Engineer writes a different one."""
    one = create_experiment(store, "t-c002", campaign="t", kind="candidate", name="cycle 2", cycle=2)
    token = claim(store, one.id)
    assert token is not None
    sample.fn(one.id, token)
    propose.fn(one.id, token)
    codegen.fn(one.id, token)
    good = get_text(store, get_experiment(store, one.id).code or "")
    bad = good.replace("return self.o(", "return 0 * float('nan') * self.o(")
    bad = bad if bad != good else good.replace("def forward(self, x: Tensor) -> Tensor:\n", NAN_FORWARD)
    assert bad != good
    from archdb import put_text

    set_fields(store, one.id, code=put_text(store, bad))
    assert not compile_check.fn(one.id, token)
    repair.fn(one.id, token, 1)
    after = get_experiment(store, one.id)
    assert after.attempt == 1
    assert after.state == "open"
    assert get_text(store, after.code or "") != bad
    assert compile_check.fn(one.id, token)


NAN_FORWARD = "def forward(self, x: Tensor) -> Tensor:\n        x = x * float('nan')\n"


def test_the_engineer_gives_up_with_the_reason(store: Store, campaign: Campaign, tmp_path: Path) -> None:
    after = evaluated(store, layer("return self.o(x).sum()"), "scalar")
    assert after.state == "failed"
    assert after.stages["codegen:1"].summary == {"gave_up": True}
    assert after.failure == after.stages["compile-check:0"].failure
