"""Claims on experiments: one worker at a time, taken over when its holder is dead or silent.

A claim is a compare-and-set that raises the lease's fencing token; every stage write carries the token, so a worker
that lost its lease cannot write any more.
"""

import os
import socket
import time
import uuid
from pathlib import Path

import psutil

from archdb.errors import LeaseLost
from archdb.experiments import compare_and_set
from archdb.records import Experiment, Lease
from archdb.store import Document, Store, store_faults

LEASE_SECONDS = 60.0  # a silent holder on another machine is given up after this; renewed once a second in training


def claim(store: Store, experiment_id: str) -> int | None:
    """Take the lease of an experiment. Returns its fencing token, or None when a live worker holds it."""
    owner = _this_worker()

    def change(now: Experiment) -> Document | None:
        if now.lease.owner and now.lease.expires > time.time() and not _is_dead(now.lease.owner):
            return None
        return {"lease": Lease(owner=owner, token=now.lease.token + 1, expires=time.time() + LEASE_SECONDS)}

    lease = compare_and_set(store, experiment_id, change).lease
    return lease.token if lease.owner == owner else None


def renew(store: Store, experiment_id: str, token: int) -> None:
    """Keep a lease for another LEASE_SECONDS.

    Raises:
        LeaseLost: another worker has claimed the experiment since.
    """

    def change(now: Experiment) -> Document:
        if now.lease.token != token:
            raise LeaseLost(f"{experiment_id} is now worked on by {now.lease.owner}.")
        return {"lease.expires": time.time() + LEASE_SECONDS}

    compare_and_set(store, experiment_id, change)


def release(store: Store, experiment_id: str, token: int) -> None:
    """Give a lease back, if it is still ours."""

    def change(now: Experiment) -> Document | None:
        if now.lease.token != token:
            return None
        return {"lease.owner": "", "lease.expires": 0.0}

    compare_and_set(store, experiment_id, change)


def anyone_at_work(store: Store) -> bool:
    """Whether a live worker holds the lease of any experiment."""
    with store_faults():
        held = list(store.experiments.find({"lease.owner": {"$gt": ""}}, {"lease": 1}))
    leases = [Lease.model_validate(one["lease"]) for one in held]
    return any(lease.expires > time.time() and not _is_dead(lease.owner) for lease in leases)


def _machine() -> str:
    """Names this machine, this boot and this pid namespace: only inside them does a pid mean a process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        boot, namespace = "-", 0
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _this_worker() -> str:
    started = psutil.Process().create_time()
    return f"{_machine()}/{os.getpid()}/{started:.2f}/{uuid.uuid4().hex[:8]}"


def _is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that runs no more. Unknown counts as alive."""
    machine, pid, started, _ = owner.rsplit("/", 3)
    if machine != _machine():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True
