"""The loader: the global batch depends on the seed and the step alone."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from evaluation.data.shards import Stream
from evaluation.data.windows import held_out_rows, training_rows

LENGTH = 10


def stream_of(folder: Path, tokens: int, *sizes: int) -> Stream:
    """The numbers 0, 1, 2, ... in shards of these sizes, and the rest in one more."""
    cuts = [0, *np.cumsum(sizes), tokens]
    shards = []
    for start, end in pairwise(cuts):
        file = folder / f"{start}.bin"
        file.write_bytes(np.arange(start, end).astype("<u2").tobytes())
        shards.append((file, int(end - start)))
    return Stream(shards)


def test_reading_crosses_shards(tmp_path: Path) -> None:
    stream = stream_of(tmp_path, 100, 7, 1, 30)
    assert len(stream) == 100
    for start, count in ((0, 100), (6, 3), (7, 1), (8, 0), (37, 2), (95, 5)):
        assert stream.read(start, count).tolist() == list(range(start, start + count))
    for start, count in ((95, 6), (-1, 3), (101, 0)):
        with pytest.raises(IndexError):
            stream.read(start, count)


@pytest.mark.parametrize(("world", "micro"), [(1, 12), (1, 3), (2, 6), (2, 2), (3, 4), (4, 1), (6, 2)])
def test_any_world_and_micro_batch_sees_the_same_batch(world: int, micro: int, tmp_path: Path) -> None:
    stream = stream_of(tmp_path, 1000, 300, 300)
    for step in (0, 7, 8, 1000):  # 99 windows: step 8 spans two epochs
        whole = training_rows(stream, LENGTH, 12, 5, step, 0, 12)
        parts = []
        for rank in reversed(range(world)):  # in any order of asking
            share = 12 // world
            mine = [
                training_rows(stream, LENGTH, 12, 5, step, rank * share + start, micro)
                for start in range(0, share, micro)
            ]
            parts.append(np.concatenate(mine))
        assert np.array_equal(np.concatenate(parts[::-1]), whole)
        assert (np.diff(whole, axis=1) == 1).all()  # a window is consecutive text


def test_an_epoch_sees_every_window_once_and_epochs_differ(tmp_path: Path) -> None:
    stream = stream_of(tmp_path, 1000)
    epochs = [training_rows(stream, LENGTH, 99, 5, step, 0, 99) for step in (0, 1)]
    for rows in epochs:
        targets = rows[:, 1:].ravel()
        assert len(set(targets.tolist())) == len(targets)  # no token is a target twice
        assert len(targets) >= 1000 - 2 * LENGTH
    assert not np.array_equal(*epochs)
    assert not np.array_equal(epochs[0], training_rows(stream, LENGTH, 99, 6, 0, 0, 99))


@pytest.mark.parametrize("tokens", [11, 12, 19, 20, 21, 29, 30, 31])
def test_the_shortest_streams_are_read_within_their_ends(tokens: int, tmp_path: Path) -> None:
    rows = training_rows(stream_of(tmp_path, tokens), LENGTH, 40, 1, 0, 0, 40)
    assert rows.min() >= 0
    assert rows.max() < tokens
    assert (np.diff(rows, axis=1) == 1).all()
    if tokens > 11:
        assert len(set(rows[:, 0].tolist())) > 1


def test_held_out_windows_do_not_overlap_and_reach_both_ends(tmp_path: Path) -> None:
    for tokens, rows in ((51, 5), (200, 5), (11, 1)):
        found = held_out_rows(stream_of(tmp_path, tokens), LENGTH, rows)
        assert found.shape == (rows, LENGTH + 1)
        targets = found[:, 1:].ravel()
        assert len(set(targets.tolist())) == len(targets)
        assert found.min() == 0
        assert found.max() == tokens - 1 or rows == 1
