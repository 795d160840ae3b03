"""The layers of one child, put on in the order that works; each is recorded as on (detail) or off (reason)."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from evaluation import Profile
from tasks.sandbox import view
from tasks.sandbox.landlock import restrict
from tasks.sandbox.namespaces import NEW, is_administrator
from tasks.sandbox.order import Layer, Order, Placement
from tasks.sandbox.privileges import (
    become,
    drop_capabilities,
    effective_capabilities,
    empty_bounding_set,
    forbid_new_privileges,
    limit_resources,
    own_status,
)
from tasks.sandbox.seccomp import filter_calls
from tasks.sandbox.visible import HIDDEN, code_folders, has_gpu, names, own, shared

SPARE_BYTES = 2 * 2**30  # address space for thread stacks and for what an allocator reserves but does not use
MOST_OPEN_FILES, MOST_LOCKED_BYTES = 512, 2**16
MOST_OWN, MOST_SHARED = 256, 4096  # processes and threads of a user of the child's own, and of the person's user

Layers = dict[str, str]


def place(order: Order, uid: int) -> Placement:
    """Decide about an order; ``uid`` is free for its child. Namespaces that do not work must be off in it."""
    separated = "namespaces" in order.layers
    mapped = (os.getuid(), os.getgid()) if separated and not is_administrator() else None
    # Namespaces that root made also open the way to folders below one that is closed to others.
    changes = os.geteuid() == 0 and "user" in order.layers and mapped is None
    if changes and not separated and view.closed_to_others([order.folder, *code_folders()]):
        changes = False
    return Placement(uid if changes else 0, separated, mapped)


@lru_cache(maxsize=8)
def plan_view(profile: Profile, hidden: tuple[Path, ...], private: tuple[Path, ...]) -> view.Plan:
    """How the files around a child are to be rearranged."""
    readable = tuple(grant.path for grant in names(profile))
    return view.plan(readable, (*map(Path, HIDDEN), *hidden), private)


def prepare(order: Order) -> bool:
    """Work out, before a fork, what an order has in common with others; whether all was known already."""
    before = shared.cache_info().misses + plan_view.cache_info().misses
    shared(order.profile, order.private)
    if "namespaces" in order.layers:
        plan_view(order.profile, order.hidden, order.private)
    return before == shared.cache_info().misses + plan_view.cache_info().misses


def _rearrange(order: Order, mapped: bool) -> Layers:
    """In new namespaces: show few files, and no processes of others. Raises OSError, as half a view is none."""
    view.build(order.folder, plan_view(order.profile, order.hidden, order.private))
    proc = "own /proc" if view.own_processes_only() else "the system's /proc"
    return {
        "namespaces": f"on ({', '.join([*NEW, *['user'] * mapped])})",
        "network namespace": "on (no interface is up)",
        "file view": f"on (homes and data hidden, all but the folder read-only, {proc})",
    }


def put_on(order: Order, placed: Placement) -> Layers:
    """Put every layer on this process. The system call filter comes last: nothing may need more after it.

    Raises OSError if that fails half-way; the process must then end.
    """
    if placed.separated:
        layers = _rearrange(order, mapped=placed.mapped is not None)
    else:
        layers = {"namespaces": _why_not(order, "namespaces")}
    own_user = bool(placed.uid or placed.mapped)
    gpu = order.profile == "train" and has_gpu()
    steps: tuple[tuple[Layer, Callable[[], str]], ...] = (
        ("resource limits", lambda: _limit(order, own_user, gpu)),
        ("user", lambda: _change_user(placed.uid)),
        ("capabilities", _drop),
        ("landlock", lambda: _landlock(order)),
        ("seccomp", lambda: _filter(order, gpu)),
    )
    if effective_capabilities() and "capabilities" in order.layers:
        empty_bounding_set()  # possible only before the user changes
    for layer, do in steps:
        if layer not in order.layers:
            layers[layer] = _why_not(order, layer)
            continue
        try:
            layers[layer] = f"on ({do()})"
        except OSError as error:
            layers[layer] = f"off ({error.strerror or error})"
    return layers


def _why_not(order: Order, layer: str) -> str:
    return f"off ({order.reasons.get(layer, 'switched off by the caller')})"


def _limit(order: Order, own_user: bool, gpu: bool) -> str:
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limits = {
        "CPU": int(order.cpu_seconds) + 1,
        "FSIZE": order.file_bytes,
        "NOFILE": MOST_OPEN_FILES,
        "NPROC": MOST_OWN if own_user else MOST_SHARED,
        "CORE": 1,  # 0 would still hand a core to a program named in core_pattern; 1 does neither
        "MSGQUEUE": 0,
    }
    if not gpu:  # CUDA maps more addresses than the machine has memory
        limits |= {"AS": mapped + order.memory_bytes + SPARE_BYTES, "MEMLOCK": MOST_LOCKED_BYTES}
    limit_resources(limits)
    return "CPU time, file size, open files, processes, core" + ("" if gpu else ", address space")


def _change_user(uid: int) -> str:
    if os.geteuid() != 0:
        raise OSError("archloop does not run as root: the child shares its user")
    if not uid:
        raise OSError("an ordinary user could not read Python or reach the folder")
    become(uid)
    return f"uid {uid}, used by nothing else"


def _drop() -> str:
    drop_capabilities()
    status = own_status()
    if int(status["CapEff"], 16) or int(status["CapPrm"], 16) or status["NoNewPrivs"] != "1":
        raise OSError("capabilities were dropped but are still there")
    return "none left, no new privileges" + ("" if int(status["CapBnd"], 16) else ", bounding set empty")


def _landlock(order: Order) -> str:
    forbid_new_privileges()
    return restrict((*shared(order.profile, order.private), *own(order.folder, order.profile)))


def _filter(order: Order, gpu: bool) -> str:
    forbid_new_privileges()
    return filter_calls(order.profile, gpu)
