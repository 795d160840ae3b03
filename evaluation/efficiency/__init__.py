"""How fast is a trained model, how does that grow with T, and what does it hold in memory? Shown, never a score.

A fresh child serves the trained weights, and the parent asks, checks the answers and holds the clock: processor seconds
of the child as the operating system counts them, which other work on the machine moves little and which sleeping does
not fill, or the wall clock where a GPU does the work.
"""

import secrets
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from evaluation.efficiency.asking import conversation
from evaluation.efficiency.conversation import STEPS, Found, Timed
from evaluation.efficiency.energy import counter
from evaluation.efficiency.measures import CLAIM, MEASURES, Measure, claims, of_training
from evaluation.endings import failure_of
from evaluation.jobs import CHILD, WEIGHTS_FILE, ServeJob
from evaluation.launch import Launch
from evaluation.reports import Efficiency
from evaluation.scales import Scale, frame
from evaluation.scales.large import LargeScale
from evaluation.workspace import workspace

__all__ = ["CLAIM", "MEASURES", "Measure", "claims", "measure_efficiency", "of_training"]

_TIMES = (1, 2, 4, 8)  # the scale's longest sequence
_FASTEST = 1e-7  # seconds that a clock can tell; nothing is faster

Clock = Literal["cpu", "wall"]


def measure_efficiency(
    source: str,
    scale: str,
    mlp_hidden: int,
    weights: Path,
    folder: Path,
    launch: Launch,
    device: Literal["cpu", "cuda"] = "cpu",
) -> Efficiency:
    """Latency, growth and memory of trained ``weights`` on single sequences. What could not be measured is left out,
    with the reason in ``absent``; that says nothing against the design.

    Raises ValueError for an unknown scale or missing weights file.
    """
    chosen = frame(scale)
    assert isinstance(chosen, Scale | LargeScale)
    if not weights.is_file():
        raise ValueError(f"No weights at {weights}; train this design at scale {scale} first.")
    lengths = tuple(times * chosen.length for times in _TIMES)
    joules, no_energy = counter() if device == "cuda" else (None, "The model ran on a CPU.")
    found, rng = Found(), np.random.default_rng(secrets.randbits(128))
    talk = conversation(rng, chosen.vocabulary, lengths, joules, found)
    job = ServeJob(scale=chosen, mlp_hidden=mlp_hidden, task=chosen.models[0], device=device)
    with workspace(folder, "serve", source, job) as place:
        (place / WEIGHTS_FILE).write_bytes(weights.read_bytes())
        ending = launch(CHILD, "serve", folder=place, limits=chosen.score, profile="train", answer=talk.answer)
    failure = failure_of(ending, chosen.score, "measurement of efficiency")
    ended = failure.message if failure is not None else "The model's process ended before it had answered."
    clock: Clock = "wall" if device == "cuda" else "cpu"
    numbers, absent = _prefill(found, lengths, clock, ended)
    more, without = _decoding(found, lengths[1], clock, ended)
    numbers |= more
    absent |= without
    if found.prefilled:
        numbers["peak_bytes"] = float(max(0, ending.peak_bytes - found.resident_bytes))
        if found.gpu_peak_bytes:
            numbers[f"{CLAIM}gpu_peak_bytes"] = float(found.gpu_peak_bytes)
    if found.joules is not None and found.prefilled:
        numbers["energy_joules_per_token"] = found.joules
    else:
        absent["energy_joules_per_token"] = no_energy or ended
    return Efficiency(
        scale=scale,
        clock=clock,
        lengths=lengths,
        numbers=numbers,
        absent=absent,
        cpu_seconds=ending.cpu_seconds,
        wall_seconds=ending.wall_seconds,
    )


Numbers = tuple[dict[str, float], dict[str, str]]  # what was measured, and why the rest was not


def _prefill(found: Found, lengths: tuple[int, ...], clock: Clock, ended: str) -> Numbers:
    if not found.prefilled:
        why = found.wrong or ended
        names = ("prefill_seconds", "prefill_exponent", "prefill_tokens_per_second", "peak_bytes")
        return {}, dict.fromkeys(names, why)
    seconds = [_typical(found.prefill[n], clock) - _typical(found.echo[n], clock) for n in lengths]
    longest = max(seconds[-1], _FASTEST)
    return {
        "prefill_seconds": longest,
        "prefill_exponent": exponent(lengths, seconds),
        "prefill_tokens_per_second": lengths[-1] / longest,
    }, {}


def _decoding(found: Found, tokens: int, clock: Clock, ended: str) -> Numbers:
    if len(found.decode) * STEPS < tokens:
        why = found.no_decoding or found.wrong or ended
        return {}, {"decode_seconds": why, "decode_exponent": why}
    windows = (tokens // 4, tokens // 2, tokens)  # decoding is timed up to each of these, from half of it
    seconds = [
        _typical([timed for position, timed in found.decode if window // 2 < position <= window], clock) / STEPS
        for window in windows
    ]
    return {"decode_seconds": max(seconds[-1], _FASTEST), "decode_exponent": exponent(windows, seconds)}, {}


def exponent(lengths: tuple[int, ...], seconds: list[float]) -> float:
    """Least-squares slope of log(seconds) over log(T)."""
    return float(np.polyfit(np.log(lengths), np.log(np.maximum(seconds, _FASTEST)), 1)[0])


def _typical(timed: list[Timed], clock: Clock) -> float:
    return median(one.cpu_seconds if clock == "cpu" else one.wall_seconds for one in timed)
