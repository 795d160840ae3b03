"""How long a call takes: CPU seconds on a CPU, where other processes disturb the clock; device time on a GPU."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FEWEST, MOST = 3, 30


@dataclass(frozen=True)
class Times:
    """Seconds a call, of several calls."""

    median: float
    low: float
    high: float
    calls: int


def forward(op: Callable[..., Tensor], tensors: Mapping[str, Tensor]) -> Callable[[], object]:
    """The forward pass alone, as training runs it: what the backward pass needs is kept."""
    return lambda: op(**tensors)


def forward_backward(op: Callable[..., Tensor], tensors: Mapping[str, Tensor]) -> Callable[[], object]:
    """A forward pass, and the gradients in all tensors."""
    seed, leaves = torch.randn_like(op(**tensors)), list(tensors.values())
    return lambda: torch.autograd.grad(op(**tensors), leaves, seed)


def timed(call: Callable[[], object], device: str, budget: float) -> Times:
    """Times of as many calls as fit into ``budget`` seconds, 3 at least and 30 at most.

    Two more come first: one that warms up, and on a GPU compiles, and one that tells how many will fit.
    """
    return timed_in_turn([call], device, budget)[0]


def timed_in_turn(calls: Sequence[Callable[[], object]], device: str, budget: float) -> list[Times]:
    """The same of several calls within one budget, one after another in each round: what disturbs one disturbs all."""
    measure = _gpu_seconds if device == "cuda" else _cpu_seconds
    for call in calls:
        call()
    first = sum(measure(call) for call in calls)
    rounds = max(FEWEST, min(MOST, int(budget / max(first, 1e-5))))
    table = [[measure(call) for call in calls] for _ in range(rounds)]
    return [Times(statistics.median(one), min(one), max(one), rounds) for one in zip(*table, strict=True)]


def graphed(call: Callable[[], object]) -> Callable[[], object]:
    """The call as a CUDA graph: no launch is paid for but one."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())  # which still writes the tensors that the call reads
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return lambda: graph.replay()


def _cpu_seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def _gpu_seconds(call: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    call()
    end.record()
    torch.cuda.synchronize()
    milliseconds: float = start.elapsed_time(end)
    return milliseconds / 1e3
