"""Claims on experiments: one worker at a time, taken over when its holder is dead or silent.

A claim is a compare-and-set that raises the lease's fencing token; every stage write carries the token, so a worker
that lost its lease cannot write any more. Leases are stamped and judged by the store's clock alone, so that workers
whose clocks differ agree; if that clock jumps, a lease is wrong for as long as its holder takes to renew it.
"""

import os
import socket
import uuid
from pathlib import Path

import psutil

from archdb.events import Told
from archdb.experiments import compare_and_set, lease_lost
from archdb.outbox import settle_experiment
from archdb.patience import patient
from archdb.records import Experiment, Lease
from archdb.store import Document, Store
from archdb.told import told_takeover

LEASE_SECONDS = 60.0  # a silent holder on another machine is given up after this; renewed once a second in training
HUNG_SECONDS = 600.0  # a silent holder that is seen to live on this machine is given up after this: it may have slept
INDEXES = {"experiments": (("lease.owner",),)}


def claim(store: Store, experiment_id: str) -> int | None:
    """Take the lease of an experiment. Returns its fencing token, or None when a live worker holds it.

    The event log gets what a dead holder left untold, and that its lease was taken over.
    """
    owner = f"{this_process()}/{uuid.uuid4().hex[:8]}"
    left = False

    def change(now: Experiment) -> Document | None:
        nonlocal left
        at = store.now()
        if is_held(now.lease, at):
            return None
        left = bool(now.lease.owner)  # who gives a lease back leaves nothing
        return {"lease": Lease(owner=owner, token=now.lease.token + 1, expires=at + LEASE_SECONDS)}

    def told(now: Experiment) -> Told | None:
        return told_takeover(now) if now.lease.owner else None

    lease = compare_and_set(store, experiment_id, change, told).lease
    if lease.owner != owner:
        return None
    if left:
        settle_experiment(store, experiment_id)
    return lease.token


def renew(store: Store, experiment_id: str, token: int) -> None:
    """Keep a lease for another LEASE_SECONDS; a dispatch's machine says that it works, and leaves the lease alone.

    Raises:
        LeaseLost: another worker has claimed the experiment since, or the dispatch was closed.
    """

    def change(now: Experiment) -> Document:
        if not now.admits(token):
            raise lease_lost(now)
        at = store.now()
        return {"lease.expires": at + LEASE_SECONDS} if token == now.lease.token else {"dispatch.seen": at}

    compare_and_set(store, experiment_id, change)


def release(store: Store, experiment_id: str, token: int) -> None:
    """Give a lease back, if it is still ours."""

    def change(now: Experiment) -> Document | None:
        if now.lease.token != token:
            return None
        return {"lease.owner": "", "lease.expires": 0.0}

    settle_experiment(store, experiment_id)
    compare_and_set(store, experiment_id, change)


def settle_abandoned(store: Store) -> int:
    """Settle what dead workers left of experiments that had ended, which nobody else goes on with. Returns how many
    these were.
    """
    held = _leased(store)
    at = store.now()
    over = [one.id for one in held if one.state != "open" and not is_held(one.lease, at)]
    for one in over:
        token = claim(store, one)
        if token is not None:
            release(store, one, token)
    return len(over)


def anyone_at_work(store: Store) -> bool:
    """Whether a live worker holds the lease of any experiment."""
    held = _leased(store)
    at = store.now()
    return any(is_held(one.lease, at) for one in held)


@patient
def _leased(store: Store) -> list[Experiment]:
    return [Experiment.model_validate(one) for one in store.experiments.find({"lease.owner": {"$gt": ""}})]


def is_held(lease: Lease, at: float) -> bool:
    """Whether a live worker holds the lease, at this time of the store's clock, asked once the lease was read.

    A lease that ends later than any can was stamped before the clock went back.
    """
    if not lease.owner:
        return False
    alive = is_alive(lease.owner.rpartition("/")[0])
    if alive is None:
        return at < lease.expires <= at + LEASE_SECONDS
    return alive and at < lease.expires + HUNG_SECONDS


def _machine() -> str:
    """Names this machine, this boot and this pid namespace: only inside them does a pid mean a process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        boot, namespace = "-", 0
    return f"{socket.gethostname()}/{boot}/{namespace}"


def this_process() -> str:
    """Names this process among those of all machines and all times."""
    return f"{_machine()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def is_alive(owner: str) -> bool | None:
    """Whether the owner, as :func:`this_process` names it, is a process that runs here; None: of another machine."""
    machine, pid, started = owner.rsplit("/", 2)
    if machine != _machine():
        return None
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == started
    except psutil.NoSuchProcess:
        return False
