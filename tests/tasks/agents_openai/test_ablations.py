"""The Analyst on a model asks for knock-outs: by the names that it was shown, and no others."""

from archdb import (
    Analysed,
    Campaign,
    Experiment,
    Store,
    claim,
    code_versions,
    get_experiment,
    get_text,
    put_text,
    record_once,
    set_fields,
    unfinished_cycles,
)
from evaluation import baseline_source
from tasks.ablate import knock_out
from tasks.analyze import analyze
from tasks.codegen import codegen
from tasks.propose import propose
from tests.tasks.agents_openai.answers import idea, reading, whole
from tests.tasks.agents_openai.test_cycle import begun, shown
from tests.tasks.models.server import ModelServer

SCORES = {"text_bpb": 4.5, "recall_loss": 4.0, "copy_loss": 3.0}
ASKED = ["a second brain", "Output gate", "decay"]


def scored(store: Store) -> int:
    """A cycle that wrote the reference's program, with scores as if it had been trained."""
    token = begun(store)
    propose.fn("t-c001", token)
    codegen.fn("t-c001", token)
    set_fields(store, "t-c001", objectives=SCORES)
    return token


def test_known_components_are_knocked_out_and_others_are_told(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    store.campaigns.update_one({"_id": "t"}, {"$set": {"ablations": 1}})
    server.say(idea(), whole(baseline_source("gated_deltanet")), reading(ablations=ASKED))
    token = scored(store)
    analyze.fn("t-c001", token)
    assert "- `short convolution`" in shown(server, 2)
    assert "at most 1 of the components" in shown(server, 2)
    after = get_experiment(store, "t-c001")
    told = get_text(store, after.analysis or "")
    assert "cannot be run here: a_second_brain." in told
    assert "To be knocked out, at equal parameters and on the same seeds: output gate." in told, "one is the limit"
    asked = {"t-c001-without-output-gate": "output gate"}
    assert after.stages["analyze:0"].summary["ablations"] == asked
    assert unfinished_cycles(store, "t") == [1]

    one = "t-c001-without-output-gate"
    mine = claim(store, one)
    assert mine is not None
    knock_out.fn(one, mine)
    knock_out.fn(one, mine)
    (written,) = code_versions(store, one)
    assert (written.origin, written.note) == ("ablation", "without output gate, by its own ABLATIONS")
    assert get_text(store, written.sha256).startswith(get_text(store, after.code or "").rstrip())
    assert "kwargs | {'use_gate': False}" in get_text(store, written.sha256)
    assert len(server.calls) == 3, "nobody is asked to write what text can say"


def test_a_campaign_without_ablations_offers_none(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    server.say(idea(), whole(baseline_source("gated_deltanet")), reading(ablations=ASKED))
    analyze.fn("t-c001", scored(store))
    assert "short convolution`" not in shown(server, 2)
    after = get_experiment(store, "t-c001")
    assert "cannot be run here: a_second_brain, output_gate, decay." in get_text(store, after.analysis or "")
    assert "ablations" not in after.stages["analyze:0"].summary
    assert store.experiments.count_documents({"kind": "ablation"}) == 0


def test_the_ablations_of_a_first_try_are_kept(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer
) -> None:
    store.campaigns.update_one({"_id": "t"}, {"$set": {"ablations": 1}})
    server.say(idea(), whole(baseline_source("gated_deltanet")), reading(ablations=ASKED))
    token = scored(store)
    first, text = {"t-c001-without-decay": "decay"}, put_text(store, "As the first try had it.")
    record_once(store, Analysed(id="t-c001", campaign="t", text=text, ablations=first))  # then its worker was killed
    analyze.fn("t-c001", token)
    after = get_experiment(store, "t-c001")
    assert after.stages["analyze:0"].summary["ablations"] == first
    assert after.analysis == text
    assert [one["_id"] for one in store.experiments.find({"kind": "ablation"})] == list(first)
