"""What the roles are shown: the right things first, within budgets, quoted so that nothing gets out."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdb.cognition import Hit, paper_entry, read_literature
from evaluation import FailureKind, baseline_source, library, objectives_of
from tasks.agents.openai import sections
from tasks.agents.openai.prompting import FOLDER, prompt, sha256_of
from tasks.agents.openai.quoting import cut, one_line, quoted
from tasks.agents.openai.reference import by_use, reference
from tasks.agents.openai.rules import RULES, rules
from tasks.agents.protocols import CertainEffect, ComponentGain, Peer
from tasks.models.prompt import most_tokens


def peer(name: str, **fields: object) -> Peer:
    return Peer.model_validate({"id": f"t-{name}", "name": name, "kind": "candidate"} | fields)


def gain(choice: str, worth: float, families: int) -> ComponentGain:
    return ComponentGain(
        choice=choice, gain=worth, low=worth - 1, high=worth + 1, families=families, introduced=("t-c1",), dropped=()
    )


def hit(text: str, number: int = 1) -> Hit:
    return Hit(
        id=f"arXiv:{number}", kind="paper", title="A paper", text=text, components=("decay=fixed",), evidence=(),
        effect=0.0, score=1.0, found_by="words",
    )  # fmt: skip


CROWD = tuple(
    peer(f"c{number:03d}", fitness=number / 100, gains={"text_bpb": number / 100}, parents=("t-gla",))
    for number in range(300)
)
FAILED = tuple(
    peer(f"f{number:03d}", failure="compile-check: " + "no " * 900, failure_kind=kind)
    for number, kind in enumerate(["crashed"] * 5 + ["not_causal"] * 3 + ["superlinear"])
)
GAINS = tuple(gain(f"slot{number}=choice", number / 10, 1 + number % 5) for number in range(200))


CERTAIN = tuple(
    CertainEffect(
        choices=(f"decay=fixed{number}", "key_norm=l2")[: 1 + number % 2], objective="recall_loss", effect=0.5, low=0.1,
        high=0.9, families=12,
    )
    for number in range(200)
)  # fmt: skip


@given(st.text(st.characters(codec="utf-8")))
def test_nothing_gets_out_of_its_quotation(text: str) -> None:
    told = quoted(text, "a\nlabel `with` tricks")
    heading, opening, *_, closing = told.split("\n")
    assert heading == "a label with tricks (quoted data):"
    fence = opening.removesuffix("text")
    assert set(fence) == {"`"}
    assert closing == fence
    assert told.count(fence) == 2
    assert len(fence) > max((len(run) for run in re.findall("`+", text)), default=2)


@given(st.text(st.characters(codec="utf-8"), max_size=400), st.integers(60, 300))
def test_a_cut_text_fits_its_budget(text: str, budget: int) -> None:
    assert most_tokens(cut(text, budget)) <= budget
    assert most_tokens(one_line(text, budget)) <= budget
    if most_tokens(text) <= budget:
        assert cut(text, budget) == text


def test_a_cut_says_what_is_missing() -> None:
    assert cut("line\n" * 100, 100).endswith("more lines left out]")


@pytest.mark.parametrize(
    "section",
    [
        lambda budget: sections.results([peer("gla", kind="baseline")], CROWD, budget),
        lambda budget: sections.siblings(peer("gla"), CROWD, budget=budget),
        lambda budget: sections.failures(FAILED, budget),
        lambda budget: sections.component_effects(GAINS, budget),
        lambda budget: sections.certain_effects(CERTAIN, budget),
        lambda budget: rules(FAILED, budget),
    ],
    ids=["results", "siblings", "failures", "effects", "certain", "rules"],
)
@pytest.mark.parametrize("budget", [300, 1500, 6000])
def test_sections_keep_to_their_budgets(section: Callable[[int], sections.Shown], budget: int) -> None:
    shown = section(budget)
    assert 0 < most_tokens(shown.text) <= budget
    assert all(one in shown.text for one in shown.ids), "an id that may be named is one that can be read"


def test_parents_come_before_baselines_and_the_best_of_these_first() -> None:
    population = (peer("weak", kind="baseline", fitness=-1.0), peer("strong", kind="baseline", fitness=1.0), *CROWD)
    shown = sections.results([peer("c001", fitness=0.2, components={"decay": "fixed"})], population)
    assert [line.split(": ")[0] for line in shown.text.splitlines()] == ["first parent", "t-strong", "t-weak"]
    assert shown.ids[0] == "t-c001"
    assert "components decay=fixed" in shown.text


def test_siblings_come_before_stronger_strangers() -> None:
    population = (
        peer("best", fitness=9.0),
        peer("sibling", fitness=1.0, parents=("t-gla", "t-x")),
        peer("lent", fitness=2.0, parents=("t-x", "t-gla")),
        peer("failed", failure="no"),
        peer("gone", fitness=5.0),
    )
    shown = sections.siblings(peer("gla"), population, ["t-gone"])
    assert shown.ids == ("t-sibling", "t-best", "t-lent")
    assert shown.text.startswith("same parent: t-sibling")


def test_the_latest_failures_of_each_kind_are_told() -> None:
    shown = sections.failures(FAILED)
    assert shown.ids == ("t-f008", "t-f007", "t-f006", "t-f004", "t-f003")
    assert "failed (superlinear) in compile-check: no no" in shown.text


def test_gains_are_told_with_their_intervals_best_backed_first() -> None:
    unknown = gain("c=of-one-parent", 3.0, 1).model_copy(update={"low": None, "high": None})
    shown = sections.component_effects([gain("a=thin", 1.0, 1), gain("b=backed", -0.8, 9), unknown])
    assert shown.text.splitlines()[0] == "b=backed: -0.80 fitness (95% interval -1.80 to +0.20; 9 parents; t-c1)"
    assert {"a=thin", "b=backed", "t-c1"} == set(shown.ids)


def test_certain_effects_are_told_with_their_objective_and_nothing_where_there_are_none() -> None:
    shown = sections.certain_effects(CERTAIN[:2])
    assert shown.text.splitlines()[1] == (
        "decay=fixed1 with key_norm=l2: +0.50 in recall_loss (+0.10 to +0.90; 12 parents)"
    )
    assert shown.ids == ("decay=fixed0", "decay=fixed1", "key_norm=l2")
    assert sections.certain_effects(()) == sections.Shown("")


def test_literature_shares_its_budget() -> None:
    hits = [hit("A short passage.", 1), hit("words and\n" * 999, 2), hit("words and\n" * 999, 3)]
    told = sections.literature(hits, (), budget=3000)
    assert [label for label, _ in told] == ["paper arXiv:1", "paper arXiv:2", "paper arXiv:3"]
    assert told[0][1] == "A paper\ncomponents: decay=fixed\nA short passage."
    assert 1400 < most_tokens(told[1][1]) <= 1500, "what the first one leaves is shared"
    assert sum(most_tokens(text) for _, text in told) <= 3000


def test_of_a_paper_its_entry_is_told_and_not_the_sentences_that_found_it() -> None:
    paper = read_literature()[0]
    one = hit(paper.symptoms[0]).model_copy(update={"id": paper.id, "title": paper.title})
    ((_, told),) = sections.literature([one], [paper_entry(paper)])
    for told_once in (paper.title, paper.helps_when.strip(), paper.mechanism.strip(), paper.pitfalls.strip()):
        assert told.count(told_once) == 1
    assert paper.symptoms[0] not in told


def test_a_result_says_what_was_measured_beside_the_gain() -> None:
    told = sections.line(peer("c1", gains={"text_bpb": -0.001, "recall_loss": 1.0}, objectives={"text_bpb": 2.44391}))
    assert "gains text_bpb +0.00 (2.444), recall_loss +1.00;" in f"{told};"


def test_objectives_say_what_they_ask_and_for_how_long() -> None:
    told = sections.objectives(objectives_of("nano"), {"text_bpb": 0.09}).splitlines()
    assert told[0].startswith("- `text_bpb`: Text (bits per byte, lower is better; noise of a gain 0.09). Prose")
    assert told[1].endswith("300 steps of 32 sequences of 48 tokens, 2 to 16 items in training and 4 to 24 held out.")


def test_sources_of_the_first_parent_get_the_most_room() -> None:
    code = "x = 1\n" * 9000
    told = sections.sources([peer("a", source=code), peer("b", source=code), peer("none")])
    assert [label for label, _ in told] == ["code of t-a", "code of t-b"]
    assert most_tokens(told[0][1]) > 3 * most_tokens(told[1][1])


def test_rules_that_are_broken_come_first_with_their_number() -> None:
    lines = rules(FAILED).text.splitlines()
    assert lines[0].startswith("- crashed (broken by 5 designs so far): ")
    assert lines[2].startswith("- superlinear (broken by 1 design so far): ")
    assert len(lines) == len(RULES)


def test_every_failure_of_a_design_has_a_rule() -> None:
    surroundings = {"no_gpu", "no_corpus", "corpus_too_short", "vocabulary_mismatch", "damaged_corpus"}
    designs = set(FailureKind.__args__) - surroundings - {"overwrites_parameters"}
    assert designs | {"overwrites_parameters", "duplicate"} == set(RULES)


def test_the_library_is_told_most_useful_first() -> None:
    gla, delta = baseline_source("gla"), baseline_source("deltanet")
    ordered = by_use(library(), [gla], [delta, gla])
    assert ordered[0].name in gla
    assert {one.name for one in ordered[:3]} == {"chunk_linear", "linear_step", "rms_norm_gate"}
    whole = reference(ordered)
    assert all(one.signature in whole and one.text in whole for one in ordered)
    short = reference(ordered, budget=3500)
    assert most_tokens(short) <= 3500
    assert ordered[0].text in short
    assert ordered[-1].text != ordered[-1].summary or ordered[-1].summary in short
    assert most_tokens(reference(ordered, budget=500)) <= 500


def test_the_library_is_the_public_face_of_kernels() -> None:
    import kernels

    assert [one.name for one in library()] == sorted(kernels.__all__)
    assert all(one.text == inspect.getdoc(getattr(kernels, one.name)) for one in library())


def test_a_template_refuses_to_be_filled_in_part() -> None:
    with pytest.raises(jinja2.UndefinedError):
        prompt("analyst.md", design="x")


def test_a_templates_hash_covers_what_it_includes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sha256_of("engineer.md")
    assert before != sha256_of("repair.md")
    for one in FOLDER.iterdir():
        (tmp_path / one.name).write_text(one.read_text())
    monkeypatch.setattr("tasks.agents.openai.prompting.FOLDER", tmp_path)
    assert sha256_of.__wrapped__("engineer.md") == before
    (tmp_path / "contract.md").write_text("another contract")
    assert sha256_of.__wrapped__("engineer.md") != before


def test_a_section_without_anything_says_so() -> None:
    assert sections.failures(CROWD) == sections.Shown("None so far.")
