"""Full tier: does the processor time grow as the counted work does? The operating system's clock cannot be patched.

Work outside of torch's operators is counted by no meter. A child per length runs the layer forward and backward on one
input, and its supervisor reads the processor time: noisy, so only growth far beyond the counted one is a finding.
"""

import math
from pathlib import Path

import numpy as np

from evaluation.checks.plan import Judgement, Plan, failed, passed
from evaluation.endings import failure_of
from evaluation.jobs import CHILD, CheckJob
from evaluation.launch import Launch
from evaluation.scales.frame import Frame
from evaluation.workspace import workspace

_NAME = "clock"
_LENGTHS = (1, 2048, 8192)  # the first measures what is not the layer's work
_STEEPEST = 1.7  # caches that overflow cost a linear layer up to a factor of two between the longer two
_SMALLEST = 0.5  # CPU-seconds at the longest input, below which growth means nothing


def judge(source: str, scale: Frame, folder: Path, launch: Launch, rng: np.random.Generator) -> Judgement:
    """Fails a layer whose processor time grows like T^1.7 or more, or that does not come to an end at T = 8192."""
    seconds = []
    for length in _LENGTHS:
        plan = Plan(rng, scale.d_model)
        x = plan.draw(1, length).astype(np.float32)
        plan.call(_NAME, x, mode="train", gradient=np.ones_like(x))
        job = CheckJob(d_model=scale.d_model, n_heads=scale.n_heads, seed=0, calls=tuple(plan.calls))
        with workspace(folder, _NAME, source, job, plan.inputs) as place:
            ending = launch(CHILD, "check", folder=place, limits=scale.check)
        failure = failure_of(ending, scale.check, f"check at T = {length}")
        if failure is not None:
            return failed(_NAME, failure.kind, failure.message, failure.remedy)
        seconds.append(ending.cpu_seconds)
    idle, shorter, longer = seconds
    longest = longer - idle
    growth = math.log(longest / max(shorter - idle, 1e-3)) / math.log(_LENGTHS[2] / _LENGTHS[1]) if longest > 0 else 0.0
    if longest > _SMALLEST and growth > _STEEPEST:
        return failed(
            _NAME,
            "superlinear",
            f"Processor time grows as T^{growth:.1f}, to {longest:.1f} CPU-seconds at T = {_LENGTHS[2]}, faster than "
            "the work that torch counts.",
            "Do all work in torch's own operators or those of kernels, linear in T.",
            exponent=growth,
            cpu_seconds=longest,
        )
    evidence = f"{longest:.2f} CPU-seconds at T = {_LENGTHS[2]}"
    return passed(_NAME, f"{evidence}, no faster growth than was counted", cpu_seconds=longest)
