"""Retries are typed: what the surroundings did is tried again, what a design or a bug did is not."""

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import StoreUnavailable
from tasks.faults import CapacityFault, TransportFault
from tasks.stage import RETRIES, stage_task
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        (StoreUnavailable("no answer"), RETRIES + 1),
        (TransportFault("no answer"), RETRIES + 1),
        (CapacityFault("no room"), RETRIES + 1),
        (ValueError("a bug"), 1),
    ],
    ids=["store", "transport", "capacity", "bug"],
)
def test_only_transient_faults_are_tried_again(lab: Lab, fault: Exception, calls: int) -> None:
    called = []

    @stage_task("probe")
    def probe() -> None:
        called.append(1)
        raise fault

    @flow
    def once() -> None:
        probe.with_options(retry_delay_seconds=0)()

    with temporary_settings({PREFECT_API_URL: lab.prefect}), pytest.raises(type(fault)):
        once()
    assert len(called) == calls


def test_a_stage_that_recovers_succeeds(lab: Lab) -> None:
    called = []

    @stage_task("probe")
    def probe() -> str:
        called.append(1)
        if len(called) < 3:
            raise TransportFault("not yet")
        return "done"

    @flow
    def once() -> str:
        told: str = probe.with_options(retry_delay_seconds=0)()
        return told

    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        assert once() == "done"
    assert len(called) == 3
