"""How designs change: mutation by preference, crossover, difference and repair."""

import random
from collections import Counter
from typing import get_args

import pytest

from evaluation.reports import FailureKind
from tasks.agents.grammar.evolve import crossover, difference, mutate
from tasks.agents.grammar.near import REMEDIES, repair
from tasks.agents.grammar.space import CHOICES, Design, canonical, moves, neighbours, random_design

GATED_DELTA = canonical(
    Design(memory_rule="delta", decay="per_head", feature_map="silu", write_strength="sigmoid", short_conv="qkv4")
)


def test_mutations_are_canonical_different_and_repeatable() -> None:
    for seed in range(100):
        parent = random_design(random.Random(seed))
        children = [mutate(parent, random.Random(seed), n=n) for n in (1, 2, 4)]
        assert all(canonical(child) == child != parent for child in children)
        assert children[0] in neighbours(parent)
        assert children == [mutate(parent, random.Random(seed), n=n) for n in (1, 2, 4)]


def test_without_preferences_every_slot_that_can_move_moves() -> None:
    rng = random.Random(4)
    seen = {slot for _ in range(400) for slot in difference(GATED_DELTA, mutate(GATED_DELTA, rng))}
    assert seen >= {slot for slot, _ in moves(GATED_DELTA)}


def test_mutation_follows_preferences() -> None:
    rng = random.Random(5)
    weights = {"local_branch=window16": 200.0} | {f"memory_rule={rule}": 1e-9 for rule in CHOICES["memory_rule"]}
    children = [mutate(GATED_DELTA, rng, weights) for _ in range(300)]
    taken = Counter(child.local_branch for child in children)
    assert taken["window16"] > 200
    assert all(child.memory_rule == "delta" for child in children)


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ({"memory_rule=lstm": 2.0}, "memory_rule=lstm"),
        ({"rank=low": 0.0}, "rank=low"),
        ({"rank=low": float("inf")}, "inf"),
    ],
)
def test_wrong_preferences_are_refused(weights: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        mutate(GATED_DELTA, random.Random(0), weights)


def test_a_mutation_of_no_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        mutate(GATED_DELTA, random.Random(0), n=0)


def test_children_of_two_parents_equal_neither_and_mix_both() -> None:
    for seed in range(100):
        rng = random.Random(seed)
        a, b = random_design(rng), random_design(rng)
        child = crossover(a, b, rng)
        assert canonical(child) == child
        assert child not in (a, b)
        inherited = [getattr(child, slot) in (getattr(a, slot), getattr(b, slot)) for slot in CHOICES]
        assert sum(inherited) >= len(CHOICES) - 2  # canonical forms may fill in a neutral value
    for near in (GATED_DELTA, *neighbours(GATED_DELTA)):
        assert crossover(GATED_DELTA, near, random.Random(0)) not in (GATED_DELTA, near)


def test_difference_lists_exactly_the_slots_that_differ() -> None:
    other = canonical(GATED_DELTA.model_copy(update={"decay": "fixed", "fusion": "concat"}))
    assert difference(GATED_DELTA, other) == {"decay": ("per_head", "fixed")}
    assert difference(GATED_DELTA, GATED_DELTA) == {}


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_repair_never_repeats_itself_and_ends(kind: str) -> None:
    for seed in range(25):
        rng = random.Random(seed)
        design, parent = random_design(rng), random_design(rng) if seed % 3 else None
        tried = [design]
        while (after := repair(tried[-1], kind, parent)) is not None:
            assert canonical(after) == after
            assert after not in tried
            tried.append(after)
        assert len(tried) < 40
        if kind not in REMEDIES and parent is not None:
            assert tried[-1] == parent


def test_known_causes_are_treated_first() -> None:
    wide = canonical(Design(memory_rule="delta", decay="per_channel", output_gate="silu", token_shift="dynamic"))
    assert difference(wide, repair(wide, "too_many_parameters", GATED_DELTA) or wide) == {"rank": ("full", "low")}
    wild = canonical(Design(decay="per_head", feature_map="relu2", output_norm="rms"))
    assert difference(wild, repair(wild, "non_finite", None) or wild) == {"feature_map": ("relu2", "silu")}
    slow = canonical(Design(decay="per_head", timescales="two"))
    assert difference(slow, repair(slow, "too_slow", None) or slow) == {"timescales": ("two", "one")}


def test_other_complaints_undo_one_change_towards_the_parent() -> None:
    child = mutate(mutate(GATED_DELTA, random.Random(1), n=2), random.Random(2), n=2)
    nearer = repair(child, "crashed", GATED_DELTA)
    assert nearer is not None
    assert len(difference(nearer, GATED_DELTA)) < len(difference(child, GATED_DELTA))
    assert repair(child, "crashed", None) is None
