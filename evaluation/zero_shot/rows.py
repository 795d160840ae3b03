"""From texts to rows of tokens: what a model is shown, and which of its predictions count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.data.tokens import Tokens, Vocabulary

_AT_ONCE = 4096  # texts


@dataclass(frozen=True)
class Row:
    """Tokens [n] of which the last ``scored`` are predicted, each from all before it in the row."""

    tokens: NDArray[np.int32]
    scored: int
    item: int  # rows of one item share text


def encoded_pairs(pairs: Sequence[tuple[str, str]], vocabulary: Vocabulary) -> list[tuple[Tokens, Tokens]]:
    """Tokens of each (context, continuation).

    Both are encoded as one text, as lm-eval's own models do, because that is how such text is met in training; white
    space at the end of a context belongs to the continuation. Where a byte pair spans the border, the two are encoded
    apart, so that what is scored is always the continuation, whole and alone.
    """
    moved = [(text.rstrip(), text[len(text.rstrip()) :] + more) for text, more in pairs]
    # Choices share their context, and at once all texts of a suite would fill a gigabyte.
    known: dict[str, Tokens] = {}
    found: list[tuple[Tokens, Tokens]] = []
    for start in range(0, len(moved), _AT_ONCE):
        part = moved[start : start + _AT_ONCE]
        new = list({text: None for text, _ in part if text not in known})
        known = {text: known[text] for text, _ in part if text in known} | dict(
            zip(new, vocabulary.encode(new), strict=True)
        )
        whole = vocabulary.encode([text + more for text, more in part])
        for (text, more), joined in zip(part, whole, strict=True):
            context = known[text]
            aligned = np.array_equal(joined[: len(context)], context)
            found.append((context, joined[len(context) :] if aligned else vocabulary.encode([more])[0]))
    return found


def rows_of(context: Tokens, continuation: Tokens, end_of_text: int, length: int, item: int) -> list[Row]:
    """Rows in which every token of ``continuation`` is predicted once, each row predicting ``length`` tokens at most.

    ``end_of_text`` stands before the context, because every document that the model was trained on follows one. As much
    of what precedes as fits is shown: a context that is too long loses its beginning, and a continuation longer than
    ``length`` takes several rows, of which the last is filled up with tokens that were predicted before.
    """
    text = np.concatenate([[end_of_text], context, continuation]).astype(np.int32)
    first, rows = len(text) - len(continuation), []
    for start in range(first, len(text), length):
        stop = min(start + length, len(text))
        rows.append(Row(text[max(0, stop - length - 1) : stop], stop - start, item))
    return rows
