"""What passes between a supervisor and its fork server: an order for one child, and what was switched on around it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict

from evaluation import Profile

Layer = Literal["resource limits", "user", "capabilities", "landlock", "seccomp", "namespaces", "polling"]
MESSAGE_BYTES = 2**16  # the longest message between supervisor, fork server and child
LAYERS: tuple[Layer, ...] = get_args(Layer)

# Each purpose, the layers of which one must be on for it, and what to do if none is. "network namespace" and
# "file view" are the parts of the namespaces layer that serve that purpose.
MINIMUM: dict[str, tuple[tuple[str, ...], str]] = {
    "file system": (
        ("landlock", "file view"),
        "use Linux 5.13 or newer with Landlock enabled (lsm=landlock,... on the kernel's command line), or allow "
        "user namespaces",
    ),
    "network": (
        ("seccomp", "network namespace"),
        "allow seccomp filters (Docker does by default), or allow user namespaces",
    ),
    "capabilities": (("capabilities",), "run archloop as an ordinary user, or let it change its capabilities"),
    "resource limits": (("resource limits",), "raise the hard limits of the shell (ulimit -H) that starts archloop"),
}


class Order(BaseModel):
    """One child to fork. Paths are absolute."""

    model_config = ConfigDict(frozen=True)

    module: str
    mode: str
    folder: Path
    profile: Profile
    memory_bytes: int
    cpu_seconds: float
    file_bytes: int  # the most in any one file
    private: tuple[Path, ...]  # held-out text: unreadable even where it lies among readable code
    hidden: tuple[Path, ...]  # the data folder and homes: only what is granted inside them shows
    layers: tuple[Layer, ...] = LAYERS
    reasons: dict[str, str] = {}  # why a layer is not among ``layers``
    required: tuple[str, ...] = ()  # layers that a person demands on top of the minimum
    enforce: bool = True  # False only to measure single layers: the child runs below the minimum


class Placement(NamedTuple):
    """Where and as whom a child runs, as its fork server decided."""

    uid: int  # the ordinary user it becomes; 0: it stays who we are
    separated: bool  # its keeper is the first process of new namespaces
    mapped: tuple[int, int] | None  # our user and group, if there is a user namespace too


class Assignment(BaseModel):
    """An order on its way to the process that carries it out."""

    model_config = ConfigDict(frozen=True)

    order: Order
    uid: int


class Confined(BaseModel):
    """What a child says of itself just before it turns to its job, when no foreign code has run in it yet."""

    model_config = ConfigDict(frozen=True)

    layers: dict[str, str]  # layer -> "on (detail)" or "off (reason)"
    refused: str = ""  # why the job was not begun; "" if it was
    ready_at: float = 0.0  # time.monotonic() just before the job's first line


class Ending(BaseModel):
    """How a child ended, by the fork server's word."""

    model_config = ConfigDict(frozen=True)

    status: int = 0  # as from os.wait
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    fault: str = ""  # why nothing was started


class News(BaseModel):
    """One message about a child on its way to its supervisor: one of these is set."""

    model_config = ConfigDict(frozen=True)

    keeper: int = 0  # the process above the job
    confined: Confined | None = None
    ending: Ending | None = None


def shortfall(layers: Mapping[str, str], required: tuple[str, ...] = ()) -> str:
    """One sentence on what is missing below the minimum and what to do about it; "" if nothing is."""
    for purpose, (serving, remedy) in MINIMUM.items():
        if not any(_is_on(layers, name) for name in serving):
            reasons = "; ".join(f"{name} {layers.get(name, 'off (not tried)')}" for name in serving)
            return f"This machine cannot confine a design's {purpose} ({reasons}): {remedy}."
    for name in required:
        if not _is_on(layers, name):
            known = name in layers
            return (
                f"ARCHLOOP_SANDBOX_MINIMUM asks for the layer {name!r}, "
                + (f"which is {layers[name]}" if known else f"which does not exist; the layers are {', '.join(layers)}")
                + ": take it out of that variable, or run archloop where it works."
            )
    return ""


def _is_on(layers: Mapping[str, str], name: str) -> bool:
    return layers.get(name, "").startswith("on")
