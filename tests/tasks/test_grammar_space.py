"""The space of designs: canonical forms, exact counts, and the moves between designs."""

import random
import subprocess
import sys
from itertools import product
from math import prod, sqrt

import pytest
from pydantic import ValidationError

from tasks.agents.grammar.naming import digest_of, name_of, sentence_of
from tasks.agents.grammar.slots import SLOTS
from tasks.agents.grammar.space import (
    CHOICES,
    RULES,
    Design,
    allowed,
    canonical,
    changed,
    count,
    moves,
    neighbours,
    random_design,
)


def raw_design(rng: random.Random) -> Design:
    """Any combination, sensible or not."""
    return Design.model_validate({slot: rng.choice(choices) for slot, choices in CHOICES.items()})


def test_words_and_types_name_the_same_choices() -> None:
    assert list(SLOTS) == list(Design.model_fields)
    assert {slot: tuple(words.choices) for slot, words in SLOTS.items()} == CHOICES
    assert all(words.title and words.question.endswith("?") for words in SLOTS.values())


def test_unknown_slots_and_choices_are_refused() -> None:
    with pytest.raises(ValidationError):
        Design.model_validate({"memory_rule": "quadratic"})
    with pytest.raises(ValueError, match="accepted here: none, rotary"):
        changed(Design(), "position", "absolute")
    with pytest.raises(ValueError, match="memory_rule"):
        changed(Design(), "colour", "red")


def test_canonical_is_idempotent_and_keeps_canonical_designs() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        once = canonical(raw_design(rng))
        assert canonical(once) == once
        drawn = random_design(rng)
        assert canonical(drawn) == drawn


def test_rules_replace_by_choices_that_are_allowed_and_look_only_at_earlier_slots() -> None:
    settled = [slot for slot in SLOTS if slot not in RULES]
    for slot, (reads, rule) in RULES.items():
        assert set(reads) <= set(settled)
        for values in product(*(CHOICES[read] for read in reads)):
            chosen = dict(zip(reads, values, strict=True))
            assert set(rule(chosen).values()) <= set(allowed(slot, chosen))
        settled.append(slot)


@pytest.mark.parametrize(
    ("choices", "becomes"),
    [
        ({"fusion": "concat"}, {"fusion": "sum"}),
        ({"memory_rule": "delta", "key_norm": "rms"}, {"key_norm": "l2"}),
        ({"decay_span": "long", "timescales": "two"}, {"decay_span": "spread", "timescales": "one"}),
        ({"write_strength": "tied"}, {"write_strength": "one"}),
        ({"memory_rule": "delta", "decay": "per_channel", "write_strength": "tied"}, {"write_strength": "sigmoid"}),
        (
            {"memory_rule": "scan", "feature_map": "relu2", "key_norm": "l2"},
            {"decay": "per_channel", "key_norm": "none"},
        ),
        ({"memory_rule": "scan", "short_conv": "qkv4", "position": "rotary"}, {"short_conv": "v4", "position": "none"}),
        ({"memory_rule": "scan", "position": "rotary", "local_branch": "window16"}, {"position": "rotary"}),
        ({"rank": "low"}, {"rank": "full"}),
        ({"output_norm": "none"}, {"output_norm": "rms"}),
        ({"decay": "per_head", "feature_map": "silu"}, {"output_norm": "rms"}),
        ({"decay": "per_head", "feature_map": "silu", "key_norm": "l2"}, {"output_norm": "none"}),
        ({"decay": "per_head", "write_strength": "tied"}, {"output_norm": "none"}),
        ({"feature_map": "elu1"}, {"output_norm": "none"}),
        ({"head_temperature": "content"}, {"head_temperature": "none"}),
        ({"head_temperature": "content", "local_branch": "window32"}, {"head_temperature": "content"}),
    ],
)
def test_choices_without_meaning_take_their_neutral_value(choices: dict[str, str], becomes: dict[str, str]) -> None:
    settled = canonical(Design.model_validate(choices)).choices
    assert {slot: settled[slot] for slot in becomes} == becomes


def test_the_space_holds_more_than_a_million_designs() -> None:
    assert count() >= 10**6


def test_the_exact_count_agrees_with_the_share_of_random_combinations_that_are_canonical() -> None:
    rng, draws = random.Random(1), 30_000
    hits = sum(canonical(design) == design for design in (raw_design(rng) for _ in range(draws)))
    share = count() / prod(len(choices) for choices in CHOICES.values())
    assert abs(hits / draws - share) < 4 * sqrt(share * (1 - share) / draws)


def test_neighbours_are_canonical_and_one_choice_away() -> None:
    rng = random.Random(2)
    for _ in range(20):
        design = random_design(rng)
        there = neighbours(design)
        assert len(set(there)) == len(there) >= 10
        assert design not in there
        assert all(canonical(other) == other for other in there)
        assert all(getattr(other, slot) == choice for (slot, choice), other in moves(design).items())


def test_names_are_deterministic_and_say_what_the_design_is() -> None:
    design = Design(memory_rule="delta", decay="per_head", local_branch="window32")
    assert name_of(design) == f"GatedDeltaWindow-{digest_of(design)[:6]}"
    assert name_of(design) == name_of(canonical(design))
    assert "delta-rule" in sentence_of(design)
    rng = random.Random(3)
    drawn = {random_design(rng) for _ in range(500)}
    assert len({digest_of(each) for each in drawn}) == len(drawn)


def test_the_grammar_loads_neither_torch_nor_the_rooms_beside_it() -> None:
    code = (
        "import sys; import tasks.agents.grammar.compose, tasks.agents.grammar.near; "
        "loaded = {name.split('.')[0] for name in sys.modules}; "
        "print(sorted(loaded & {'torch', 'evaluation', 'archdb', 'kernels', 'flows'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
