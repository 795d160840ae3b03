"""Scoring at a large scale: a fresh child computes the loss of every held-out token; the parent turns them into scores.

At the small scales a child returns logits and the parent computes the losses, so that code of the design never holds a
target. Here the logits of a million tokens would be 130 GB. So the child, in which the design's code runs, computes the
losses itself: a fresh process without the training's memory, but one that a hostile design could patch. The report says
so in ``scored_by``. What the parent still proves is causality: asked again, in another process, with everything after a
random position exchanged, the trained weights must give the same losses up to there. Inputs and targets are exchanged
apart, so that the last of these losses keeps its target while the model no longer finds it among its inputs.
"""

import hashlib
import secrets
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Malformed, read_arrays
from evaluation.benchmarking import GAIN_TOLERANCE, LOSS_TOLERANCE
from evaluation.data.shards import read_vocabulary, stream
from evaluation.data.windows import Rows, held_out_rows
from evaluation.endings import failure_of, invalid
from evaluation.jobs import OUTPUTS_FILE, WEIGHTS_FILE
from evaluation.large.jobs import CHILD, LOSSES, TARGETS, TOKENS, LossesJob
from evaluation.large.ready import Ready
from evaluation.large.reports import LargeBenchmarkReport
from evaluation.launch import Exit, Launch
from evaluation.reports import Failure, Verdict
from evaluation.workspace import workspace

SCORED_BY = "a fresh child process, from the saved weights, in float32, with the targets in view"
_STAGE = "benchmark"
_PROPERTY = "causality of the trained weights"

Losses = NDArray[np.float64]


def benchmark(
    source: str,
    ready: Ready,
    seed: int,
    mlp_hidden: int,
    weights: Path,
    folder: Path,
    launch: Launch,
    split: Literal["validation", "holdout"] = "validation",
) -> LargeBenchmarkReport:
    """Bits per byte of trained ``weights`` on held-out windows.

    A bad design gives a report with a failure; raises ValueError for a missing weights file.
    """
    if not weights.is_file():
        raise ValueError(f"No weights at {weights}; train this design at scale {ready.scale.name} first.")
    run = ready.scale.run
    rows = held_out_rows(stream(ready.folder, ready.dataset, split), run.length, run.rows)
    sizes = read_vocabulary(ready.folder, ready.dataset).byte_lengths()[rows[:, 1:]]
    job = LossesJob(scale=ready.scale, mlp_hidden=mlp_hidden, device=ready.device, rows_at_once=run.micro_batch)
    trained = weights.read_bytes()
    tokens, targets = rows[:, :-1], rows[:, 1:]
    losses, failure, first = _ask(tokens, targets, job, source, trained, folder / "score", launch)
    verdicts: tuple[Verdict, ...] = ()
    endings = [first]
    objectives: dict[str, float] = {}
    details: dict[str, float] = {}
    if failure is None:
        cuts, hidden, others = _without_future(rows[: run.prefix_rows], rows, secrets.randbits(64))
        again, failure, second = _ask(hidden, others, job, source, trained, folder / "blind", launch)
        endings.append(second)
        if failure is None:
            verdict, failure = _compare(losses[: len(cuts)], again, cuts)
            verdicts = (verdict,)
    if failure is None:
        objectives = {"text_bpb": float(losses.sum() / np.log(2) / sizes.sum())}
        details = {
            "text_loss": float(losses.mean()),
            "scored_tokens": float(losses.size),
            "scored_bytes": float(sizes.sum()),
        }
    return LargeBenchmarkReport(
        scale=ready.scale.name,
        seed=seed,
        split=split,
        device=ready.device,
        scored_by=SCORED_BY,
        objectives=objectives,
        details=details,
        corpus=ready.dataset.fingerprint,
        weights_sha256=hashlib.sha256(trained).hexdigest(),
        verdicts=verdicts,
        cpu_seconds=sum(ending.cpu_seconds for ending in endings),
        wall_seconds=sum(ending.wall_seconds for ending in endings),
        sandbox=first.sandbox,
        failure=failure,
    )


def _ask(
    tokens: Rows, targets: Rows, job: LossesJob, source: str, weights: bytes, folder: Path, launch: Launch
) -> tuple[Losses, Failure | None, Exit]:
    """Losses [R, T] of targets [R, T] after tokens [R, T] from a fresh child, judged for shape, type and finiteness."""
    limits, empty = job.scale.score, np.empty((0, 0))
    inputs = {TOKENS: tokens.astype(np.int32), TARGETS: targets.astype(np.int32)}
    with workspace(folder.parent, folder.name, source, job, inputs) as place:
        (place / WEIGHTS_FILE).write_bytes(weights)
        ending = launch(CHILD, "losses", folder=place, limits=limits, profile="train")
        failure = failure_of(ending, limits, _STAGE)
        if failure is not None:
            return empty, failure, ending
        try:
            found = read_arrays(place / OUTPUTS_FILE, limits.output_bytes).get(LOSSES)
        except Malformed as error:
            return empty, invalid(_STAGE, str(error)), ending
    if found is None or found.shape != targets.shape or found.dtype != np.float32:
        got = "nothing" if found is None else f"{list(found.shape)} {found.dtype}"
        return empty, invalid(_STAGE, f"the losses should be {list(targets.shape)} float32 but are {got}."), ending
    losses = found.astype(np.float64)
    if not np.isfinite(losses).all():
        failure = Failure(
            kind="non_finite",
            message="The trained model's losses on held-out text hold NaN or infinite values.",
            remedy="Bound decays, normalise keys or outputs, or start with smaller weights.",
        )
        return empty, failure, ending
    if losses.min() < 0:
        return empty, invalid(_STAGE, "losses of single tokens are negative."), ending
    return losses, None, ending


def _without_future(shown: Rows, others: Rows, seed: int) -> tuple[NDArray[np.int64], Rows, Rows]:
    """A number of losses per row that must not change, and the rows' tokens and targets with the rest exchanged.

    The loss at t has read tokens 0 to t and knows target t, which is token t + 1. So a row that keeps ``cut`` tokens
    and as many targets keeps ``cut`` losses, also that at cut - 1, whose target is the first token that is exchanged.
    """
    rng = np.random.default_rng(seed)
    tokens, targets = shown[:, :-1].copy(), shown[:, 1:].copy()
    cuts = rng.integers(1, tokens.shape[1], size=len(shown))
    for row, cut in enumerate(cuts):
        for kept in (tokens, targets):
            kept[row, cut:] = rng.choice(others.ravel(), size=kept.shape[1] - cut)
    return cuts, tokens, targets


def _compare(losses: Losses, again: Losses, cuts: NDArray[np.int64]) -> tuple[Verdict, Failure | None]:
    changes = [again[row, :cut] - losses[row, :cut] for row, cut in enumerate(cuts)]
    worst = max(float(np.abs(change).max()) for change in changes)
    gain = float(np.mean([change[-1] for change in changes]))
    if worst <= LOSS_TOLERANCE and gain <= GAIN_TOLERANCE:
        evidence = (
            f"{sum(map(len, changes))} tokens asked again with another future give the same loss to {worst:.0e} nats"
        )
        return Verdict(property=_PROPERTY, verdict="pass", evidence=evidence), None
    failure = Failure(
        kind="not_causal",
        message=(
            f"The layer looked at future tokens or at other rows once trained: another future changes losses before it "
            f"by up to {worst:.1e} nats, and the last one by {gain:.1e} on average."
        ),
        remedy="Let output t read inputs 0..t only, in eval mode too, for any batch size, length and parameter values.",
    )
    return Verdict(property=_PROPERTY, verdict="fail", evidence=failure.message, remedy=failure.remedy), failure
