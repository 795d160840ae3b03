"""Leases: whose they are when holders die or fall silent, and when clocks jump."""

import itertools

import psutil
import pytest

from archdb import Experiment, LeaseLost, Stage, Store, claim, create_experiment, get_experiment, renew, write_stage
from archdb.experiments import compare_and_set
from archdb.leases import HUNG_SECONDS, LEASE_SECONDS, is_held
from archdb.records import Lease

ELSEWHERE = "another-machine/00000000/1/77/1.00/abcdef01"
DAY = 86_400.0


def new(store: Store) -> Experiment:
    return create_experiment(store, "t-c001", campaign="t", kind="candidate", name="one", cycle=1)


def held_elsewhere(store: Store, one: Experiment, at: float) -> int:
    """A lease that a worker of another machine took at a time of the store's clock."""
    lease = Lease(owner=ELSEWHERE, token=one.lease.token + 1, expires=at + LEASE_SECONDS)
    compare_and_set(store, one.id, lambda _: {"lease": lease})
    return lease.token


def holder_of(store: Store, one: Experiment) -> str:
    return get_experiment(store, one.id).lease.owner


def test_the_stores_clock_goes_with_the_time(store: Store) -> None:
    before = store.now()
    assert 0 <= store.now() - before < 60
    assert 1.7e9 < before < 1e10


def test_a_holder_elsewhere_is_given_up_when_it_falls_silent(store: Store) -> None:
    one = new(store)
    token = held_elsewhere(store, one, store.now())
    assert claim(store, one.id) is None
    compare_and_set(store, one.id, lambda _: {"lease.expires": store.now() - 0.1})
    assert claim(store, one.id) == token + 1
    with pytest.raises(LeaseLost):
        write_stage(store, one.id, Stage(stage="propose", started_at=1, seconds=1), token)


def test_a_living_process_of_this_machine_may_be_silent_for_longer(store: Store) -> None:
    one = new(store)
    assert claim(store, one.id) == 1
    mine = get_experiment(store, one.id).lease
    at = store.now()
    assert is_held(mine.model_copy(update={"expires": at - HUNG_SECONDS + 9}), at)  # a laptop that slept
    assert not is_held(mine.model_copy(update={"expires": at - HUNG_SECONDS - 9}), at)


def test_a_dead_process_of_this_machine_holds_nothing(store: Store) -> None:
    one = new(store)
    assert claim(store, one.id) == 1
    machine, _pid, _started, _ = holder_of(store, one).rsplit("/", 3)
    gone = psutil.Popen(["true"])
    gone.wait()
    lease = Lease(owner=f"{machine}/{gone.pid}/1.00/x", token=1, expires=store.now() + LEASE_SECONDS)
    assert not is_held(lease, store.now())


@pytest.mark.parametrize("jump", [-400 * DAY, -DAY, -LEASE_SECONDS - 5, 5 * LEASE_SECONDS, DAY, 400 * DAY])
def test_a_clock_that_jumps_leaves_no_lease_behind(store: Store, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    one = new(store)
    token = held_elsewhere(store, one, store.now())
    clock = Store.now
    monkeypatch.setattr(Store, "now", lambda self: clock(self) + jump)
    assert claim(store, one.id) == token + 1  # neither stuck for as long as the jump, nor a second holder:
    with pytest.raises(LeaseLost):
        renew(store, one.id, token)


@pytest.mark.parametrize("jump", [-400 * DAY, -LEASE_SECONDS - 5, DAY])
def test_a_holder_that_renews_after_the_jump_keeps_its_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    one = new(store)
    token = held_elsewhere(store, one, store.now())
    clock = Store.now
    monkeypatch.setattr(Store, "now", lambda self: clock(self) + jump)
    renew(store, one.id, token)
    assert claim(store, one.id) is None
    assert holder_of(store, one) == ELSEWHERE


def test_workers_whose_own_clocks_differ_agree(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = new(store)
    token = held_elsewhere(store, one, store.now())
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert claim(store, one.id) is None
    renew(store, one.id, token)
    assert abs(get_experiment(store, one.id).lease.expires - store.now() - LEASE_SECONDS) < 60


def test_a_renewal_while_somebody_looks_at_the_clock_is_no_clock_that_went_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = new(store)
    held_elsewhere(store, one, store.now())
    clock, asked = Store.now, itertools.count()

    def renewed_behind(self: Store) -> float:
        at = clock(self) + next(asked)
        later = {"$set": {"lease.expires": at + 0.5 + LEASE_SECONDS}, "$inc": {"rev": 1}}
        self.experiments.update_one({"_id": one.id}, later)
        return at

    monkeypatch.setattr(Store, "now", renewed_behind)
    assert claim(store, one.id) is None
    assert holder_of(store, one) == ELSEWHERE


def test_a_renewal_that_was_delayed_is_of_the_time_when_it_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = new(store)
    token = held_elsewhere(store, one, store.now())
    clock, late = Store.now, 0.0

    def after_another_writer(self: Store) -> float:
        nonlocal late
        at = clock(self) + late
        if not late:
            late = 3 * LEASE_SECONDS
            self.experiments.update_one({"_id": one.id}, {"$inc": {"rev": 1}})
        return at

    monkeypatch.setattr(Store, "now", after_another_writer)
    renew(store, one.id, token)
    assert is_held(get_experiment(store, one.id).lease, store.now())
