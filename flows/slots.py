"""The global limit ``gpu-slot``: how many designs train at a time, over all flows of a Prefect server."""

import contextlib

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from archdb import anyone_at_work, open_store

SLOT = "gpu-slot"
LEASE_SECONDS = 60.0  # Prefect frees a killed holder's slot after this


def in_slot() -> contextlib.AbstractContextManager[None]:
    """Wait for a slot, and hold it as long as the block runs. The server must have the limit."""
    return concurrency(SLOT, occupy=1, lease_duration=LEASE_SECONDS, strict=True)


def create_slots(slots: int) -> None:
    """Create the limit if the server lacks it; one that is there stays as a person has set it."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(SLOT)
        except ObjectNotFound:
            with contextlib.suppress(ObjectAlreadyExists):
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=SLOT, limit=slots))


def offer_slots(slots: int) -> None:
    """Create the limit if the server lacks it, and give back slots that a killed worker has left taken.

    A worker that was killed keeps its slot for a minute. When the store knows of no live worker at all, slots that are
    still taken are such leftovers, and are given back at once.
    """
    create_slots(slots)
    with get_client(sync_client=True) as client:
        limit = client.read_global_concurrency_limit_by_name(SLOT)
        if limit.active_slots and not anyone_at_work(open_store()):
            client.update_global_concurrency_limit(SLOT, GlobalConcurrencyLimitUpdate(active_slots=0))
