"""Do a benchmark's items stand in the text that a model was trained on?

As in GPT-3's appendix C (Brown et al. 2020, arXiv:2005.14165): an item was seen if any 13 words in a row of it stand in
the training text. Words are runs of ASCII letters and digits, without case. Of shorter texts, from 8 words on, all
words must stand there in a row; shorter ones are met by accident and not looked for.

The training text is read from its shards once, in blocks, at the speed of a few array operations per byte: a word
becomes a hash of 64 bits, and so does every run of 8 to 13 words. A run of the training text is taken for one of an
item's by accident about once in 10^13 comparisons with a million runs.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.data.shards import Stream
from evaluation.data.tokens import Tokens, Vocabulary

SHORTEST, LONGEST = 8, 13  # words
_BLOCK = 1_000_000  # tokens read at once
_AGAIN = 2_000  # tokens of the block before that are read again, so that no run is lost at a border
_FILTER_BITS = 24

Hashes = NDArray[np.uint64]
Words = NDArray[np.uint64]  # one hash per word
Told = Callable[[int, int], None]  # tokens read, of how many

_LETTER = 0x9E3779B97F4A7C15 | 1  # odd, so that it has an inverse modulo 2^64
_LETTER_INVERSE = pow(_LETTER, -1, 2**64)
_WORD = 0xD1342543DE82EF95
_BORDER = b" \0 "  # between two documents: a word that no item has, so that no run goes on from one to the next


def seen(
    items: Sequence[Sequence[str]], stream: Stream, vocabulary: Vocabulary, told: Told | None = None
) -> list[bool | None]:
    """Per item, a sequence of texts: whether the training text has a run of words of it; None if all are too short."""
    own = [_runs_of(texts) for texts in items]
    wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *own]))
    met = np.zeros(len(wanted), dtype=np.bool_)
    if len(wanted):
        sieve = np.zeros(2**_FILTER_BITS, dtype=np.bool_)
        sieve[_shortened(wanted)] = True
        spelt = _Spelling(vocabulary)
        for start in range(0, len(stream), _BLOCK):
            first = max(0, start - _AGAIN)
            stop = min(start + _BLOCK, len(stream))
            words = words_of(spelt(stream.read(first, stop - first)))
            for runs in _runs(words, range(SHORTEST, LONGEST + 1)):
                likely = runs[sieve[_shortened(runs)]]
                places = np.minimum(np.searchsorted(wanted, likely), len(wanted) - 1)
                met[places[wanted[places] == likely]] = True
            if told is not None:
                told(stop, len(stream))
    return [bool(met[np.searchsorted(wanted, runs)].any()) if len(runs) else None for runs in own]


def words_of(text: NDArray[np.uint8]) -> Words:
    """A hash for each word of a text's bytes, in order."""
    letters = _LETTERS[text]
    inside = np.concatenate([[False], letters != 0, [False]])
    borders = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = borders[::2], borders[1::2]
    if not len(starts):
        return np.empty(0, np.uint64)
    # The sum of letter * x^place over a word, divided by x^start, is the same wherever the word stands.
    sums = np.concatenate([[np.uint64(0)], np.cumsum(letters * _powers(_LETTER, len(letters)))])
    return _mixed((sums[ends] - sums[starts]) * _powers(_LETTER_INVERSE, len(letters))[starts])


def _runs_of(texts: Sequence[str]) -> Hashes:
    """All runs to look for in one item's texts."""
    found = [np.empty(0, np.uint64)]
    for text in texts:
        words = words_of(np.frombuffer(text.encode(), dtype=np.uint8))
        if len(words) >= SHORTEST:
            found += list(_runs(words, [min(len(words), LONGEST)]))
    return np.unique(np.concatenate(found))


def _runs(words: Words, lengths: Sequence[int]) -> list[Hashes]:
    """Hashes of all runs of so many words, for each of the lengths, which must rise."""
    found: list[Hashes] = []
    total = np.zeros(len(words), dtype=np.uint64)
    factor, taken = 1, 0
    for length in lengths:
        while taken < length:
            total = total[: max(0, len(words) - taken)] + words[taken:] * np.uint64(factor)
            factor, taken = factor * _WORD % 2**64, taken + 1
        found.append(_mixed(total + np.uint64(length)))
    return found


def _mixed(values: Hashes) -> Hashes:
    """Spread what differs over all bits (splitmix64's finaliser)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


def _shortened(hashes: Hashes) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)


def _letters() -> NDArray[np.uint64]:
    """A value above 0 for each byte that belongs to a word; capitals have those of small letters."""
    table = np.zeros(256, dtype=np.uint64)
    table[0] = 1
    for byte in range(128):
        if chr(byte).isalnum():
            table[byte] = ord(chr(byte).lower())
    return table


_LETTERS = _letters()


class _Spelling:
    """Tokens to bytes, whole blocks at once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._lengths = vocabulary.byte_lengths().copy()
        spelt = [vocabulary.decode(np.array([token], dtype=np.uint16)) for token in range(len(self._lengths))]
        spelt[vocabulary.end_of_text] = _BORDER
        self._lengths[vocabulary.end_of_text] = len(_BORDER)
        self._all = np.frombuffer(b"".join(spelt), dtype=np.uint8)
        self._starts = np.cumsum(self._lengths) - self._lengths

    def __call__(self, tokens: Tokens) -> NDArray[np.uint8]:
        lengths = self._lengths[tokens]
        ends = np.cumsum(lengths)
        places = np.arange(int(ends[-1]) if len(ends) else 0)
        text: NDArray[np.uint8] = self._all[places + np.repeat(self._starts[tokens] - (ends - lengths), lengths)]
        return text
