"""What a caller does while its design waits for a GPU pool: here for one that nobody serves."""

import contextvars
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from archdb import (
    Campaign,
    Conflict,
    Halted,
    LeaseLost,
    Store,
    claim,
    create_experiment,
    get_experiment,
    get_running,
    open_campaign,
)
from archdb.governance import turn
from flows.dispatch import _attend, _look, evaluate
from flows.evaluate_design import _train_and_benchmark
from tests.laboratory import until

pytestmark = pytest.mark.xdist_group("lab")


def a_design(store: Store, campaign: str) -> tuple[str, int]:
    open_campaign(store, Campaign(id=campaign, scale="tiny", provider="grammar", cycles=0))
    one = create_experiment(store, f"{campaign}-c001", campaign=campaign, kind="candidate", name="n", cycle=1)
    token = claim(store, one.id)
    assert token is not None
    return one.id, token


def test_a_run_that_was_deleted_is_dispatched_anew_and_never_in_a_halted_campaign(
    lab_store: Store, idle_pool: SyncPrefectClient
) -> None:
    one, token = a_design(lab_store, "deleted")

    @flow
    def caller() -> None:
        evaluate(one, token)

    def run() -> UUID | None:
        known = [found for found in idle_pool.read_flow_runs() if found.parameters.get("experiment_id") == one]
        return known[0].id if known else None

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(contextvars.copy_context().run, caller)
        try:
            until(lambda: (shown := get_running(lab_store, one)) and shown.stage == "waiting for the GPU pool")
            expires = get_experiment(lab_store, one).lease.expires
            idle_pool.delete_flow_run(until(run))
            until(lambda: get_experiment(lab_store, one).dispatch.number == 2)
            until(lambda: get_experiment(lab_store, one).lease.expires > expires)
            turn(lab_store, "deleted", "paused", "ada")
            idle_pool.delete_flow_run(until(run))
            until(lambda: (shown := get_running(lab_store, one)) and shown.stage == "paused")
            assert get_experiment(lab_store, one).dispatch.number == 2
        finally:
            turn(lab_store, "deleted", "stopped", "ada")
            with pytest.raises(Halted, match="was stopped by ada"):
                waiting.result()


def test_no_process_trains_on_other_data_than_its_campaign(lab_store: Store) -> None:
    open_campaign(lab_store, Campaign(id="d", scale="tiny", provider="grammar", cycles=0, dataset="other 0123"))
    one = create_experiment(lab_store, "d-c001", campaign="d", kind="candidate", name="n", cycle=1)
    with pytest.raises(Conflict, match="Campaign d trains on other 0123, and this machine has"):
        _train_and_benchmark(one, 1)


def test_a_caller_notices_that_its_lease_is_lost_while_prefect_is_away(
    lab_store: Store, idle_pool: SyncPrefectClient
) -> None:
    one, token = a_design(lab_store, "lost")
    now = get_experiment(lab_store, one)
    away = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(away), SyncPrefectClient("http://127.0.0.1:9/api") as client:
        assert _look(client, [UUID(int=1)]) is None
    assert _look(idle_pool, [UUID(int=1)]) == []
    assert _attend(now, token, None) is not None
    lab_store.experiments.update_one({"_id": one}, {"$inc": {"lease.token": 1}})
    with pytest.raises(LeaseLost):
        _attend(now, token, None)
