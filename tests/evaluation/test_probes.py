"""The probes: every target follows from the inputs before it, difficulty means what it says, and seeds decide all."""

import numpy as np
import pytest

from evaluation.losses import IGNORED
from evaluation.probes import PROBES, copying, mixed_batch, recall


@pytest.mark.parametrize("keys", [1, 4, 16, recall.KEYS])
def test_recall_targets_follow_from_earlier_pairs(keys: int) -> None:
    tokens, targets = recall.batch(np.random.default_rng(1), 6, 128, keys)
    scored = 0
    for row, wanted in zip(tokens, targets, strict=True):
        known: dict[int, int] = {}
        for place in range(0, 128, 2):
            key, value = int(row[place]), int(row[place + 1])
            assert key < recall.KEYS <= value < recall.KEYS + recall.VALUES
            assert wanted[place] == known.get(key, IGNORED)  # a target at every repeated key, and nowhere else
            assert wanted[place + 1] == IGNORED
            known[key] = value
            scored += wanted[place] != IGNORED
        assert len(known) <= keys
    assert scored > 6 * 10


@pytest.mark.parametrize("items", [1, 4, 16])
def test_copying_targets_are_the_items_in_order(items: int) -> None:
    tokens, targets = copying.batch(np.random.default_rng(2), 6, 100, items)
    scored = 0
    for row, wanted in zip(tokens, targets, strict=True):
        studied: list[int] = []
        said = -1  # index of the item to say; -1 while studying
        for token, target in zip(row.tolist(), wanted.tolist(), strict=True):
            if token == copying.START:
                assert len(studied) == items
                said = 0
            elif said < 0 and token != copying.FILLER:
                studied.append(token)
            elif said > 0:
                assert token == studied[said - 1]
            if said < 0:
                assert target == IGNORED
            else:
                assert target == studied[said]
                scored += 1
                said += 1
                if said == items:
                    studied, said = [], -1
    assert scored > 6 * 10


def test_harder_means_more_distinct() -> None:
    rng = np.random.default_rng(3)
    distinct = [len(set(recall.batch(rng, 1, 128, keys)[0][0, ::2].tolist())) for keys in (4, 12, recall.KEYS)]
    assert distinct[0] == 4 < distinct[1] < distinct[2]


@pytest.mark.parametrize("task", PROBES)
def test_seed_decides_everything(task: str) -> None:
    one, same, other = (mixed_batch(task, np.random.default_rng(seed), 4, 64, (2, 4, 8)) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])
    assert one[0].max() < 256


def test_impossible_difficulty_names_the_range() -> None:
    with pytest.raises(ValueError, match=f"choose 1 to {recall.KEYS}"):
        recall.batch(np.random.default_rng(0), 1, 64, recall.KEYS + 1)
    with pytest.raises(ValueError, match="choose 1 to 16"):
        copying.batch(np.random.default_rng(0), 1, 64, 17)
