"""Texts become rows in which each token of the continuation, and nothing else, is predicted once."""

import numpy as np
import pytest

from evaluation.data.tokens import ByteVocabulary, learn
from evaluation.zero_shot.rows import encoded_pairs, rows_of

BYTES = ByteVocabulary()
PAIRS = learn(["a cat sat on the mat and the cat saw the dog " * 3], 300)
END = 256


@pytest.mark.parametrize("vocabulary", [BYTES, PAIRS], ids=["bytes", "pairs"])
@pytest.mark.parametrize(
    ("context", "continuation"),
    [
        ("the cat", " sat"),
        ("the cat ", "sat"),
        ("the ca", "t sat"),
        ("", "the mat"),
        ("the cat", ""),
        ("Größe:", " 5 €"),
    ],
)
def test_the_continuation_is_scored_whole_and_alone(vocabulary, context: str, continuation: str) -> None:  # type: ignore[no-untyped-def]
    ((before, scored),) = encoded_pairs([(context, continuation)], vocabulary)
    trailing = context[len(context.rstrip()) :]
    assert vocabulary.decode(before).decode() == context.rstrip()
    assert vocabulary.decode(scored).decode() == trailing + continuation


def test_a_pair_is_encoded_as_one_text() -> None:
    ((before, scored),) = encoded_pairs([("the cat", " sat")], PAIRS)
    (joined,) = PAIRS.encode(["the cat sat"])
    assert np.concatenate([before, scored]).tolist() == joined.tolist()


def test_many_pairs_are_encoded_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(f"the cat {n // 3}", f" sat {n}"[: n % 5]) for n in range(25)]
    alone = [encoded_pairs([pair], PAIRS)[0] for pair in pairs]
    monkeypatch.setattr("evaluation.zero_shot.rows._AT_ONCE", 4)
    for one, other in zip(encoded_pairs(pairs, PAIRS), alone, strict=True):
        assert [part.tolist() for part in one] == [part.tolist() for part in other]


def spans(context: int, continuation: int, length: int) -> list[tuple[list[int], int]]:
    """Rows as (their tokens, how many count) for a context of 100, 101, ... and a continuation of 0, 1, ..."""
    rows = rows_of(
        np.arange(100, 100 + context, dtype=np.uint16), np.arange(continuation, dtype=np.uint16), END, length, 7
    )
    assert all(row.item == 7 for row in rows)
    return [(row.tokens.tolist(), row.scored) for row in rows]


def test_what_fits_is_shown_after_the_end_of_another_document() -> None:
    assert spans(2, 2, 8) == [([END, 100, 101, 0, 1], 2)]


def test_a_long_context_loses_its_beginning() -> None:
    assert spans(5, 2, 4) == [([102, 103, 104, 0, 1], 2)]


def test_a_long_text_takes_windows_each_as_full_as_it_can_be() -> None:
    # The example of lm-eval's LM.loglikelihood_rolling: ten tokens, a context of four.
    assert spans(0, 10, 4) == [([END, 0, 1, 2, 3], 4), ([3, 4, 5, 6, 7], 4), ([5, 6, 7, 8, 9], 2)]


def test_nothing_to_score_needs_no_row() -> None:
    assert spans(3, 0, 4) == []
