"""What can be taken out of a design: read from untrusted text, composed by the grammar, and really taken out."""

import ast
from pathlib import Path

import pytest

from archdb import Campaign, Experiment
from evaluation import baseline_source, check
from tasks.agents.declared import applied, declared, knock_outs
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.reading import read_design
from tasks.agents.grammar.roles import grammar_agents
from tasks.agents.grammar.space import Design, canonical
from tasks.agents.protocols import Peer
from tasks.asked_ablations import asked_for, possible
from tasks.sandbox.jail import jail

REFERENCE = baseline_source("gated_deltanet")
DESIGN = canonical(
    Design(memory_rule="delta", decay="per_head", short_conv="qkv4", output_gate="silu", timescales="two", rank="low")
)
EMPTY = "class Candidate: pass\n"


def peer(source: str, name: str = "t-c001") -> Peer:
    return Peer(id=name, name="Fine-01", kind="candidate", source=source)


def test_the_references_own_table_is_read() -> None:
    assert declared(REFERENCE)["short convolution"] == {"use_conv": False}
    assert set(declared(REFERENCE)) == {"decay", "short convolution", "output gate"}


@pytest.mark.parametrize(
    "table",
    [
        "{'a': open('/tmp/ablations-were-run', 'w').write('x')}",
        "{'a': {'use_gate': [].append}}",
        "dict(a={'use_gate': False})",
        "{'a': {'d_model': 1}}",
        "{'a': {'__x-y': 1}}",
        "{'a': {}}",
        "{'a': False}",
        "{'a\\n': {'use_gate': False}}",
        "{('a',): {'use_gate': False}}",
        "{'a': {'scale': 1e999}}",
        "{'a' * 3: {'use_gate': False}}",
        "(" * 5000 + ")" * 5000,
        "",
    ],
)
def test_what_is_no_plain_table_is_none(table: str) -> None:
    assert declared(f"{EMPTY}ABLATIONS = {table}\n") == {}
    assert not Path("/tmp/ablations-were-run").exists()


def test_a_program_that_does_not_parse_has_no_knock_outs() -> None:
    assert declared("class Candidate(\n") == {}
    assert declared("ABLATIONS = {'a': {'b': 1}}\nclass DeltaNet: pass\n") == {}


def test_a_design_that_names_its_class_to_super_has_none() -> None:
    named = REFERENCE.replace("super().__init__()", "super(Candidate, self).__init__()")
    assert named != REFERENCE
    assert declared(named) == {}


def test_a_name_cannot_end_the_text_that_it_stands_in() -> None:
    source = f"{EMPTY}ABLATIONS = {{'a\"\"\"\\\\': {{'gate': 'x\"\"\"'}}}}\n"
    ((name, draft),) = knock_outs(peer(source)).items()
    assert name == 'a"""\\'
    last = ast.parse(draft.source).body[-1]
    assert isinstance(last, ast.ClassDef)
    assert ast.get_docstring(last) == "The same design, knocked out: a."


@pytest.mark.slow
@pytest.mark.parametrize("component", sorted(declared(REFERENCE)))
def test_a_knock_out_of_the_reference_passes_every_check(component: str, tmp_path: Path) -> None:
    whole = check(REFERENCE, "tiny", tmp_path / "whole", jail())
    without = applied(REFERENCE, component, declared(REFERENCE)[component])
    found = check(without, "tiny", tmp_path / "without", jail())
    assert found.failure is None, found.failure
    assert abs(found.parameters - found.reference_parameters) <= 0.02 * found.reference_parameters
    assert found.mixer_parameters < whole.mixer_parameters  # something is gone, and the MLP has its parameters
    assert found.mlp_hidden > whole.mlp_hidden
    assert "decoding" in {one.property for one in found.verdicts if one.verdict == "pass"}


def test_the_grammar_composes_a_design_without_each_component() -> None:
    engineer = grammar_agents().engineer
    found = engineer.knock_outs(peer(compose(DESIGN, "Fine-01", "")))
    assert set(found) == {"decay", "short_conv", "output_gate", "timescales"}, "the delta rule keeps its unit keys"
    for slot, draft in found.items():
        less = read_design(draft.source)
        assert less is not None
        assert getattr(less, slot) in ("none", "one", "identity")
        assert draft.components == less.choices
    assert found["decay"].components["timescales"] == "one", "two speeds of no decay mean nothing"
    assert engineer.knock_outs(peer(REFERENCE, "t-x")) == {}


def test_what_is_the_parents_program_is_not_tried_again() -> None:
    engineer = grammar_agents().engineer
    campaign = Campaign(id="t", scale="tiny", provider="grammar", cycles=1, ablations=2)
    scored = Experiment(id="t-c001", campaign="t", kind="candidate", name="Fine-01", fitness=0.5)
    design = peer(compose(DESIGN, "Fine-01", ""))
    parent = peer(engineer.knock_outs(design)["short_conv"].source, "t-c000")
    able = possible(campaign, scored, engineer, design, [parent])
    assert set(engineer.knock_outs(design)) - set(able) == {"short_conv"}
    asked = ("memory_rule", "short_conv", "decay", "output_gate", "timescales")
    assert asked_for(campaign, "t-c001", asked, able) == {
        "t-c001-without-decay": "decay",
        "t-c001-without-output-gate": "output_gate",
    }
    for update in ({"kind": "baseline"}, {"kind": "external"}, {"fitness": None}):
        assert possible(campaign, scored.model_copy(update=update), engineer, design, []) == {}
    none = campaign.model_copy(update={"ablations": 0})
    assert possible(none, scored, engineer, design, []) == {}
