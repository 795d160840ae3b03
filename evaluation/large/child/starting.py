"""From one child to the ranks of a run: this process alone, or several under torchrun's agent."""

import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from evaluation.jobs import DESIGN_RAISED, JOB_FILE
from evaluation.large.child import training
from evaluation.large.jobs import CHILD, RunJob

_LOGS = "logs"
_TAIL = 8_000  # bytes of a failed rank's stderr
# How a rank may end because another has: the next exchange with it raises or aborts, or the agent ends the rank.
_FOLLOWING = (DESIGN_RAISED, -signal.SIGABRT, -signal.SIGTERM)


def run(folder: Path) -> None:
    """Train as the RunJob in ``folder`` says, and end as the rank did whose failure ended the others."""
    job = RunJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    if job.workers == 1:
        training.run(folder)
        return
    # What the command torchrun --standalone does, called as it calls it, because the command loses the exit code by
    # which a rank says why it ended.
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=job.workers,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=str(folder / _LOGS), redirects=Std.ERR),
    )
    try:
        elastic_launch(config, sys.executable)("-I", "-m", CHILD, "rank")
    except ChildFailedError as failed:
        _end_as(*cause(failed.failures), folder)


def cause(failures: Mapping[int, ProcessFailure]) -> tuple[int, int]:
    """The rank, and its exit code, from which the other failures follow.

    The agent dates failures by the second, too coarsely to tell which of two was first.
    """
    rank = min(failures, key=lambda one: (failures[one].exitcode in _FOLLOWING, failures[one].timestamp, one))
    return rank, failures[rank].exitcode


def _end_as(rank: int, code: int, folder: Path) -> NoReturn:
    with contextlib.suppress(OSError, IndexError):
        log = sorted(folder.glob(f"{_LOGS}/*/attempt_0/{rank}/stderr.log"), key=os.path.getmtime)[-1]
        sys.stderr.write(log.read_bytes()[-_TAIL:].decode(errors="replace"))
    sys.stderr.flush()
    if code < 0:  # ended by a signal: so does this process, for its parent to see
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    sys.exit(code)
