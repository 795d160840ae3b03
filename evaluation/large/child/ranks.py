"""Which of several processes this one is, and the group that connects them."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist

from evaluation.large.jobs import Device

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Ranks:
    """This process among ``size``."""

    rank: int
    size: int
    device: torch.device

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of ``value`` over all ranks."""
        if self.size == 1:
            return value
        total = value.clone()
        dist.all_reduce(total)
        return total / self.size


@contextlib.contextmanager
def joined(device: Device, workers: int) -> Iterator[Ranks]:
    """The ranks as torchrun's environment describes them; alone if there is but one worker.

    Left only after success; with gloo, leaving ends the process.
    """
    if workers == 1:
        yield Ranks(0, 1, torch.device("cuda", 0) if device == "cuda" else torch.device("cpu"))
        return
    _die_with_the_agent()
    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    place = torch.device("cuda", local) if device == "cuda" else torch.device("cpu")
    if place.type == "cuda":
        torch.cuda.set_device(place)
        dist.init_process_group("nccl", device_id=place)
    else:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all ranks are on this machine
        dist.init_process_group("gloo")
    yield Ranks(rank, dist.get_world_size(), place)
    dist.barrier()
    if place.type == "cpu":
        # Taking a gloo group apart waits now and then for ever for a peer that has already done so.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    dist.destroy_process_group()


def _die_with_the_agent() -> None:
    # The agent starts each rank as a session of its own, which a signal to the child's process group does not reach.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
