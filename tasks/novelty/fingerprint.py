"""A program's fingerprint: an exact hash of its canonical form, and what finds and measures its near neighbours.

Shingles are runs of ``LENGTH`` tokens with free names blanked (Broder, "On the resemblance and containment of
documents", 1997); a run's second occurrence counts as another shingle. Their Jaccard similarity is measured in full,
but only against programs that share a band of the MinHash signature (Leskovec et al., "Mining of Massive Datasets",
section 3.4): one indexed lookup, however many programs there are.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.novelty.canonical import Token, Unreadable, canonical

MEASURE = 1  # goes up whenever the same program would get another fingerprint: those of two measures never meet
LENGTH = 7
BANDS, ROWS = 16, 8  # two programs at .9 similarity share a band in 99.99% of cases, at .8 in 95%, at .4 in 1%

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Reading:
    """What a program is compared by."""

    exact: str  # sha256, in hexadecimal; equal for programs that do the same in the same way
    shingles: bytes  # sorted 32-bit numbers, little-endian
    bands: tuple[int, ...]


def read(source: str) -> Reading:
    """The fingerprint of a program.

    Raises:
        Unreadable: the text is no program.
    """
    tokens = canonical(source)
    marks = shingles(tokens)
    whole = "\n".join(one.exact for one in tokens)
    exact = hashlib.sha256(f"{MEASURE}\n{whole}".encode(errors="surrogatepass")).hexdigest()
    return Reading(exact, marks.tobytes(), bands(marks))


def same(a: str, b: str) -> bool:
    """Whether two texts are the same program, apart from names and layout; texts that are none are compared as such."""
    try:
        return read(a).exact == read(b).exact
    except Unreadable:
        return a.strip() == b.strip()


def similarity(a: bytes, b: bytes) -> float:
    """The Jaccard similarity of two programs' shingles, from 0 to 1."""
    one, other = np.frombuffer(a, dtype="<u4"), np.frombuffer(b, dtype="<u4")
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / max(1, len(one) + len(other) - both)


def shingles(tokens: Sequence[Token], length: int = LENGTH) -> NDArray[np.uint32]:
    """A program's shingles as sorted numbers, each once. A program shorter than ``length`` is one shingle."""
    words = np.array([_word(one.blank) for one in tokens], dtype=np.uint64)
    runs = max(1, len(words) - length + 1)
    mixed = np.zeros(runs, dtype=np.uint64)
    for place in range(min(length, len(words))):
        mixed = _mix(mixed * np.uint64(3) + words[place : place + runs])
    ordered = np.sort(mixed)
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(runs), 0))
    occurrence = (np.arange(runs) - first).astype(np.uint64)
    return np.unique((_mix(ordered + occurrence) >> np.uint64(32)).astype("<u4"))


def bands(marks: NDArray[np.uint32], count: int = BANDS, rows: int = ROWS) -> tuple[int, ...]:
    """The bands of the MinHash signature: positive numbers of 62 bits that two like programs are likely to share."""
    seeds = _mix(np.arange(1, count * rows + 1, dtype=np.uint64))
    least = _mix(marks.astype(np.uint64)[None, :] ^ seeds[:, None]).min(axis=1).reshape(count, rows)
    mixed = np.arange(count, dtype=np.uint64) + np.uint64(MEASURE << 32)
    for row in range(rows):
        mixed = _mix(mixed * np.uint64(3) + least[:, row])
    return tuple(int(one) for one in mixed >> np.uint64(2))


def _mix(x: Words) -> Words:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014): each bit of the result depends on each of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@functools.lru_cache(maxsize=2**14)
def _word(token: str) -> int:
    digest = hashlib.blake2b(token.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
