"""Which files a child may see: Python, the libraries, our code, its folder; named here once for every layer."""

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from evaluation import Profile

Right = Literal["list", "read", "run", "write", "own", "own and run", "device"]

SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
ZONES = ("/usr/share/zoneinfo", "/etc/localtime")
HARDWARE = ("/sys/devices/system/cpu", "/sys/devices/system/node", "/proc/cpuinfo", "/proc/meminfo")
SOURCES = ("/dev/zero", "/dev/urandom", "/dev/random")
# What Triton and Inductor need to compile: a C compiler and its headers, CUDA's tools, and a device if there is one.
COMPILERS = ("/bin", "/usr/bin", "/usr/include", "/usr/libexec", "/usr/local/cuda", "/usr/share/gcc")
DRIVERS = ("/proc/driver/nvidia", "/sys/module/nvidia", "/sys/class/drm", "/sys/bus/pci", "/sys/devices/pci0000:00")
PYTHON = ("stdlib", "platstdlib", "purelib", "platlib", "include")  # folders as sysconfig names them
PASSED_ON = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")  # of the supervisor's environment; neither is a secret
HIDDEN = ("/home", "/root", "/tmp", "/var/tmp", "/run", "/dev/shm", "/mnt", "/media", "/srv")


class Grant(NamedTuple):
    """A right on a path and on all that lies beneath it."""

    path: Path
    right: Right
    is_folder: bool = True


def has_gpu() -> bool:
    """Whether the NVIDIA driver offers a device (found without loading CUDA, which must not happen before a fork)."""
    return Path("/dev/nvidiactl").exists()


@lru_cache(maxsize=1)
def code_folders() -> tuple[Path, ...]:
    """Python's own files, the installed packages and the two rooms a candidate may use, by every name they go by."""
    python = [sysconfig.get_path(name) for name in PYTHON]
    linked = [sys.executable, os.path.join(sys.base_prefix, "lib"), os.path.join(sys.prefix, "pyvenv.cfg")]
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    rooms = [path for room in ("evaluation", "kernels") for path in (_spec(room).submodule_search_locations or ())]
    named = [Path(path) for path in (*python, *linked, *packages, *rooms) if path]
    named += [Path(sys.executable).resolve().parent, Path(sys.executable).parent]
    return tuple(dict.fromkeys(path for one in named for path in (one.absolute(), one.resolve()) if path.exists()))


def _spec(room: str) -> ModuleSpec:
    found = find_spec(room)
    if found is None:
        raise ModuleNotFoundError(room)
    return found


def names(profile: Profile) -> Iterator[Grant]:
    """What every child may open, by the names it goes by; private text not yet taken out."""
    train = profile == "train"
    for path in (*code_folders(), *map(Path, SYSTEM)):
        yield Grant(path, "run" if train else "read")
    for name in (*ZONES, *HARDWARE, *SOURCES):
        yield Grant(Path(name), "read")
    yield Grant(Path("/dev/null"), "write")
    if train:
        for name in COMPILERS:
            yield Grant(Path(name), "run")
    if train and has_gpu():
        for device in Path("/dev").glob("nvidia*"):
            yield Grant(device, "device")
        for name in (*DRIVERS, *filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))):
            yield Grant(Path(name), "read")


@lru_cache(maxsize=8)
def shared(profile: Profile, private: tuple[Path, ...]) -> tuple[Grant, ...]:
    """What every child may open, as real paths. The fork server works this out once for all its children."""
    return tuple(grant._replace(is_folder=grant.path.is_dir()) for grant in sparing(names(profile), private))


def own(folder: Path, profile: Profile) -> list[Grant]:
    """What one child alone may open: its folder, and what /proc tells about itself."""
    train = profile == "train"
    mine = [Grant(folder, "own and run" if train else "own"), Grant(Path("/proc/self"), "read")]
    return [*mine, Grant(Path("/proc/self/task"), "write")] if train else mine  # CUDA names its threads


def sparing(wanted: Iterable[Grant], private: Iterable[Path]) -> list[Grant]:
    """The same rights on resolved paths, but none to read a private path.

    Landlock's rules only ever add rights for all that lies beneath a folder. So where private text lies in a readable
    folder, the folder may only be listed, and each of its other entries gets the right by itself.
    """
    secrets = [path.resolve() for path in private]
    found: list[Grant] = []
    for path, right, _ in wanted:
        if path.exists():
            found += _around(Grant(path.resolve(), right), secrets)
    return list(dict.fromkeys(found))


def _around(grant: Grant, secrets: list[Path]) -> list[Grant]:
    path, right, _ = grant
    if any(secret == path or secret in path.parents for secret in secrets):
        return []
    inside = [secret for secret in secrets if path in secret.parents]
    if not inside:
        return [grant]
    entries = [Grant(entry, right) for entry in sorted(path.iterdir()) if not entry.is_symlink()]
    return [Grant(path, "list"), *(found for entry in entries for found in _around(entry, inside))]
