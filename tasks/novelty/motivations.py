"""How like a motivation is to those of a campaign's earlier designs: the same idea may come back as other code.

Cosines between sentence embeddings saturate: texts on one subject in one form all point the same way. So the mean of a
campaign's vectors is taken off first.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from archdb import Experiment, Idea, Store, ideas_since, record_idea
from archdb.cognition.embedding import load_embedder

FEWEST = 10  # other motivations, before their mean says anything
OVERLAP_SECONDS = 600.0  # what other workers' clocks may be behind

Vectors = NDArray[np.float32]


class Closest(NamedTuple):
    """The experiment whose motivation is most like the one that was asked about."""

    id: str
    similarity: float  # centred cosine, at most 1


class _Followed:
    """A campaign's ideas as far as this process has read them: each is read about once."""

    def __init__(self) -> None:
        self.ideas: dict[str, Idea] = {}
        self.until = 0.0

    def look(self, store: Store, campaign: str) -> list[Idea]:
        for one in ideas_since(store, campaign, self.until - OVERLAP_SECONDS, self.ideas):
            self.ideas[one.id] = one
            self.until = max(self.until, one.created_at)
        return list(self.ideas.values())


_followed: WeakKeyDictionary[Store, dict[str, _Followed]] = WeakKeyDictionary()


def closest_motivation(store: Store, experiment: Experiment, text: str, at: float) -> Closest | None:
    """Keep what this motivation is compared by, and find the most similar one that is older.

    Args:
        store: where.
        experiment: what is motivated.
        text: why.
        at: when it was first looked at, in seconds of the epoch.

    Returns:
        None without an embedding model, or where there are too few others for their mean to say anything.
    """
    embed = load_embedder()
    if embed is None or not text.strip():
        return None
    everything = {one.id: one for one in _known(store, experiment.campaign)}
    mine = everything.get(experiment.id)
    if mine is None:
        packed = _packed(embed, text)
        mine = record_idea(store, Idea(id=experiment.id, campaign=experiment.campaign, vector=packed, created_at=at))
    older = [one for one in everything.values() if (one.created_at, one.id) < (mine.created_at, mine.id)]
    return _closest(mine.vector, older) if len(older) >= FEWEST else None


def most_alike(store: Store, campaign: str, text: str, besides: str) -> Closest | None:
    """The motivation of a campaign that is most like a text, whatever ``besides`` has for one. Nothing is kept.

    None as in :func:`closest_motivation`.
    """
    embed = load_embedder()
    others = [one for one in _known(store, campaign) if one.id != besides]
    if embed is None or not text.strip() or len(others) < FEWEST:
        return None
    return _closest(_packed(embed, text), others)


def _known(store: Store, campaign: str) -> list[Idea]:
    return _followed.setdefault(store, {}).setdefault(campaign, _Followed()).look(store, campaign)


def _closest(vector: bytes, others: Sequence[Idea]) -> Closest:
    cosines = centred_cosines(_vector(vector), np.stack([_vector(one.vector) for one in others]))
    best = int(cosines.argmax())
    return Closest(others[best].id, float(cosines[best]))


@lru_cache(maxsize=32)  # a motivation is asked about when it is proposed, and again when its code is there
def _packed(embed: Callable[[Sequence[str]], Sequence[Sequence[float]]], text: str) -> bytes:
    (vector,) = embed([text])
    return np.asarray(vector, dtype="<f4").tobytes()


def centred_cosines(one: Vectors, others: Vectors) -> Vectors:
    """The cosines of ``one`` [D] with each of ``others`` [N, D], after the mean of the others is taken off: [N]."""
    centre = others.mean(axis=0)
    ours, theirs = one - centre, others - centre
    lengths = np.linalg.norm(theirs, axis=1) * np.linalg.norm(ours)
    return np.asarray(theirs @ ours / np.maximum(lengths, 1e-12), dtype=np.float32)


def embedded(texts: Sequence[str]) -> Vectors | None:
    """The vectors of texts [N, D]; None without an embedding model."""
    embed = load_embedder()
    return np.asarray(embed(texts), dtype=np.float32) if embed is not None else None


def _vector(packed: bytes) -> Vectors:
    return np.frombuffer(packed, dtype="<f4")
