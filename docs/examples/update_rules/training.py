"""Checking and training: the supervisor holds data and parameters, and asks a jailed child for one step after another.

So a rule can neither train longer than others nor see what it is scored on: whatever it prints is a step of its own,
and nobody can draw again what is drawn here without this laboratory's key.
"""

import base64
import hashlib
import json
import shutil
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from evaluation import Ceilings, CheckReport, Exit, Failure, Launch, Limits, Progress, TrainReport, Verdict
from update_rules.problems import BATCH, PROBLEMS, Numbers, corpus, data, key, loss_and_gradient, scale, start

LIMITS = Limits(wall_seconds=120, cpu_seconds=20, memory_bytes=2 * 2**30)
LEAST_SECONDS = 5.0  # that any rule may use: the reference takes a fraction of a second
HIGHEST = 1e6  # a loss above it will not come down again
REMEDY = "Define update(gradient, state, share), which returns finite numbers of the gradient's shape."
Asking = Generator[str, str, Any]  # yields questions to the child, and is sent its lines


def converse(source: str, folder: Path, launch: Launch, limits: Limits, asking: Asking) -> tuple[Any, Exit]:
    """What ``asking`` returns, or why it could not be asked; and how the child ended."""
    place, found = folder / "child", []
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "rule.py").write_text(source)
    (place / "loop.py").write_text(Path(__file__).with_name("child.py").read_text())

    def answer(line: str, _used: object) -> str:
        try:
            return "" if found else asking.send(line)
        except StopIteration as end:
            found.append(end.value)
        except ValueError as fault:
            found.append(Failure(kind="invalid_output", message=f"The rule gave no step: {fault}.", remedy=REMEDY))
        return ""

    next(asking)  # it waits for the child to be ready
    ending = launch("tasks.sandbox.run_file", "loop.py", folder=place, limits=limits, answer=answer)
    shutil.rmtree(place, ignore_errors=True)
    if not found:
        said = ending.stderr_tail.strip().splitlines() or [f"it ended by {ending.ended}"]
        kind = "crashed" if ending.ended == "exited" else "too_slow"
        found.append(Failure(kind=kind, message=f"The rule did not end well: {said[-1][:300]}", remedy=REMEDY))
    return found[0], ending


def _step(gradient: Numbers, share: float, fresh: bool) -> Asking:
    told = base64.b64encode(gradient.tobytes()).decode()
    line = yield json.dumps({"gradient": told, "share": share, "fresh": fresh})
    step = np.frombuffer(base64.b64decode(line, validate=True))
    if step.shape != gradient.shape or not np.isfinite(step).all():
        raise ValueError(f"{gradient.size} finite numbers were expected")
    return step


def _twice() -> Asking:
    """Whether the same gradients give the same steps in a second training: a rule keeps nothing but its state."""
    gradients = np.random.default_rng().normal(size=(8, 5))
    runs: list[list[Numbers]] = [[], []]
    yield ""
    for steps in runs:
        for number, gradient in enumerate(gradients):
            steps.append((yield from _step(gradient, number / 8, number == 0)))
    if np.array_equal(*runs):
        return None
    return Failure(kind="mixes_samples", message="The same gradients gave other steps.", remedy="Keep to `state`.")


def check(source: str, scale_name: str, folder: Path, launch: Launch, *_: object, **__: object) -> CheckReport:
    failure, ending = converse(source, folder, launch, LIMITS, _twice())
    told = failure.message if failure else "8 steps are finite, of the gradient's shape, and the same a second time"
    verdict = Verdict(property="steps", verdict="fail" if failure else "pass", evidence=told)
    spent = {"cpu_seconds": ending.cpu_seconds, "sandbox": ending.sandbox}
    return CheckReport(scale=scale_name, verdicts=(verdict,), failure=failure, **spent)


def _trained(steps: int, seed: int, on_progress: Any) -> Asking:
    """Parameters and curve of a network for each problem."""
    rng, weights, curves = np.random.default_rng([key(), len(PROBLEMS), seed]), {}, {}
    yield ""
    for number, problem in enumerate(PROBLEMS):
        now, (x, y), curve = start(rng), data(problem, "train"), []
        for step in range(steps):
            rows = rng.integers(len(y), size=BATCH)
            loss, gradient = loss_and_gradient(now, x[rows], y[rows])
            if not loss < HIGHEST:
                return _diverged(problem, loss)
            if step % (steps // 20) == 0:
                curve.append((step + 1, loss))
                done = (number + step / steps) / len(PROBLEMS)
                on_progress(Progress(task=problem, step=step, steps=steps, loss=loss, fraction=done))
            now = now + (yield from _step(gradient, step / steps, step == 0))
        loss, _ = loss_and_gradient(now, x, y)  # no gradient was asked for after the last step
        if not loss < HIGHEST:
            return _diverged(problem, loss)
        weights[problem], curves[problem] = now, tuple(curve)
    return weights, curves


def _diverged(problem: str, loss: float) -> Failure:
    return Failure(kind="diverged", message=f"The loss on {problem} is {loss:g}.", remedy="Step less.")


def train(
    source: str, scale_name: str, seed: int, _: int, folder: Path, launch: Launch, cpu_limit: Any, on_progress: Any
) -> TrainReport:
    """Train one network on each problem, with the rule's steps, and write ``folder``/weights.safetensors."""
    limits = LIMITS.model_copy(update={"cpu_seconds": max(cpu_limit, LEAST_SECONDS)}) if cpu_limit else LIMITS
    began, asking = time.time(), _trained(scale(scale_name).steps, seed, on_progress or (lambda _: None))
    found, ending = converse(source, folder, launch, limits, asking)
    told = ending.model_dump(include={"cpu_seconds", "wall_seconds", "peak_bytes", "sandbox"})
    told |= {"scale": scale_name, "seed": seed, "started_at": began, "corpus": corpus().fingerprint}
    if isinstance(found, Failure):
        return TrainReport(failure=found, **told)
    weights, curves = found
    save_file(weights, folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    size = sum(one.size for one in weights.values())
    return TrainReport(parameters=size, weights_sha256=digest, curves=curves, **told)


def ceilings(_scale_name: str) -> Ceilings:
    most = LIMITS.cpu_seconds
    return Ceilings(check=most, train=most, benchmark=1, holdout=1, over=LEAST_SECONDS + 2)
