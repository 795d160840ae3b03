"""What a laboratory needs on this machine, one finding each, with what to do about it. Nothing is left running."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.requirements import Requirement

from archdb import home
from archdb.errors import ArchiveError, StoreMisconfigured
from archdb.home import describe_os_fault, least_free_bytes
from archdb.shared_server import is_free
from flows import mlflow_server, prefect_server
from flows.gpu_pool import gpu_deployment, require_shared_servers
from flows.prefect_server import answers

Verdict = Literal["ok", "note", "fail"]  # a note costs something, but work goes on
ROOMY_BYTES = 10 * 2**30  # enough for some thousand designs of the small scales
PROBE = "pass"


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def diagnose() -> Iterator[Finding]:
    """Look at everything, one after the other: the last ones take seconds."""
    for look in (packages, programs, data_folder, ports, deployments, servers, gpu_pool, gpu, sandbox):
        yield from look()


def packages() -> Iterator[Finding]:
    """Whether Python and the installed packages are those that archloop works with."""
    wanted = [Requirement(one) for one in metadata.requires("archloop") or ()]
    bad = []
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            here = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            bad.append(f"{one.name} is missing")
            continue
        if not one.specifier.contains(here, prereleases=True):
            bad.append(f"{one.name} {here} is not {one.specifier}")
    told = f"Python {platform.python_version()}, archloop {metadata.version('archloop')}"
    if bad:
        remedy = "run `make setup`, or install with `--constraint constraints.txt`: other versions break without a word"
        yield Finding("packages", "fail", f"{told}; {'; '.join(bad)}", remedy)
    else:
        yield Finding("packages", "ok", f"{told}, and every package in its range")


def programs() -> Iterator[Finding]:
    """Whether the servers' programs lie beside this Python."""
    beside = str(Path(sys.executable).parent)
    for name, instead in (
        ("prefect", "PREFECT_API_URL"),
        ("mlflow", "MLFLOW_TRACKING_URI"),
        ("secantusd-py", "ARCHLOOP_MONGODB_URI"),
    ):
        if shutil.which(name, path=beside) or shutil.which(name):
            continue
        verdict: Verdict = "note" if _named(instead) else "fail"
        yield Finding(name, verdict, "not installed", f"run `make setup`, or set {instead} to a server of your own")


def data_folder() -> Iterator[Finding]:
    """Whether the data folder can be written, and how much room it has."""
    folder = home()
    above = next(one for one in (folder, *folder.parents) if one.is_dir())
    try:
        with tempfile.TemporaryFile(dir=above):
            pass
        free = shutil.disk_usage(above).free
    except OSError as fault:
        yield Finding("data folder", "fail", str(folder), describe_os_fault(fault, folder))
        return
    told = f"{folder}, {free / 2**30:.1f} GiB free"
    remedy = "free some space, or set ARCHLOOP_HOME to a folder on another disk"
    verdict: Verdict = "fail" if free < least_free_bytes() else "note" if free < ROOMY_BYTES else "ok"
    yield Finding("data folder", verdict, told, "" if verdict == "ok" else remedy)


def ports() -> Iterator[Finding]:
    """Whether the pages will be at their usual addresses."""
    for what, port, variable in (
        ("port of the Prefect UI", prefect_server.UI_PORT, "PREFECT_API_URL"),
        ("port of the MLflow UI", mlflow_server.UI_PORT, "MLFLOW_TRACKING_URI"),
    ):
        if _named(variable).startswith("http"):
            continue
        if is_free(port):
            yield Finding(what, "ok", f"{port} is free")
        else:
            remedy = "none is needed: if it is not this laboratory's own, another port is taken and told"
            yield Finding(what, "note", f"{port} is in use", remedy)


def deployments() -> Iterator[Finding]:
    """Whether there is a prefect.yaml to register."""
    from flows.deploying import deployments_file, read_deployments

    file = deployments_file()
    if file is None:
        remedy = "install archloop anew, or run it from a source checkout; `archloop run` works without"
        yield Finding("deployments", "note", "no prefect.yaml, so nothing can be scheduled", remedy)
    else:
        yield Finding("deployments", "ok", f"{len(read_deployments(file))} in {file}")


def _named(variable: str) -> str:
    """What a variable says; of Prefect, what the active profile of the user's Prefect says counts, too."""
    return prefect_server.named_server() or "" if variable == "PREFECT_API_URL" else os.environ.get(variable, "")


def servers() -> Iterator[Finding]:
    """Whether what environment variables, or a profile of Prefect, name answers."""
    for variable, look in SERVERS.items():
        named = _named(variable)
        if not named:
            continue
        try:
            fault = look(named)
        except Exception as raised:  # whatever a driver raises, the server cannot be used
            fault = next(filter(None, str(raised).splitlines()), type(raised).__name__)[:200]
        if fault:
            yield Finding(variable, "fail", fault, "start that server or mend its address, or unset the variable")
        else:
            yield Finding(variable, "ok", "answers" if "://" in named else f"{named} can be read")


def _mongodb(_named: str) -> str:
    from archdb.store import connect

    try:
        connect().now()
    except ArchiveError as fault:
        return str(fault)
    return ""


def _prefect(named: str) -> str:
    return "" if answers(f"{named.rstrip('/')}/health") else "no Prefect server answers there"


def _mlflow(named: str) -> str:
    if not named.startswith("http"):
        return ""
    return "" if answers(f"{named.rstrip('/')}/health") else "no MLflow server answers there"


def _cognition(named: str) -> str:
    import lancedb

    lancedb.connect(named).table_names()
    return ""


def _readable(named: str) -> str:
    return "" if os.access(named, os.R_OK) else f"{named} cannot be read"


SERVERS: dict[str, Callable[[str], str]] = {
    "ARCHLOOP_MONGODB_URI": _mongodb,
    "PREFECT_API_URL": _prefect,
    "MLFLOW_TRACKING_URI": _mlflow,
    "ARCHLOOP_COGNITION_URI": _cognition,
    "ARCHLOOP_CORPUS": _readable,
    "ARCHLOOP_MODELS": _readable,
}


def gpu_pool() -> Iterator[Finding]:
    """Whether a GPU work pool that is named can reach what its machines need."""
    deployment = gpu_deployment()
    if deployment is None:
        return
    try:
        require_shared_servers(prefect_server.named_server())
    except StoreMisconfigured as fault:
        found, _, remedy = str(fault).partition(": ")
        yield Finding("GPU work pool", "fail", found, remedy)
    else:
        yield Finding("GPU work pool", "ok", f"{deployment} reaches the servers that are named")


def gpu() -> Iterator[Finding]:
    """Whether torch can use a GPU that is there."""
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(one) for one in range(torch.cuda.device_count())]
        yield Finding("GPU", "ok", ", ".join(names))
    elif Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi"):
        remedy = "install a torch built for this driver (nvidia-smi tells its CUDA version), or update the driver"
        yield Finding("GPU", "note", f"there is one that torch {torch.__version__} cannot use", remedy)
    else:
        yield Finding("GPU", "ok", "none: the scales nano and micro train on processor cores")


def sandbox() -> Iterator[Finding]:
    """Which layers confine a design here, by the word of a real child."""
    from evaluation import Limits
    from tasks.faults import CapacityFault, NotConfined
    from tasks.sandbox.jail import jail

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "probe.py").write_text(PROBE)
        limits = Limits(wall_seconds=60, cpu_seconds=30, memory_bytes=2**30)
        try:
            told = jail()("tasks.sandbox.run_file", "probe.py", folder=Path(folder), limits=limits).sandbox
        except (NotConfined, CapacityFault) as fault:
            yield Finding("sandbox", "fail", str(fault), "docs/sandbox.md tells what each layer needs")
            return
    for layer, state in told.items():
        on = state.startswith("on")
        remedy = "" if on else "designs are confined without it; docs/sandbox.md tells what it needs"
        yield Finding(f"sandbox: {layer}", "ok" if on else "note", state, remedy)
