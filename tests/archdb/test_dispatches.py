"""A dispatch's machine may write as long as its dispatch is open, whoever holds the experiment's lease meanwhile."""

import pytest

from archdb import (
    LeaseLost,
    Stage,
    Store,
    claim,
    close_dispatch,
    create_experiment,
    get_budget,
    get_experiment,
    open_dispatch,
    recover,
    release,
    renew,
    reserve,
    write_stage,
)


def trained(seed: int) -> Stage:
    return Stage(stage="gpu-train", seed=seed, started_at=0.0, seconds=1.0)


def test_a_callers_death_leaves_its_dispatch_to_the_next_caller(store: Store) -> None:
    create_experiment(store, "d-1", campaign="d", kind="candidate", name="one")
    first = claim(store, "d-1")
    assert first is not None
    dispatch = open_dispatch(store, "d-1", first)
    assert dispatch.number == 1
    write_stage(store, "d-1", trained(0), dispatch.token)
    release(store, "d-1", first)  # as a lease that ran out
    second = claim(store, "d-1")
    assert second is not None
    assert open_dispatch(store, "d-1", second).number == 1, "it joins the dispatch that is open"
    renew(store, "d-1", dispatch.token)
    write_stage(store, "d-1", trained(1), dispatch.token)
    with pytest.raises(LeaseLost):
        write_stage(store, "d-1", trained(2), first)
    with pytest.raises(LeaseLost):
        open_dispatch(store, "d-1", first)
    assert set(get_experiment(store, "d-1").stages) == {"gpu-train:0:0", "gpu-train:0:1"}


def test_a_closed_dispatch_writes_nothing_more(store: Store) -> None:
    create_experiment(store, "d-2", campaign="d", kind="candidate", name="two")
    token = claim(store, "d-2")
    assert token is not None
    old = open_dispatch(store, "d-2", token)
    close_dispatch(store, "d-2", token)
    with pytest.raises(LeaseLost):
        renew(store, "d-2", old.token)
    new = open_dispatch(store, "d-2", token)
    assert new.number == 2
    with pytest.raises(LeaseLost):
        write_stage(store, "d-2", trained(0), old.token)
    write_stage(store, "d-2", trained(0), new.token)
    lease = get_experiment(store, "d-2").lease
    renew(store, "d-2", new.token)
    assert get_experiment(store, "d-2").lease == lease, "a machine on the pool does not keep its caller's lease"
    renew(store, "d-2", token)


def test_a_reservation_of_a_machine_that_works_is_kept(store: Store) -> None:
    create_experiment(store, "d-3", campaign="d", kind="candidate", name="three")
    token = claim(store, "d-3")
    assert token is not None
    dispatch = open_dispatch(store, "d-3", token)
    reserve(store, "d", "d-3/gpu-train:0:0", {"cpu_seconds": 5.0})
    release(store, "d-3", token)  # the caller is gone
    name = next(iter(get_budget(store, "d").operations))
    far = {f"operations.{name}.owner": "elsewhere/boot/1/7/1.00", f"operations.{name}.since": 0.0}
    store.budgets.update_one({"_id": "d"}, {"$set": far})
    renew(store, "d-3", dispatch.token)
    assert recover(store, "d").operations
    store.experiments.update_one({"_id": "d-3"}, {"$set": {"dispatch.seen": 0.0}})
    assert not recover(store, "d").operations
