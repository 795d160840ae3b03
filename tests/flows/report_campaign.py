"""A small campaign for the tests of the report, recorded through the archive as the stages record theirs."""

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from archdb import (
    Campaign,
    Experiment,
    Failed,
    Finding,
    Running,
    Stage,
    Store,
    claim,
    create_experiment,
    get_campaign,
    get_experiment,
    open_campaign,
    open_store,
    put_report,
    put_text,
    set_panel,
    show_running,
    write_stage,
)
from archdb.cognition import Entry
from archdb.records import document
from archdb.shared_server import detach
from evaluation import BenchmarkReport, CheckReport, Failure, Panel, TrainReport, baseline_source, fitness
from evaluation.reports import Verdict

HOSTILE = "$x^{$ </style></script><script>steal()</script><img src=x onerror=steal()> \x1b\u202e"
PARENT = baseline_source("gated_deltanet")
SCORES = {  # text_bpb, recall_loss, copy_loss of each seed
    "gated_deltanet": [(2.40, 0.90, 0.50), (2.42, 0.96, 0.52), (2.39, 0.93, 0.48)],
    "linear_attention": [(2.70, 2.50, 1.90)],
    "softmax_attention": [(2.41, 0.30, 0.30)],
}
CHANGED = PARENT.replace("TAPS = 4", "TAPS = 8") + f'\nNOTE = "{HOSTILE}"\n'.replace("\x1b", "")
Score = tuple[float, float, float]


@pytest.fixture(scope="module")
def store_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of its own, for the tests of a module that only look at what one campaign gives."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHLOOP_HOME", str(home))
        patch.delenv("ARCHLOOP_MONGODB_URI", raising=False)
        open_store.cache_clear()
        opened = open_store()
        yield opened
        opened.client.close()
        open_store.cache_clear()
        detach(home / "store")


def packed_in(html: str) -> dict[str, Any]:
    """What a report has packed, by name, as the page's script reads it."""
    found = re.findall(r'<script type="application/octet-stream" data-packed="([^"]+)">([^<]*)</script>', html)
    return {name: json.loads(zlib.decompress(base64.b64decode(text))) for name, text in found}


def a_campaign(store: Store, name: str) -> Campaign:
    environment = {"python": "3.11.7", "torch": "2.13.0"}
    return open_campaign(
        store,
        Campaign(id=name, scale="nano", provider="grammar", cycles=9, dataset="books 8c1f", environment=environment),
    )


class Bench:
    """Records an experiment as the stages do: one leased worker, one write a stage."""

    def __init__(self, store: Store, experiment_id: str, **fields: object) -> None:
        self.store, self.id, self.clock = store, experiment_id, 1_700_000_000.0
        fields = {"kind": "candidate", "name": experiment_id} | fields
        create_experiment(store, experiment_id, **fields)  # type: ignore[arg-type]
        token = claim(store, experiment_id)
        assert token is not None
        self.token = token

    def stage(
        self, stage: str, report: object = None, patch: Mapping[str, object] = {}, **fields: object
    ) -> Experiment:
        body = put_report(self.store, type(report).__name__, 1, report.model_dump(mode="json")) if report else None  # type: ignore[attr-defined]
        self.clock += 10
        values = {
            "stage": stage,
            "started_at": self.clock,
            "seconds": 9.5,
            "report": body,
            "flow_run": "flow-7",
        } | fields
        return write_stage(self.store, self.id, Stage.model_validate(values), self.token, **patch)

    def write(self, source: str, attempt: int = 0, note: str = "") -> None:
        patch = {"code": put_text(self.store, source), "attempt": attempt}
        self.stage("codegen", attempt=attempt, summary={"note": note}, patch=patch)

    def check(self, failure: Failure | None = None, attempt: int = 0, evidence: str = "40 cuts agree to 3e-07") -> None:
        verdict = Verdict(property="causality", verdict="fail" if failure else "pass", evidence=evidence)
        report = CheckReport(scale="nano", verdicts=(verdict,), parameters=139_876, reference_parameters=140_000,
                             sandbox={"seccomp": "on (37 calls)"}, failure=failure, cpu_seconds=5.0)  # fmt: skip
        failed = Failed(stage="compile-check", **failure.model_dump()) if failure else None
        self.stage("compile-check", report, summary={"cpu_seconds": 5.0}, attempt=attempt, failure=failed)

    def evaluate(self, seeds: list[Score], attempt: int = 0) -> None:
        names = ("text_bpb", "recall_loss", "copy_loss")
        for seed, values in enumerate(seeds):
            curves = {
                "text": tuple((step, 5.5 / step**0.2) for step in range(1, 150, 5)),
                "recall": ((1, 4.0), (450, 0.2)),
            }
            trained = TrainReport(
                scale="nano", seed=seed, parameters=139_876, tokens=2_150_400, cpu_seconds=70.0, curves=curves
            )
            self.stage("gpu-train", trained, {"mlflow_run": f"run-{self.id}"}, attempt=attempt, seed=seed,
                       summary={"cpu_seconds": 70.0})  # fmt: skip
            objectives = dict(zip(names, values, strict=True))
            scored = BenchmarkReport(scale="nano", seed=seed, objectives=objectives, cpu_seconds=4.0)
            self.stage(
                "benchmark", scored, attempt=attempt, seed=seed, summary={"objectives": objectives, "cpu_seconds": 4.0}
            )
        means = {name: sum(column) / len(seeds) for name, column in zip(names, zip(*seeds, strict=True), strict=True)}
        efficiency = {"decode_seconds": 0.00125, "claimed_state_bytes_per_layer": 10_496.0}
        details = {"recall_16_accuracy": 0.875}
        self.stage("score", patch={"objectives": means, "details": details, "efficiency": efficiency})

    def close(self, campaign: str, analysis: str = "") -> None:
        panel = get_campaign(self.store, campaign).panel
        found = fitness(get_experiment(self.store, self.id).objectives, Panel.model_validate(panel))
        gains = {name: gain.normalised for name, gain in found.gains.items()}
        patch = {"state": "done", "finished_at": self.clock, "fitness": found.value, "gains": gains}
        self.stage("analyze", found, patch | {"analysis": put_text(self.store, analysis)})


def seed_baselines(store: Store, campaign: str) -> None:
    benches = []
    for name, seeds in SCORES.items():
        tags = {"gated_deltanet": ("reference",), "softmax_attention": ("quadratic",)}.get(name, ())
        bench = Bench(store, f"{campaign}-{name}", campaign=campaign, kind="baseline", name=name, tags=tags,
                      seeds=tuple(range(len(seeds))))  # fmt: skip
        bench.write(baseline_source(name))
        bench.check()
        bench.evaluate(seeds)
        benches.append(bench)
    records = {name: get_experiment(store, f"{campaign}-{name}").objectives for name in SCORES}
    columns = zip(*SCORES["gated_deltanet"], strict=True)
    reference = dict(zip(records["gated_deltanet"], map(list, columns), strict=True))
    set_panel(store, campaign, {"reference": reference, "baselines": records}, 70.0)
    for bench in benches:
        bench.close(campaign)


def record_lab(store: Store) -> Campaign:
    """Baselines, a hostile design that was repaired and did well, one that failed, and one in training."""
    a_campaign(store, "lab")
    store.entries.insert_one(
        document(Entry(id="notes-1", title=f"Notes of a newcomer {HOSTILE}", passages=("Rotate.",)))
    )
    seed_baselines(store, "lab")
    root = ["lab-gated_deltanet"]
    good = Bench(store, "lab-c001", campaign="lab", cycle=1)
    motivation = (
        f"# Big\n\n{HOSTILE}\n\n[x](javascript:steal()) ![y](http://evil.example/y.png) [ok](https://ok.example/)"
    )
    proposal = {
        "query": f"recall {HOSTILE}",
        "retrieved": ["arXiv:2412.06464", "notes-1", "lab-c000/finding-0"],
        "used": ["decay=fixed"],
    }
    proposed = {
        "parents": [*root, "lab-linear_attention"],
        "path": root,
        "name": HOSTILE,
        "motivation": put_text(store, motivation),
        "components": {"decay": "fixed", HOSTILE: HOSTILE},
    }
    good.stage("propose", summary=proposal, patch=proposed)
    good.write(CHANGED)
    good.check(Failure(kind="not_causal", message=f"Output 17 moves {HOSTILE}", remedy="Mask it."), evidence=HOSTILE)
    good.write(CHANGED, attempt=1, note=f"mended {HOSTILE}")
    good.check(attempt=1)
    good.evaluate([(2.30, 0.90, 0.20)], attempt=1)
    good.close("lab", analysis=f"It **helped** {HOSTILE}")
    bad = Bench(store, "lab-c002", campaign="lab", cycle=2, name="Sluggish-02")
    bad.stage("sample", patch={"parents": ["lab-c001"], "path": [*root, "lab-c001"]})
    bad.write(PARENT)
    slow = Failed(
        stage="gpu-train", kind="too_slow", message="It used 211 CPU-seconds.", remedy="Use the chunked kernels."
    )
    patch = {"state": "failed", "finished_at": bad.clock, "failure": slow}
    bad.stage("gpu-train", summary={"cpu_seconds": 211.0}, failure=slow, seed=0, patch=patch)
    Bench(store, "lab-c003", campaign="lab", cycle=3, name="Pending-03")
    show_running(
        store,
        Running(id="lab-c003", campaign="lab", stage="gpu-train", since=0, at=0, task="recall", step=210, steps=450),
    )
    rows = [
        Finding(
            id="f1", campaign="lab", text=f"A fixed decay helped {HOSTILE}", evidence=("lab-c001", *root), effect=0.25
        ),
        Finding(id="f2", campaign="lab", text="Copying got worse.", evidence=("lab-c001",), effect=-0.75),
        Finding(id="f3", campaign="lab", text="Sluggish failed.", evidence=("lab-c002",), effect=-0.5),
    ]
    store.findings.insert_many([row.model_dump(by_alias=True) for row in rows])
    return get_campaign(store, "lab")
