"""What is going on right now: one small document per experiment in flight, overwritten once a second."""

from archdb.records import Running
from archdb.store import Store, store_faults


def show_running(store: Store, running: Running) -> None:
    """Publish where a stage stands."""
    with store_faults():
        store.running.replace_one({"_id": running.id}, running.model_dump(by_alias=True), upsert=True)


def clear_running(store: Store, experiment_id: str) -> None:
    """The experiment is at rest."""
    with store_faults():
        store.running.delete_one({"_id": experiment_id})


def get_running(store: Store, experiment_id: str) -> Running | None:
    """What is published of one experiment."""
    with store_faults():
        found = store.running.find_one({"_id": experiment_id})
    return Running.model_validate(found) if found else None


def list_running(store: Store, campaign: str) -> list[Running]:
    """Every experiment of a campaign that is in flight (or was, when its worker was killed)."""
    with store_faults():
        found = list(store.running.find({"campaign": campaign}))
    return sorted((Running.model_validate(one) for one in found), key=lambda one: one.id)
