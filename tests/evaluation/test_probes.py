"""The probes: every target follows from the inputs before it, difficulty means what it says, and seeds decide all."""

import hashlib
import re
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.losses import IGNORED
from evaluation.probes import (
    PROBES,
    Tokens,
    compression,
    copying,
    fuzzy_recall,
    memorisation,
    mixed_batch,
    multi_query,
    noisy_recall,
    permutations,
    recall,
)
from tests.evaluation.probe_solvers import SOLVERS

# The greatest difficulty that each probe promises at a length.
MOST: dict[str, Callable[[int], int]] = {
    "recall": lambda length: recall.KEYS,
    "copy": lambda length: min(copying.CONTENT, length // 3),
    "mqar": lambda length: min(multi_query.KEYS, length // 4),
    "fuzzy_recall": lambda length: min(fuzzy_recall.WORDS, length // 4),
    "noisy_recall": lambda length: min(recall.KEYS, length // 4),
    "memorisation": lambda length: memorisation.FACTS,
    "compression": lambda length: (length - 1) // 2,
    "parity": lambda length: length - 1,
    "s3": lambda length: length - 1,
}


def draw(task: str, seed: int, rows: int, length: int, difficulty: int) -> tuple[Tokens, Tokens]:
    return PROBES[task](np.random.default_rng(seed), rows, length, difficulty)


@pytest.mark.parametrize("task", PROBES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_solver_that_sees_only_the_past_is_always_right(task: str, data: st.DataObject) -> None:
    length = 2 * data.draw(st.integers(2, 40), "half the length")
    difficulty = data.draw(st.integers(1, MOST[task](length)), "difficulty")
    tokens, targets = draw(task, data.draw(st.integers(0, 2**32), "seed"), 2, length, difficulty)
    assert tokens.shape == targets.shape == (2, length)
    assert tokens.dtype == targets.dtype == np.int64
    assert 0 <= tokens.min() <= tokens.max() < 256
    for row, wanted in zip(tokens.tolist(), targets.tolist(), strict=True):
        for place, target in enumerate(wanted):
            assert SOLVERS[task](row[: place + 1]) == (None if target == IGNORED else target)  # asked just where it can


@pytest.mark.parametrize("task", PROBES)
def test_chance_is_what_the_docstring_says(task: str) -> None:
    doc = sys.modules[PROBES[task].__module__].__doc__ or ""
    found = re.search(r"^Chance: 1 in (\d+)\.$", doc, re.MULTILINE)
    assert found, doc
    choices = int(found[1])
    _, targets = draw(task, 4, 400, 64, 4 if task != "memorisation" else memorisation.FACTS)
    answers, counts = np.unique(targets[targets != IGNORED], return_counts=True)
    assert len(answers) == choices
    shares = counts / counts.sum()
    assert shares.max() < 1.4 / choices  # no answer is worth guessing
    assert shares.min() > 0.6 / choices


def distinct(tokens: Tokens) -> int:
    return len(np.unique(tokens, axis=0))


# How much of a row of 512 tokens is asked, or how often a row begins anew, at a given difficulty n.
ASKED: dict[str, tuple[Callable[[Tokens, Tokens], int], Callable[[int], int]]] = {
    "recall": (lambda row, _: distinct(row[::2]), lambda n: n),
    "copy": (lambda row, _: int((row == copying.START).sum()), lambda n: len(range(2 * n, 512, 3 * n))),
    "mqar": (lambda _, wanted: int((wanted != IGNORED).sum()), lambda n: n),
    "fuzzy_recall": (lambda row, _: distinct(row.reshape(-1, 4)[:, :2]), lambda n: n),
    "noisy_recall": (lambda row, _: distinct(row[row < recall.KEYS]), lambda n: n),
    "memorisation": (lambda row, _: distinct(row.reshape(-1, 2)), lambda n: n),
    "compression": (
        lambda row, _: int((row == compression.CLOSE).sum()),
        lambda n: len(range(n + 1, 512, 2 * n + 1)),
    ),
    "parity": (lambda row, _: int((row == 2).sum()), lambda n: len(range(0, 512, n + 1))),
    "s3": (lambda row, _: int((row == 6).sum()), lambda n: len(range(0, 512, n + 1))),
}


@pytest.mark.parametrize("difficulty", [1, 3, 7, 15])
@pytest.mark.parametrize("task", PROBES)
def test_difficulty_is_what_is_asked(task: str, difficulty: int) -> None:
    measured, expected = ASKED[task]
    tokens, targets = draw(task, 5, 3, 512, difficulty)
    for row, wanted in zip(tokens, targets, strict=True):
        assert measured(row, wanted) == expected(difficulty)


@pytest.mark.parametrize("task", PROBES)
def test_seed_decides_everything(task: str) -> None:
    one, same, other = (mixed_batch(task, np.random.default_rng(seed), 4, 64, (2, 4, 8)) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("task", PROBES)
def test_impossible_difficulty_names_the_range(task: str) -> None:
    most = MOST[task](40)
    for impossible in (0, most + 1):
        with pytest.raises(ValueError, match=f"{impossible} .*; choose 1 to {most}\\.$"):
            draw(task, 0, 1, 40, impossible)
    draw(task, 0, 1, 40, most)


def test_questions_come_at_distances_of_the_power_law() -> None:
    _, targets = draw("mqar", 6, 20_000, 42, 1)
    slots = (targets != IGNORED)[:, 2::2].mean(axis=0)
    law = np.arange(1, 21) ** (multi_query.POWER - 1)
    assert np.abs(slots - law / law.sum()).max() < 0.01
    _, targets = draw("mqar", 6, 50, 64, 16)
    assert (targets[:, 32::2] != IGNORED).all()  # all slots, where there are no more than questions


def test_half_of_a_noisy_row_is_noise_that_never_parts_a_key_from_its_value() -> None:
    tokens, _ = draw("noisy_recall", 7, 50, 64, 8)
    noise = tokens >= noisy_recall.FIRST_NOISE
    assert (noise.sum(axis=1) == 32).all()
    keys = tokens < recall.KEYS
    assert (keys[:, :-1] <= (~noise & ~keys)[:, 1:]).all()
    runs = {len(run) for row in noise for run in "".join(" x"[int(one)] for one in row).split()}
    assert {1, 2, 3} <= runs


def test_facts_never_change() -> None:
    stored = np.concatenate([memorisation.VALUE_OF, memorisation.ORDER]).astype("<i8").tobytes()
    assert hashlib.sha256(stored).hexdigest() == "d93fbd1a456e5ccb6eef6f85bc64b07323f6de81224b50b313b4ca0fa0cc62c6"
    one, other = (draw("memorisation", seed, 8, 512, 16) for seed in (1, 2))
    facts = [
        {
            (row[i], row[i + 1], wanted[i + 1])
            for row, wanted in zip(tokens, targets, strict=True)
            for i in range(0, 512, 2)
        }
        for tokens, targets in ((batch[0].tolist(), batch[1].tolist()) for batch in (one, other))
    ]
    assert facts[0] == facts[1]  # training and held-out rows tell the same facts in other orders
    assert len(facts[0]) == 16


def test_order_matters_in_s3() -> None:
    table = permutations.TABLE
    assert (table != table.T).any()
    assert all(sorted(row) == list(range(6)) for row in [*table.tolist(), *table.T.tolist()])  # a group's table
    assert table[0].tolist() == table[:, 0].tolist() == list(range(6))
    assert all(table[table[a, b], c] == table[a, table[b, c]] for a in range(6) for b in range(6) for c in range(6))
