"""The three roles through the real stages: a real store, a real server, real checks."""

import pytest

from archdb import (
    Campaign,
    Experiment,
    Store,
    claim,
    code_versions,
    create_experiment,
    get_experiment,
    get_report,
    get_text,
    list_calls,
)
from archdb.cognition import index_cognition, list_findings
from tasks.analyze import analyze
from tasks.benchmark import benchmark
from tasks.codegen import codegen, repair
from tasks.compile_check import compile_check
from tasks.gpu_train import gpu_train
from tasks.propose import propose
from tasks.sample import sample
from tests.tasks.agents_openai.answers import BROKEN, DECAY, MENDED, edit, idea, reading, whole
from tests.tasks.models.server import ModelServer

ROUND = (idea(), edit(DECAY[:-1] + " ", BROKEN), edit(DECAY, BROKEN), edit(BROKEN, MENDED))


def begun(store: Store, name: str = "t-c001") -> int:
    create_experiment(store, name, campaign="t", kind="candidate", name="cycle 1", cycle=1)
    token = claim(store, name)
    assert token is not None
    sample.fn(name, token)
    return token


def until_checked(token: int) -> None:
    propose.fn("t-c001", token)
    codegen.fn("t-c001", token)
    assert not compile_check.fn("t-c001", token)
    repair.fn("t-c001", token, 1)
    assert compile_check.fn("t-c001", token)


def shown(server: ModelServer, call: int) -> str:
    return "\n".join(one["content"] for one in server.calls[call].body["messages"])


def test_a_design_is_proposed_written_mended_and_explained(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    index_cognition(store)
    server.say(*ROUND, reading())
    token = begun(store)
    until_checked(token)
    analyze.fn("t-c001", token)
    once = get_experiment(store, "t-c001")
    propose.fn("t-c001", token)  # done again, nobody is asked
    analyze.fn("t-c001", token)
    after = get_experiment(store, "t-c001")
    assert after == once
    assert [(one.role, one.number) for one in list_calls(store, "t-c001")] == [
        ("researcher", 0), ("engineer", 0), ("engineer", 1), ("engineer", 2), ("analyst", 0),
    ]  # fmt: skip
    assert all(one.template_sha256 for one in list_calls(store, "t-c001"))
    assert len(server.calls) == 5

    assert after.name == "Squashed-Decay"
    assert after.components["decay"] == "per_channel_squashed"
    assert after.components.items() >= {key: one for key, one in parent.components.items() if key != "decay"}.items()
    proposal = get_report(store, after.stages["propose:0"].report or "")["body"]
    assert proposal["used"] == ["t-gla"]
    assert "nothing of that name was shown: /etc/passwd" in proposal["motivation"]
    assert proposal["predictions"] == [{"objective": "recall_loss", "change": 0.3, "confidence": 0.7}]
    assert "S_{t-1}" in proposal["mechanism"]
    assert "language modelling loss on text" in proposal["query"]
    assert "gla: memory rule linear" in proposal["query"]
    assert proposal["retrieved"]

    first, second = code_versions(store, "t-c001")
    assert BROKEN in get_text(store, first.sha256)
    assert MENDED in get_text(store, second.sha256)
    assert "does not match" in shown(server, 2)
    assert DECAY in shown(server, 2)
    assert "not_causal" in shown(server, 3)
    assert "recall_loss: +0.30 against the parent" in shown(server, 4), "the Analyst sees what was predicted"

    (finding,) = list_findings(store, "t")
    assert finding.evidence == ("t-c001", "t-gla")
    assert finding.components == ("decay=per_channel_squashed",)
    assert (finding.effect, finding.objective) == (-5.0, "")
    told = get_text(store, after.analysis or "")
    assert "2 lessons were left out" in told
    assert "output_gate" in told


def test_a_refusal_is_the_designs_failure(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    server.do("refusal")
    token = begun(store)
    propose.fn("t-c001", token)
    after = get_experiment(store, "t-c001")
    assert after.failure is not None
    assert (after.failure.stage, after.failure.kind) == ("propose", "refused")
    assert after.failure.remedy
    codegen.fn("t-c001", token)
    analyze.fn("t-c001", token)  # nothing was written: nobody is asked about it
    assert len(server.calls) == 1
    assert "refused" in get_text(store, get_experiment(store, "t-c001").analysis or "")


def test_a_silent_analyst_fails_no_design(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    server.say(*ROUND)
    server.do("refusal")
    token = begun(store)
    until_checked(token)
    analyze.fn("t-c001", token)
    after = get_experiment(store, "t-c001")
    assert (after.state, after.failure) == ("done", None)
    assert "The Analyst gave no answer" in get_text(store, after.analysis or "")
    assert not list_findings(store, "t")


def test_edits_that_never_fit_fail_the_design(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    server.say(idea(), edit("nothing like this", ""), edit("import torch", "import math"))
    token = begun(store)
    propose.fn("t-c001", token)
    codegen.fn("t-c001", token)
    failure = get_experiment(store, "t-c001").failure
    assert failure is not None
    assert (failure.stage, failure.kind) == ("codegen", "edits_failed")
    assert "occur 2 times" in failure.message
    assert len(server.calls) == 3


@pytest.mark.parametrize("again", ["the last", "an earlier"])
def test_a_repair_that_repeats_itself_ends_the_loop(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer, again: str
) -> None:
    other = BROKEN.replace("-1, 1", "-2, 1")
    fourth = edit(other, f"pass  # as it was\n        {BROKEN if again == 'an earlier' else other}")
    server.say(idea(), edit(DECAY, BROKEN), edit(BROKEN, other), fourth)
    token = begun(store)
    propose.fn("t-c001", token)
    codegen.fn("t-c001", token)
    for attempt in (1, 2):
        assert not compile_check.fn("t-c001", token)
        repair.fn("t-c001", token, attempt)
    after = get_experiment(store, "t-c001")
    assert after.stages["codegen:2"].summary == {"gave_up": True}
    assert after.failure is not None
    assert after.failure.kind == "not_causal"
    assert "What was rejected before" in shown(server, 3)


def test_a_whole_source_may_come_in_a_fence(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    source = get_text(store, parent.code or "").replace(DECAY, MENDED)
    server.say(idea(), whole(f"```python\n{source}```"))
    token = begun(store)
    propose.fn("t-c001", token)
    codegen.fn("t-c001", token)
    assert get_text(store, get_experiment(store, "t-c001").code or "") == source


@pytest.mark.slow
def test_a_whole_cycle(store: Store, campaign: Campaign, parent: Experiment, server: ModelServer) -> None:
    server.say(*ROUND, reading())
    token = begun(store)
    until_checked(token)
    assert gpu_train.fn("t-c001", token, 0)
    assert benchmark.fn("t-c001", token, 0)
    analyze.fn("t-c001", token)
    after = get_experiment(store, "t-c001")
    assert (after.state, after.failure) == ("done", None)
    assert after.fitness is not None
    assert "standard error" in shown(server, 4)
    assert list_findings(store, "t")
