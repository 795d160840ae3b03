"""What is going on right now: one small document per experiment in flight, overwritten once a second."""

from archdb.patience import patient
from archdb.records import Running, document
from archdb.store import Store

INDEXES = {"running": (("campaign",),)}


@patient
def show_running(store: Store, running: Running) -> None:
    """Publish where a stage stands."""
    store.running.replace_one({"_id": running.id}, document(running), upsert=True)


@patient
def clear_running(store: Store, experiment_id: str) -> None:
    """The experiment is at rest."""
    store.running.delete_one({"_id": experiment_id})


@patient
def get_running(store: Store, experiment_id: str) -> Running | None:
    """What is published of one experiment."""
    found = store.running.find_one({"_id": experiment_id})
    return Running.model_validate(found) if found else None


@patient
def list_running(store: Store, campaign: str) -> list[Running]:
    """Every experiment of a campaign that is in flight (or was, when its worker was killed)."""
    found = list(store.running.find({"campaign": campaign}))
    return sorted((Running.model_validate(one) for one in found), key=lambda one: one.id)
