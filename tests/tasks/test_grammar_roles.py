"""The grammar's three roles: evidence in, designs and lessons out."""

import math

import pytest

from archdb.cognition import Hit
from evaluation import OBJECTIVES, baselines
from tasks.agents.grammar.ancestors import BASELINES, design_of
from tasks.agents.grammar.evidence import preferences, told_effect
from tasks.agents.grammar.roles import grammar_agents
from tasks.agents.protocols import CertainEffect, ComponentGain, Outcome, Peer, Question, Repeated
from tasks.agents.weakness import COMPLAINTS

TITLES = {"text_bpb": "Text", "recall_loss": "In-context recall", "copy_loss": "Selective copying"}
AGENTS = grammar_agents()


def peer(name: str = "gated_deltanet", **fields: object) -> Peer:
    defaults: dict[str, object] = {"id": f"t-{name}", "name": name, "kind": "baseline"}
    return Peer.model_validate(defaults | fields)


def hit(component: str, kind: str = "paper", effect: float = 0.0) -> Hit:
    return Hit(
        id="arXiv:1" if kind == "paper" else "t-c1/finding-0",
        kind=kind,
        title="A paper",
        text="Text.",
        components=(component,),
        evidence=() if kind == "paper" else ("t-c1",),
        effect=effect,
        score=1.0,
        found_by="words",
    )


def question(cycle: int = 1, population: tuple[Peer, ...] = (), **parent: object) -> Question:
    return Question(
        campaign="t",
        cycle=cycle,
        seed=0,
        parents=(peer(**parent),),  # type: ignore[arg-type]
        population=population,
        objective_titles=TITLES,
    )


def test_the_weakest_objective_is_looked_up() -> None:
    asked: list[str] = []
    population = (peer("gla", gains={"text_bpb": 0.1, "recall_loss": 2.0, "copy_loss": 0.0}, fitness=0.5),)
    parent = {"gains": {"text_bpb": 0.0, "recall_loss": 0.0, "copy_loss": 0.0}, "fitness": 0.0}

    def retrieve(query: str) -> list[Hit]:
        asked.append(query)
        return []

    AGENTS.researcher.propose(question(population=population, **parent), retrieve)
    assert "recall" in asked[0]


@pytest.mark.parametrize("weakness", OBJECTIVES)
def test_every_objective_can_be_complained_of(weakness: str) -> None:
    asked: list[str] = []
    titles = {name: one.title for name, one in OBJECTIVES.items()}
    parent = peer(gains={name: -2.0 if name == weakness else 0.5 for name in titles}, fitness=0.0)
    asking = question().model_copy(update={"objective_titles": titles, "parents": (parent,), "population": (parent,)})
    behind = peer("gla", gains=dict.fromkeys(titles, 0.0), fitness=0.0)
    AGENTS.researcher.propose(
        asking.model_copy(update={"population": (parent, behind)}), lambda query: asked.append(query) or []
    )
    assert asked[0].startswith(COMPLAINTS[weakness])
    assert len(set(COMPLAINTS.values())) == len(titles)


def test_another_draw_is_made_for_the_same_components_and_none_for_words() -> None:
    first = AGENTS.researcher.propose(question(), lambda _: [])
    told = Repeated(proposal=first, of=peer("gla"), motivation="", ground="components")
    again = AGENTS.researcher.propose_again(question(), lambda _: [], told)
    assert again is not None
    assert again.components != first.components
    assert (
        AGENTS.researcher.propose_again(question(), lambda _: [], told.model_copy(update={"ground": "words"})) is None
    )


def test_a_proposal_differs_from_its_parent_and_from_everything_tried() -> None:
    tried: list[Peer] = []
    for cycle in range(1, 30):
        proposal = AGENTS.researcher.propose(question(cycle, tuple(tried)), lambda _: [])
        assert proposal.components not in [one.components for one in tried]
        assert proposal.components != BASELINES["gated_deltanet"].choices
        tried.append(peer(f"c{cycle}", components=proposal.components))


def test_literature_tilts_what_is_proposed() -> None:
    def share(hits: list[Hit]) -> int:
        proposals = [AGENTS.researcher.propose(question(cycle), lambda _: hits) for cycle in range(150)]
        return sum(one.components["local_branch"] == "conv8" for one in proposals)

    assert share([hit("local_branch=conv8")]) > 2 * share([])


def test_the_motivation_names_the_evidence_it_used() -> None:
    found = [hit("write_strength=double"), hit("output_gate=head_scalar", "finding", 1.0)]
    for cycle in range(200):
        proposal = AGENTS.researcher.propose(question(cycle), lambda _: found)
        assert proposal.retrieved == ("arXiv:1", "t-c1/finding-0")
        assert "t-gated_deltanet" in proposal.motivation
        if proposal.components["write_strength"] == "double":
            assert "arXiv:1" in proposal.motivation
            assert "arXiv:1" in proposal.used
        if proposal.components["output_gate"] == "head_scalar":
            assert "t-c1" in proposal.motivation
    assert any(
        AGENTS.researcher.propose(question(cycle), lambda _: found).components["write_strength"] == "double"
        for cycle in range(200)
    )


def test_gains_tilt_by_their_sign_and_their_backing() -> None:
    def weight(gain: float, families: int, choice: str = "position=rotary") -> float:
        one = ComponentGain(choice=choice, gain=gain, families=families, introduced=("c1",), dropped=())
        return preferences([], [one]).get(choice, 1.0)

    assert weight(-1.0, 5) < weight(-1.0, 1) < 1 < weight(1.0, 1) < weight(1.0, 5)
    assert weight(1e9, 9) < 10, "no evidence makes a choice certain"
    assert weight(1.0, 5, "position=unheard") == 1.0


def test_a_gain_over_the_campaign_becomes_a_lesson() -> None:
    gain = ComponentGain(
        choice="position=rotary",
        gain=0.5,
        low=0.1,
        high=0.9,
        families=3,
        introduced=("t-c1", "t-c2"),
        dropped=("t-c3",),
    )
    design = peer("c1", kind="candidate", components=BASELINES["gated_deltanet"].choices, fitness=0.1)
    outcome = Outcome(
        campaign="t", design=design, parents=(), population=(), noise={}, objective_titles=TITLES, gains=(gain,)
    )
    (lesson,) = AGENTS.analyst.analyze(outcome).lessons
    assert "position=rotary is worth +0.50 in fitness (95% interval +0.10 to +0.90)" in lesson.text
    assert lesson.evidence == ("t-c1", "t-c2", "t-c3")
    assert 0 < lesson.effect < 0.5
    thin = outcome.model_copy(update={"gains": (gain.model_copy(update={"families": 2}),)})
    assert not AGENTS.analyst.analyze(thin).lessons


def test_code_is_written_and_repaired() -> None:
    proposal = AGENTS.researcher.propose(question(), lambda _: [])
    parents = (peer(),)
    draft = AGENTS.engineer.write(proposal, parents)
    assert "class Candidate" in draft.source
    assert "t-gated_deltanet" in draft.source
    from tasks.agents.protocols import Complaint

    complaint = Complaint(kind="crashed", message="m", remedy="r", source=draft.source, attempt=0)
    repaired = AGENTS.engineer.repair(proposal, complaint, parents)
    assert repaired is not None
    assert repaired.source != draft.source
    foreign = complaint.model_copy(update={"source": "x = 1"})
    assert AGENTS.engineer.repair(proposal, foreign, parents) is None


def test_baselines_are_known_in_the_grammars_words() -> None:
    assert AGENTS.engineer.components(peer("gla"))["decay"] == "per_channel"
    assert AGENTS.engineer.components(peer("softmax_attention")) == {}
    assert set(BASELINES) < set(baselines())
    assert len({design_of(peer(name)) for name in BASELINES}) == len(BASELINES), "two would be one parent"
    assert design_of(peer("mine", kind="external", source="class Candidate: pass")) is None


@pytest.mark.parametrize("failure", ["", "compile-check: it looked at the future"])
def test_lessons_name_their_evidence(failure: str) -> None:
    base = BASELINES["gated_deltanet"]
    changed = base.choices | {"local_branch": "conv8"}
    gains = {"text_bpb": 0.5, "recall_loss": -0.1, "copy_loss": 0.0}
    design = peer(
        "c1", kind="candidate", components=changed, failure=failure, gains={} if failure else gains, fitness=0.13
    )
    outcome = Outcome(
        campaign="t",
        design=design,
        parents=(peer(gains=dict.fromkeys(gains, 0.0), fitness=0.0),),
        population=(),
        noise=dict.fromkeys(gains, 0.1),
        objective_titles=TITLES,
    )
    analysis = AGENTS.analyst.analyze(outcome)
    (lesson,) = analysis.lessons
    assert "t-c1" in lesson.evidence
    assert "local_branch=conv8" in lesson.components
    if failure:
        assert lesson.effect < 0
        assert "looked at the future" in lesson.text
    else:
        assert lesson.effect == pytest.approx(0.13)
        assert "text +0.50 (clearly)" in lesson.text
        assert "in-context recall -0.10 (within noise)" in lesson.text


@pytest.mark.parametrize(
    ("fitness", "others", "asked"),
    [
        (0.5, [], ("local_branch", "value_skip")),  # far above its parent
        (0.05, [], ()),
        (0.05, [0.0] * 9, ("local_branch", "value_skip")),  # the best of ten
        (0.05, [0.0] * 8, ()),
        (0.05, [0.1] + [0.0] * 8, ()),
    ],
)
def test_good_designs_are_asked_why(fitness: float, others: list[float], asked: tuple[str, ...]) -> None:
    base = BASELINES["gated_deltanet"]
    changed = base.choices | {"local_branch": "conv8", "fusion": "concat", "value_skip": "gated", "position": "rotary"}
    outcome = Outcome(
        campaign="t",
        design=peer("c1", kind="candidate", components=changed, gains={"text_bpb": fitness}, fitness=fitness),
        parents=(peer(gains={"text_bpb": 0.0}, fitness=0.0),),
        population=tuple(peer(f"c{n}", kind="candidate", fitness=one) for n, one in enumerate(others, start=2)),
        noise={"text_bpb": 0.1},
        objective_titles=TITLES,
        knock_outs=("value_skip", "local_branch", "position", "decay"),
        most_ablations=5,
    )
    assert AGENTS.analyst.analyze(outcome).ablations == asked
    none = outcome.model_copy(update={"knock_outs": ()})
    assert AGENTS.analyst.analyze(none).ablations == ()


def test_a_certain_effect_tilts_what_gains_do_not_tell_of() -> None:
    def effect(objective: str, worth: float, *choices: str) -> CertainEffect:
        return CertainEffect(
            choices=choices, objective=objective, effect=worth, low=worth / 2, high=worth * 2, families=9
        )

    has = frozenset({"decay=fixed", "key_norm=none"})
    pair = effect("fitness", 0.5, "decay=fixed", "key_norm=l2")
    weights = preferences(
        [],
        [],
        (
            pair,
            effect("recall_loss", 0.3, "short_conv=qk4"),
            effect("fitness", 0.9, "rank=low"),  # that is what gains tell
            effect("copy_loss", 0.9, "token_shift=static"),  # not the weakest objective
            effect("fitness", 0.9, "position=none", "output_norm=rms"),  # the design has neither half
        ),
        has,
        "recall_loss",
    )
    changed = {choice: weight for choice, weight in weights.items() if weight != 1.0}
    assert changed == {"key_norm=l2": pytest.approx(math.exp(0.5)), "short_conv=qk4": pytest.approx(math.exp(0.3))}
    asked = question(cycle=3).model_copy(update={"effects": (pair,)})
    assert "beyond each alone" in told_effect(pair)
    told = {
        seed: AGENTS.researcher.propose(asked.model_copy(update={"seed": seed}), lambda _: []) for seed in range(40)
    }
    rests_on_it = {seed for seed, one in told.items() if told_effect(pair) in one.motivation}
    assert rests_on_it == {seed for seed, one in told.items() if set(pair.choices) & set(one.used)}
    assert 0 < len(rests_on_it) < len(told)


def test_without_parents_designs_are_drawn_at_random_and_none_twice() -> None:
    drawn: list[Peer] = []
    for cycle in range(60):
        asked = question(cycle=cycle, population=tuple(drawn)).model_copy(update={"parents": ()})
        proposal = AGENTS.researcher.propose(asked, lambda _: [hit("short_conv=qk4")])
        assert (proposal.parents, proposal.retrieved, proposal.used) == ((), (), ())
        assert AGENTS.engineer.write(proposal, ()).components == proposal.components
        drawn.append(peer(name=f"d{cycle}", components=proposal.components))
    assert len({frozenset(one.components.items()) for one in drawn}) == len(drawn)
    again = AGENTS.researcher.propose(question(cycle=0).model_copy(update={"parents": ()}), lambda _: [])
    assert again.components == drawn[0].components
