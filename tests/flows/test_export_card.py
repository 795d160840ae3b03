"""The card of a package says what went wrong as well, and words of others do nothing in it."""

import re
from typing import Any

from archdb import (
    Campaign,
    Experiment,
    Failed,
    Stage,
    Store,
    create_experiment,
    get_experiment,
    open_campaign,
    put_report,
    put_text,
    set_fields,
)
from evaluation import BenchmarkReport, CheckReport, Report, TrainReport, Verdict, objectives_of
from flows.export.card import card
from flows.export.evidence import evidence_of

EVIL = "a | <b onclick=x>https://evil.example `code` *bold* _it_ $x$ ![i](http://e.example)\n# www.e.example\u202e"
SHOWN = "`a \u00a6 <b onclick=x>https://evil.example 'code' *bold* _it_ $x$ ![i](http://e.example) # www.e.example`"
SOURCE = "import math\nfrom einops import rearrange\n\n\nclass Candidate:\n    ...\n"


def written(store: Store, name: str = "Plain", decoding: Verdict | None = None, **fields: Any) -> str:
    """The card of a design with seeds 1 and 2, of which the first was scored and the second was not."""
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=9, dataset="plays"))
    create_experiment(store, "t-c001", campaign="t", kind="candidate", name=name, cycle=1, seeds=(1, 2))
    causal = Verdict(property="causality", verdict="pass", evidence=EVIL)
    objectives = dict.fromkeys(objectives_of("tiny"), 1.5)
    reports: dict[tuple[str, int | None], Report] = {
        ("compile-check", None): CheckReport(scale="tiny", verdicts=(causal, decoding) if decoding else (causal,)),
        ("gpu-train", 1): TrainReport(scale="tiny", seed=1, corpus={"dataset": "plays"}, weights_sha256="0" * 64),
        ("gpu-train", 2): TrainReport(scale="tiny", seed=2, corpus={"dataset": "plays"}, weights_sha256="1" * 64),
        ("benchmark", 1): BenchmarkReport(scale="tiny", seed=1, objectives=objectives),
    }
    stages = [
        Stage(
            stage=stage,
            seed=seed,
            started_at=0,
            seconds=1,
            summary={"objectives": objectives} if stage == "benchmark" else {},
            report=put_report(store, type(one).__name__, 1, one.model_dump(mode="json")),
        )
        for (stage, seed), one in reports.items()
    ]
    recorded = {one.key: one.model_dump() for one in stages}
    set_fields(store, "t-c001", stages=recorded, code=put_text(store, SOURCE), **fields)
    design: Experiment = get_experiment(store, "t-c001")
    return card(evidence_of(store, campaign, design, 1), campaign, design, 1, "text", 64, {"torch": "2"})


def test_only_seeds_that_were_scored_count_and_a_failure_is_told(store: Store) -> None:
    failure = Failed(stage="benchmark", kind="non_finite", message=EVIL, remedy="Mend it.")
    told = written(store, state="failed", failure=failure.model_dump())
    assert "Seeds that were scored: 1; the weights here are of seed 1." in told
    missing = told.split("## What was not shown")[1]
    assert f"it failed in benchmark, {SHOWN}" in missing
    assert "How good it is on all of its seeds: 2 of 2 has no score." in missing
    assert "How much its scores vary: one seed was scored" in missing
    assert "its evaluation is not over" not in missing


def test_words_of_others_are_code_and_end_no_cell(store: Store) -> None:
    told = written(store, EVIL)
    assert f"# {SHOWN} (t-c001)\n" in told
    assert f"| causality | pass | {SHOWN} |\n" in told
    assert "its evaluation is not over" in told
    plain = re.sub(r"`[^`\n]*`", "", told)
    for sign in ("<b", "evil.example", "*bold*", "_it_", "$x$", "\u202e"):
        assert sign not in plain, sign


def test_the_card_names_packages_and_whether_the_design_decodes(store: Store) -> None:
    offered = Verdict(property="decoding", verdict="pass", evidence="step equals forward", numbers={"state_bytes": 64})
    told = written(store, decoding=offered)
    assert "It needs einops, torch, transformers; neither archloop nor Triton." in told
    assert "one by one, in constant memory" in told, (
        "costs say nothing where decoding fails in float32, and yet it is offered"
    )
    assert "offers no `step`" not in told


def test_a_design_without_step_is_told_as_that(store: Store) -> None:
    told = written(store, decoding=Verdict(property="decoding", verdict="pass", evidence="not offered"))
    assert "The design offers no `step`" in told
