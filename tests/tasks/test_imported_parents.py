"""Cycles that improve an imported design: how it is drawn, and that its score never stands beside a fitness."""

from pathlib import Path

import pytest

from archdb import (
    Campaign,
    Experiment,
    Store,
    claim,
    create_experiment,
    get_experiment,
    open_campaign,
    put_text,
    set_fields,
)
from archdb.asi_arch import import_release, read_release
from archdb.cognition import Hit
from tasks.agents.grammar.ancestors import design_of
from tasks.agents.grammar.roles import grammar_agents
from tasks.agents.protocols import Outcome, Peer, Proposal, Question
from tasks.codegen import _parents
from tasks.peers import peer_with_source, population
from tasks.sample import sample
from tests.archdb.asi_arch_release import PROGRAM, write_clone

CYCLES = 24


@pytest.fixture
def campaign(store: Store, tmp_path: Path) -> None:
    """A campaign with two designs of its own that may improve imported ones."""
    import_release(store, read_release(write_clone(tmp_path)), "asi-arch")
    open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=CYCLES, parents_from="asi-arch"))
    for name, fitness in (("gla", 0.5), ("deltanet", -0.25)):
        one = create_experiment(store, f"t-{name}", campaign="t", kind="baseline", name=name)
        set_fields(store, one.id, fitness=fitness, state="done", code=put_text(store, f"# {name}"))


def sampled(store: Store, campaign: str, number: int) -> Experiment:
    one = create_experiment(
        store, f"{campaign}-c{number:03d}", campaign=campaign, kind="candidate", name="new", cycle=number
    )
    token = claim(store, one.id)
    assert token is not None
    sample.fn(one.id, token)
    return get_experiment(store, one.id)


def test_about_half_of_the_cycles_improve_an_imported_design(store: Store, campaign: None) -> None:
    drawn = [sampled(store, "t", number) for number in range(1, CYCLES + 1)]
    imported = [one for one in drawn if one.parents[0].startswith("asi-arch")]
    assert CYCLES / 4 < len(imported) < 3 * CYCLES / 4
    assert {one.parents[0] for one in imported} == {"asi-arch-0002", "asi-arch-0003"}, "only those with a program"
    for one in imported:
        assert one.parents[1] in ("t-gla", "t-deltanet"), "what it borrows from has a fitness"
        assert one.path == (*get_experiment(store, one.parents[0]).path, one.parents[0])
    for one in drawn:
        if one not in imported:
            assert set(one.parents) == {"t-gla", "t-deltanet"}, "ours are drawn among ours"
    assert not [one for one in population(store, "t") if one.kind == "imported"]


def test_a_campaign_without_the_setting_draws_as_before(store: Store, campaign: None) -> None:
    open_campaign(store, Campaign(id="u", scale="tiny", provider="grammar", cycles=1))
    for name, fitness in (("gla", 0.5), ("deltanet", -0.25)):
        one = create_experiment(store, f"u-{name}", campaign="u", kind="baseline", name=name)
        set_fields(store, one.id, fitness=fitness, state="done")
    for number in range(1, 6):
        assert set(sampled(store, "u", number).parents) == {"u-gla", "u-deltanet"}


def test_an_engineer_gets_the_parent_s_program(store: Store, campaign: None) -> None:
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="new", cycle=1)
    first, _ = _parents(store, set_fields(store, one.id, parents=["asi-arch-0002", "t-gla"]))
    assert (first.kind, first.source, first.fitness) == ("imported", PROGRAM, None)
    assert first.objectives == {"asi_arch_score": 2.25}


IMPORTED = Peer(id="asi-arch-0002", name="mamba2", kind="imported", source=PROGRAM, objectives={"asi_arch_score": 2.25})
OURS = Peer(id="t-gla", name="gla", kind="baseline", fitness=0.5, gains={"recall_loss": 0.5}, objectives={"x": 1.0})


def proposed(*parents: Peer) -> Proposal:
    def nothing(query: str) -> list[Hit]:
        return []

    question = Question(
        campaign="t", cycle=1, seed=0, parents=parents, population=(OURS,), objective_titles={"recall_loss": "Recall"}
    )
    return grammar_agents().researcher.propose(question, nothing)


def test_the_grammar_says_that_it_cannot_read_a_program_and_starts_from_the_other_parent() -> None:
    assert design_of(IMPORTED) is None, "a name that others gave says nothing"
    proposal = proposed(IMPORTED, OURS)
    assert "mamba2 (asi-arch-0002): the grammar has no words for its program" in proposal.motivation
    assert "**Parent** gla (t-gla)" in proposal.motivation
    assert proposal.parents == ("asi-arch-0002", "t-gla")
    draft = grammar_agents().engineer.write(proposal, (IMPORTED, OURS))
    assert "From gla (t-gla):" in draft.source
    alone = proposed(IMPORTED)
    assert "starts from a random design instead" in alone.motivation
    assert "Drawn at random" in grammar_agents().engineer.write(alone, (IMPORTED,)).source


def test_an_imported_score_enters_no_finding() -> None:
    proposal = proposed(IMPORTED, OURS)
    child = Peer(id="t-c001", name="child", kind="candidate", components=proposal.components, fitness=0.75,
                 gains={"recall_loss": 0.75})  # fmt: skip
    analysis = grammar_agents().analyst.analyze(
        Outcome(campaign="t", design=child, parents=(IMPORTED, OURS), population=(OURS,), noise={"recall_loss": 0.01},
                objective_titles={"recall_loss": "Recall"})
    )  # fmt: skip
    (lesson,) = analysis.lessons
    assert lesson.evidence == ("t-c001", "t-gla")
    assert lesson.effect == pytest.approx(0.25), "against the parent with a fitness"
    only = Outcome(campaign="t", design=child, parents=(IMPORTED,), population=(OURS,), noise={},
                   objective_titles={"recall_loss": "Recall"})  # fmt: skip
    assert not grammar_agents().analyst.analyze(only).lessons


def test_a_peer_of_an_imported_design_has_no_fitness(store: Store, campaign: None) -> None:
    peer = peer_with_source(store, get_experiment(store, "asi-arch-0003"))
    assert peer.fitness is None
    assert not peer.gains
    assert not peer.components
