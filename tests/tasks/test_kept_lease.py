"""A lease is kept while a stage waits, and not fought for once it is lost."""

import threading

import pytest

import tasks.kept_lease
from archdb import Experiment, LeaseLost, Store, claim, create_experiment, get_experiment, set_fields
from tasks.kept_lease import kept_lease
from tasks.stage import Outcome, run_stage


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.kept_lease, "BEAT", 0.05)


def leased(store: Store) -> tuple[Experiment, int]:
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="one", cycle=1)
    token = claim(store, one.id)
    assert token is not None
    return get_experiment(store, one.id), token


def later_than(store: Store, expires: float) -> bool:
    """Whether the lease is renewed past a time. Waits for it, not longer than the test may take."""
    waiting = threading.Event()
    return any(get_experiment(store, "t-c001").lease.expires > expires or waiting.wait(0.05) for _ in range(600))


def test_a_stage_that_waits_keeps_its_lease(store: Store) -> None:
    one, token = leased(store)
    set_fields(store, one.id, lease=one.lease.model_copy(update={"expires": one.lease.expires - 50}))
    seen = []

    def wait(store: Store, now: Experiment) -> Outcome:
        seen.append(later_than(store, one.lease.expires - 50))
        return Outcome()

    assert "propose:0" in run_stage(one.id, token, "propose", wait).stages
    assert seen == [True]


def test_a_lease_that_is_lost_is_left_to_its_new_holder(store: Store) -> None:
    one, token = leased(store)
    other = one.lease.model_copy(update={"token": token + 1, "owner": "elsewhere/1/x"})

    def lose(store: Store, now: Experiment) -> Outcome:
        set_fields(store, now.id, lease=other)
        with kept_lease(store, now.id, token):
            assert not threading.Event().wait(0.5)
        return Outcome()

    with pytest.raises(LeaseLost):
        run_stage(one.id, token, "propose", lose)
    assert get_experiment(store, one.id).lease == other
    assert not [one for one in threading.enumerate() if one.name.startswith("lease of")]
