"""The row of tests on fresh seeds in a campaign: append only, one for a design."""

import time
from collections.abc import Callable, Sequence

import pymongo.errors

from archdb.outbox import holding, settle, telling
from archdb.patience import patient
from archdb.records import Body, Verified, document, plain
from archdb.store import Store
from archdb.told import told_promotion, told_test

INDEXES = {"verified": (("campaign", "number"),)}


@patient
def list_verified(store: Store, campaign: str) -> list[Verified]:
    """The campaign's tests in their order."""
    found = list(store.verified.find({"campaign": campaign}))
    return sorted((Verified.model_validate(one) for one in found), key=lambda one: one.number)


@patient
def record_verified(
    store: Store, campaign: str, experiment: str, baseline: str, test: Callable[[Sequence[Verified]], Body]
) -> Verified:
    """Append the design's test, or return the one that is recorded: nobody tests a design until luck helps.

    Args:
        store: where.
        campaign: whose row of tests.
        experiment: the design's id.
        baseline: the name of what it was tested against.
        test: from all earlier tests to the result. Called again when another test was faster.
    """
    while True:
        earlier = list_verified(store, campaign)
        for one in earlier:
            if one.experiment == experiment:
                settle(store, "verified", one.id)
                return one
        number = len(earlier) + 1
        fresh = Verified(
            id=f"{campaign}/{number}",
            campaign=campaign,
            number=number,
            experiment=experiment,
            baseline=baseline,
            result=test(earlier),
            created_at=time.time(),
        )
        try:
            store.verified.insert_one(document(fresh) | holding(told_test(fresh)))
        except pymongo.errors.DuplicateKeyError:
            continue
        settle(store, "verified", fresh.id)
        return fresh


@patient
def add_holdout(store: Store, one: Verified, result: Body) -> Verified:
    """The result with what the hold-out said. Written once: a later call changes nothing."""
    settled = {"result": plain(result, one.id)}
    told = telling(told_promotion(one.model_copy(update=settled)))
    store.verified.update_one({"_id": one.id, "result.promoted": None}, {"$set": settled, **told})
    settle(store, "verified", one.id)
    return Verified.model_validate(store.verified.find_one({"_id": one.id}))
