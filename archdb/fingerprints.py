"""What tells whether a program or an idea was there before: fingerprints of code, and vectors of motivations.

The code that makes them belongs to another room. Both are derived from what the event log already knows, so it is not
told of them. A fingerprint is found through its exact hash or through any of its bands, each by one indexed lookup.
"""

import time
from collections.abc import Collection, Sequence

from pydantic import Field

from archdb.once import insert_or_find
from archdb.patience import patient
from archdb.records import Record
from archdb.store import Document, Store

INDEXES = {
    "fingerprints": (("campaign", "exact"), ("bands",)),
    "ideas": (("campaign", "created_at"),),
}


class Fingerprint(Record):
    """What one version of a design's code is compared by."""

    id: str = Field(alias="_id")  # experiment:attempt/measure
    experiment: str
    campaign: str
    attempt: int
    exact: str  # equal for programs that are one, apart from names and layout
    bands: tuple[str, ...]  # campaign/number: like programs of a campaign are likely to share one
    shingles: bytes  # sorted 32-bit numbers
    created_at: float = 0.0


class Idea(Record):
    """Why a design was proposed, as a vector."""

    id: str = Field(alias="_id")  # the experiment's
    campaign: str
    vector: bytes  # 32-bit floats of unit length
    created_at: float = 0.0


def fingerprint_of(
    experiment: str,
    campaign: str,
    attempt: int,
    *,
    measure: int,
    exact: str,
    bands: Sequence[int],
    shingles: bytes,
) -> Fingerprint:
    """The record for one version of a design's code. Those of two measures are kept side by side and never meet."""
    return Fingerprint(
        id=f"{experiment}:{attempt}/{measure}",
        experiment=experiment,
        campaign=campaign,
        attempt=attempt,
        exact=exact,
        bands=tuple(f"{campaign}/{one:x}" for one in bands),
        shingles=shingles,
        created_at=time.time(),
    )


def record_fingerprint(store: Store, one: Fingerprint) -> Fingerprint:
    """Keep the fingerprint unless there is one of its id, and return what is kept."""
    return insert_or_find(store.fingerprints, one)


@patient
def same_program(store: Store, one: Fingerprint) -> list[Fingerprint]:
    """Fingerprints of the same program in the same campaign, its own included, the earliest first."""
    found = store.fingerprints.find({"campaign": one.campaign, "exact": one.exact})
    return sorted(map(Fingerprint.model_validate, found), key=_age)


@patient
def alike(store: Store, one: Fingerprint) -> list[Fingerprint]:
    """Fingerprints of the same campaign that share a band with this one, its own included, the earliest first."""
    found = store.fingerprints.find({"bands": {"$in": list(one.bands)}})
    return sorted(map(Fingerprint.model_validate, found), key=_age)


def came_before(one: Fingerprint, other: Fingerprint) -> bool:
    """Of two that are written at once, each worker sees the same one as the earlier."""
    return _age(one) < _age(other)


def _age(one: Fingerprint) -> tuple[float, str]:
    return one.created_at, one.id


def record_idea(store: Store, one: Idea) -> Idea:
    """Keep the vector of a motivation unless the experiment has one, and return what is kept."""
    return insert_or_find(store.ideas, one)


@patient
def ideas_since(store: Store, campaign: str, since: float, known: Collection[str] = ()) -> list[Idea]:
    """A campaign's ideas that were recorded at this time (seconds of the epoch) or later, but those of known ids."""
    wanted: Document = {"campaign": campaign, "created_at": {"$gte": since}}
    if known:
        fresh = [one["_id"] for one in store.ideas.find(wanted, {"_id": 1}) if one["_id"] not in known]
        if not fresh:
            return []
        wanted = {"_id": {"$in": fresh}}
    return [Idea.model_validate(one) for one in store.ideas.find(wanted)]
