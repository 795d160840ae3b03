"""What makes two programs the same, near or different, and what a campaign makes of it."""

import ast
import json
import random
import types
from pathlib import Path

import pytest
import torch

from archdb import (
    Campaign,
    CodeVersion,
    Experiment,
    Store,
    claim,
    create_experiment,
    get_experiment,
    ideas_since,
    open_campaign,
    put_text,
    record_code,
    set_fields,
)
from evaluation import baseline_source, baselines
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.numbered import numbered_designs
from tasks.agents.grammar.space import neighbours
from tasks.agents.protocols import Proposal, Question
from tasks.novelty import NEAR, NEAR_IDEA, Novelty, judge, keep_fingerprint, repeated_idea
from tasks.novelty.bench.clones import clones
from tasks.novelty.bench.study import chosen_threshold
from tasks.novelty.canonical import Unreadable, canonical
from tasks.novelty.fingerprint import read, similarity
from tasks.novelty.motivations import closest_motivation
from tasks.novelty.names import is_hook

LAYER = """
import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPS = 4


class Candidate(nn.Module):
    '''A layer.'''

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        self.proj = nn.Linear(d_model, d_model)
        self.register_buffer("decay", torch.ones(TAPS))

    def forward(self, x: Tensor) -> Tensor:
        y = self._mixed(x)
        return F.silu(y) * self.decay.mean()

    def _mixed(self, x: Tensor) -> Tensor:
        z = self.proj(x)  # a comment
        return z + x
"""


def edited(*changes: tuple[str, str]) -> str:
    text = LAYER
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    "changes",
    [
        [("z", "mixed_at_last"), ("y", "out")],
        [("self.proj", "self.first_layer"), ("_mixed", "_through")],
        [("self.decay", "self.rates"), ('"decay"', '"rates"')],
        [("TAPS = 4\n", ""), ("TAPS", "4")],
        [("F.silu", "torch.nn.functional.silu"), (": Tensor", ""), (" -> Tensor", "")],
        [("super()", "super(Candidate, self)"), ("'''A layer.'''", "'''Another text.'''")],
        [("class Candidate", "UNUSED = {'a': 1}\n\n\nclass Candidate")],
        [("        return z + x", "        return z + x\n        raise ValueError('never')")],
    ],
)
def test_names_and_layout_leave_no_trace(changes: list[tuple[str, str]]) -> None:
    if changes[0][0] == "z":  # whole words only
        tree = ast.parse(LAYER)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                node.id = dict(changes).get(node.id, node.id)
        assert read(ast.unparse(tree)).exact == read(LAYER).exact
    else:
        assert read(edited(*changes)).exact == read(LAYER).exact


@pytest.mark.parametrize(
    "changes",
    [
        [("TAPS = 4", "TAPS = 5")],
        [("F.silu", "F.gelu")],
        [("z + x", "z - x")],
        [("z + x", "z + z")],
        [("z + x", "x + x")],
        [(".mean()", ".sum()")],
        [("d_model, d_model)", "d_model, d_model, bias=False)")],
        [("n_heads: int", "heads: int")],  # part of the contract
        [("torch.ones(TAPS)", "torch.ones(TAPS), persistent=False")],
        [("F.silu(y)", "F.silu(x)")],
        [("nn.Module", "nn.Sequential")],
        [("4\n", "4.0\n")],
    ],
)
def test_what_changes_the_program_changes_its_hash(changes: list[tuple[str, str]]) -> None:
    assert read(edited(*changes)).exact != read(LAYER).exact


@pytest.mark.parametrize(
    ("one", "other"),
    [  # each pair would be one if a name were taken for free that is not
        ("self.a = nn.ReLU(); self.b = nn.GELU(); return self.inner.a(x)",
         "self.b = nn.ReLU(); self.a = nn.GELU(); return self.inner.a(x)"),
        ("self.norm = 2; return x.norm() * self.norm", "self.square = 2; return x.square() * self.square"),
        ("self.a = 1; self.b = 2; return x * getattr(self, 'a')",
         "self.b = 1; self.a = 2; return x * getattr(self, 'a')"),
        ("self.a = 1; self.b = 2; n = 'a'; return x * getattr(self, n)",
         "self.b = 1; self.a = 2; n = 'a'; return x * getattr(self, n)"),
        ("f = lambda u, w: u - w; return f(u=x, w=1)", "f = lambda w, u: w - u; return f(u=x, w=1)"),
        ("return [x for x in x][0]", "return [y for x in x for y in x][0]"),
        ("self.training = 0; return x", "self.other = 0; return x"),
    ],
)  # fmt: skip
def test_a_name_that_is_reached_otherwise_is_kept(one: str, other: str) -> None:
    shape = "from torch import nn\nclass Candidate(nn.Module):\n    def forward(self, x):\n        {}\n"
    assert read(shape.format(one)).exact != read(shape.format(other)).exact


def test_torch_s_own_names_are_known() -> None:
    names = {*dir(torch.nn.Module), *vars(torch.nn.Module())}
    own = {name for name in names if not is_hook(name) and not name.startswith("___")}  # a mark that dynamo may leave
    assert not own, f"add these to tasks/novelty/names.py: {sorted(own)}"


@pytest.mark.parametrize("text", ["def f(:", "x = " + "(" * 5000, "\0", "x = " + "-" * 20000 + "1"])
def test_what_is_no_program_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Unreadable):
        canonical(text)


def test_every_single_slot_and_every_baseline_is_a_program_of_its_own() -> None:
    designs = {compose(one, "n", "") for start in numbered_designs(4) for one in (start, *neighbours(start))}
    sources = [*designs, *map(baseline_source, baselines())]
    assert len({read(one).exact for one in sources}) == len(sources)


@pytest.mark.parametrize("number", [1, 5, 9])
def test_planted_clones_compute_what_their_original_does(number: int) -> None:
    source = compose(numbered_designs(number)[-1], "n", "")
    found = clones(source, random.Random(number))
    assert len(found) >= 10
    expected = computed(source)
    for kind, text in found.items():
        assert torch.equal(computed(text), expected), kind
    for kind in ("renamed", "reformatted", "commented", "methods moved", "dead method", "imports restyled"):
        assert read(found[kind]).exact == read(source).exact, kind
    for kind in ("temporary", "rewritten"):
        assert 0.7 < similarity(read(found[kind]).shingles, read(source).shingles) < 1, kind


def computed(source: str) -> torch.Tensor:
    module = types.ModuleType("clone")
    exec(compile(source, "clone.py", "exec"), module.__dict__)
    torch.manual_seed(0)
    layer = module.Candidate(32, 4)
    return layer(torch.randn(2, 24, 32)).detach()


def test_the_thresholds_in_use_are_those_that_were_measured() -> None:
    kept = json.loads((Path(__file__).parents[2] / "docs/results/novelty.json").read_text())
    assert kept["code"]["threshold"] == NEAR
    assert kept["ideas"]["threshold"] == NEAR_IDEA
    assert kept["edits_called_same"]["count"] == 0
    assert kept["edits_called_same"]["of"] > 1000


def test_the_chosen_threshold_has_the_fewest_errors() -> None:
    assert 0.6 < chosen_threshold({"a": [0.7, 0.9], "b": [0.8]}, {"c": [0.1, 0.6]}) <= 0.7


@pytest.fixture
def campaign(store: Store) -> Campaign:
    record = Campaign(id="t", scale="tiny", provider="grammar", cycles=9, dataset="plays")
    open_campaign(store, record)
    return record


def drafted(store: Store, number: int, source: str, attempt: int = 0, of: str = "t") -> tuple[Experiment, CodeVersion]:
    name = f"{of}-c{number:03d}"
    one = create_experiment(store, name, campaign=of, kind="candidate", name=f"cycle {number}", cycle=number)
    return one, record_code(store, source, one, attempt, "codegen")


def test_a_twin_is_the_same_and_judging_again_says_so_again(store: Store, campaign: Campaign) -> None:
    first, other = drafted(store, 1, LAYER), drafted(store, 2, edited(("self.proj", "self.own")))
    assert judge(store, *first).answer == "new"
    for _ in range(2):
        assert judge(store, *first) == Novelty(answer="new")
        assert judge(store, *other) == Novelty(answer="same", twin="t-c001", similarity=1.0)
    elsewhere = drafted(store, 1, LAYER, of="u")
    assert judge(store, *elsewhere).answer == "new"  # another campaign has a search of its own


def test_a_repair_is_no_twin_of_its_own_earlier_attempts(store: Store, campaign: Campaign) -> None:
    one, kept = drafted(store, 1, LAYER)
    again = record_code(store, LAYER + "\n", one, 1, "repair")
    assert judge(store, one, kept).answer == "new"
    assert judge(store, one, again).answer == "new"


def test_of_two_that_write_one_program_at_once_exactly_one_goes_on(store: Store, campaign: Campaign) -> None:
    both = [drafted(store, number, LAYER) for number in (1, 2)]
    for pair in both:  # both are kept before either looks
        keep_fingerprint(store, *pair)
    assert sorted(judge(store, *pair).answer for pair in both) == ["new", "same"]


def test_a_near_design_goes_on_with_its_twin_named(store: Store, campaign: Campaign) -> None:
    one, other = numbered_designs(2)
    source = compose(one, "n", "")
    near = source.replace("head_dim = d_model // n_heads", "head_dim = d_model // n_heads + 1", 1)
    judge(store, *drafted(store, 1, source))
    found = judge(store, *drafted(store, 2, near))
    assert (found.answer, found.twin) == ("near", "t-c001")
    assert found.similarity is not None
    assert NEAR <= found.similarity < 1
    assert judge(store, *drafted(store, 3, compose(other, "n", ""))).answer == "new"
    assert judge(store, *drafted(store, 4, "def f(:")).answer == "unreadable"


def test_the_nearest_motivation_of_an_older_design_is_named(
    store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"Replace the {part} so that {aim}." for part in ("gate", "decay", "norm", "keys") for aim in (
        "old facts are forgotten", "copies stay apart", "the state stays small")]  # fmt: skip
    designs = numbered_designs(len(texts) + 1)
    for number, text in enumerate([*texts, texts[4]], 1):
        one, kept = drafted(store, number, compose(designs[number - 1], "n", ""))
        one = set_fields(store, one.id, motivation=put_text(store, text))
        found = judge(store, one, kept)
        assert judge(store, one, kept) == found
    assert found.idea == "t-c005"
    assert found.idea_similarity == pytest.approx(1.0, abs=1e-3)
    without, kept = drafted(store, 20, LAYER)
    without = set_fields(store, without.id, motivation=put_text(store, "why"))
    monkeypatch.setattr("tasks.novelty.motivations.load_embedder", lambda: None)
    assert judge(store, without, kept).idea_similarity is None


def test_a_proposal_whose_words_were_there_before_repeats_that_design(
    store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"Replace the {part} so that {aim}." for part in ("gate", "decay", "norm", "keys") for aim in (
        "old facts are forgotten", "copies stay apart", "the state stays small")]  # fmt: skip
    for number, text in enumerate(texts, 1):
        one, _ = drafted(store, number, "")
        closest_motivation(store, one, text, at=float(number))
    mine, _ = drafted(store, 20, "")
    asked = Question(campaign="t", cycle=20, seed=0, parents=(), population=(), objective_titles={})
    told = {
        text: Proposal(name="n", motivation=text, parents=()) for text in (texts[4], "Rotate keys by a learnt angle.")
    }
    again, other = (repeated_idea(store, mine, one, asked) for one in told.values())
    assert again is not None
    assert (again.of, again.ground, again.similarity) == ("t-c005", "words", pytest.approx(1.0, abs=1e-3))
    assert other is None
    assert not [one for one in ideas_since(store, "t", 0.0) if one.id == mine.id], "a first proposal leaves no trace"
    monkeypatch.setattr("tasks.novelty.motivations.load_embedder", lambda: None)
    assert repeated_idea(store, mine, told[texts[4]], asked) is None


def test_a_duplicate_is_refused_in_codegen_and_costs_nothing(store: Store, campaign: Campaign) -> None:
    from tasks.codegen import adopt, codegen
    from tasks.propose import propose
    from tasks.sample import sample

    base = create_experiment(store, "t-gla", campaign="t", kind="baseline", name="gla")
    token = claim(store, base.id)
    assert token is not None
    adopt.fn(base.id, token, baseline_source("gla"))
    set_fields(store, base.id, fitness=0.5, state="done")
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    token = claim(store, one.id)
    assert token is not None
    sample.fn(one.id, token)
    propose.fn(one.id, token)
    planted = clones(baseline_source("gla"), random.Random(0))["renamed"]
    record_code(store, planted, get_experiment(store, one.id), 0, "codegen")  # what an Engineer might answer
    codegen.fn(one.id, token)
    now = get_experiment(store, one.id)
    assert now.state == "failed"
    assert now.failure is not None
    assert (now.failure.stage, now.failure.kind) == ("codegen", "duplicate")
    assert "t-gla" in now.failure.message
    assert "+0.500" in now.failure.message
    assert now.failure.remedy
    assert set(now.stages) == {"sample:0", "propose:0", "codegen:0"}
    assert now.cpu_seconds == 0
