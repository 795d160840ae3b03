"""benchmark: fresh children turn held-out inputs into logits; the parent computes every score from them."""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array, Malformed, read_arrays
from evaluation.asking import Asked, blind, queries, whole
from evaluation.corpus import Split, corpus
from evaluation.endings import failure_of, invalid
from evaluation.jobs import CHILD, OUTPUTS_FILE, WEIGHTS_FILE, ScoreJob
from evaluation.launch import Exit, Launch, Limits
from evaluation.losses import accuracy, cross_entropy
from evaluation.objectives import objectives_from
from evaluation.questions import Questions, held_out, require_text
from evaluation.reports import BenchmarkReport, Failure, Verdict
from evaluation.scales import scale as read_scale
from evaluation.workspace import workspace

# In nats, because nats are what is scored: relative to the largest logit, a layer could make any change look small.
# Trained baselines differ by 2e-6 at most, and by 1e-8 on average.
LOSS_TOLERANCE = 1e-3  # at any position asked twice
GAIN_TOLERANCE = 1e-4  # on average over the positions whose future was hidden
_STAGE = "benchmark"
_PROPERTY = "causality of the trained weights"

Logits = NDArray[np.float32]
Losses = dict[str, NDArray[np.float64]]  # question set -> nats per answer


def benchmark(
    source: str,
    scale: str,
    seed: int,
    mlp_hidden: int,
    weights: Path,
    folder: Path,
    launch: Launch,
    split: Split = "validation",
) -> BenchmarkReport:
    """Score trained ``weights`` on held-out questions. ``split="holdout"`` uses the sealed text and its own probes.

    A bad design gives a report with a failure; raises ValueError for an unknown scale or missing weights file and
    CorpusError for a missing or altered corpus.
    """
    chosen = read_scale(scale)
    if not weights.is_file():
        raise ValueError(f"No weights at {weights}; train this design at scale {scale} first.")
    texts = corpus()
    require_text(chosen, texts)
    questions = held_out(chosen, texts, split)
    order = np.random.default_rng(int(texts.fingerprint[split], 16))  # no child knows it, and scores repeat exactly
    trained = weights.read_bytes()

    def ask(asked: list[Asked], name: str) -> tuple[dict[str, Logits], Failure | None, Exit]:
        wanted, inputs = queries(asked)
        job = ScoreJob(scale=chosen, mlp_hidden=mlp_hidden, queries=tuple(wanted))
        return answers(job, inputs, source, trained, folder / name, chosen.score, launch)

    shown = whole(questions, order)
    logits, failure, first = ask(shown, "score")
    scored = in_order(shown, logits) if failure is None else {}
    verdicts: tuple[Verdict, ...] = ()
    endings = [first]
    if failure is None:
        hidden = blind(chosen, questions, texts, np.random.default_rng(secrets.randbits(128)))
        again, failure, second = ask(hidden, "blind")
        endings.append(second)
        if failure is None:
            verdict, failure = _compare(hidden, again, _losses(questions, scored))
            verdicts = (verdict,)
    objectives, details = scores(scale, questions, scored) if failure is None else ({}, {})
    return BenchmarkReport(
        scale=scale,
        seed=seed,
        split=split,
        objectives=objectives,
        details=details,
        verdicts=verdicts,
        corpus=texts.fingerprint,
        weights_sha256=hashlib.sha256(trained).hexdigest(),
        cpu_seconds=sum(ending.cpu_seconds for ending in endings),
        wall_seconds=sum(ending.wall_seconds for ending in endings),
        sandbox=first.sandbox,
        failure=failure,
    )


def answers(
    job: ScoreJob,
    inputs: Mapping[str, Array],
    source: str,
    weights: bytes,
    folder: Path,
    limits: Limits,
    launch: Launch,
) -> tuple[dict[str, Logits], Failure | None, Exit]:
    """Logits per query of ``job`` from one fresh child, judged for shape, dtype and finiteness.

    ``weights`` is a safetensors file whose names begin with the task that a query names.
    """
    with workspace(folder.parent, folder.name, source, job, inputs) as place:
        (place / WEIGHTS_FILE).write_bytes(weights)
        ending = launch(CHILD, "score", folder=place, limits=limits, profile="train")
        failure = failure_of(ending, limits, _STAGE)
        if failure is not None:
            return {}, failure, ending
        try:
            outputs = read_arrays(place / OUTPUTS_FILE, limits.output_bytes)
        except Malformed as error:
            return {}, invalid(_STAGE, str(error)), ending
    logits: dict[str, Logits] = {}
    for query in job.queries:
        expected = (len(inputs[query.positions]), job.scale.vocabulary)
        got = outputs.get(query.name)
        if got is None or got.shape != expected or got.dtype != np.float32:
            found = "nothing" if got is None else f"{list(got.shape)} {got.dtype}"
            return {}, invalid(_STAGE, f"{query.name} should be {list(expected)} float32 but is {found}."), ending
        if not np.isfinite(got).all():
            failure = Failure(
                kind="non_finite",
                message=f"The trained model's logits for {query.name} hold NaN or infinite values.",
                remedy="Bound decays, normalise keys or outputs, or start with smaller weights.",
            )
            return {}, failure, ending
        logits[query.name] = got.astype(np.float32)
    return logits, None, ending


def in_order(shown: list[Asked], logits: Mapping[str, Logits]) -> dict[str, Logits]:
    """Logits per question set, in the order of its answers instead of the order in which they were shown."""
    ordered = {}
    for asked in shown:
        ordered[asked.questions.name] = np.empty_like(logits[asked.name])
        ordered[asked.questions.name][asked.answers] = logits[asked.name]
    return ordered


def _losses(questions: list[Questions], logits: Mapping[str, Logits]) -> Losses:
    return {q.name: cross_entropy(logits[q.name], q.answers) for q in questions}


def _compare(hidden: list[Asked], again: Mapping[str, Logits], losses: Losses) -> tuple[Verdict, Failure | None]:
    """The loss at a position must not depend on what was shown after it."""
    worst, where, pairs, gains = 0.0, "", 0, []
    for asked in hidden:
        answers = asked.questions.answers[asked.answers]
        change = cross_entropy(again[asked.name], answers) - losses[asked.questions.name][asked.answers]
        pairs += len(change)
        gains.append(change[asked.last])
        if np.abs(change).max() > worst:
            worst = float(np.abs(change).max())
            where = f"{asked.questions.task} at position {int(asked.positions[np.abs(change).argmax(), 1]) + 1}"
    gain = float(np.concatenate(gains).mean())
    if worst <= LOSS_TOLERANCE and gain <= GAIN_TOLERANCE:
        evidence = f"{pairs} positions asked again without their future give the same loss to {worst:.0e} nats"
        return Verdict(property=_PROPERTY, verdict="pass", evidence=evidence), None
    failure = Failure(
        kind="not_causal",
        message=(
            f"The layer looked at future tokens or at other rows once trained: hiding what follows a position changes "
            f"its loss by up to {worst:.1e} nats ({where}), and by {gain:.1e} on average."
        ),
        remedy="Let output t read inputs 0..t only, in eval mode too, for any batch size, length and parameter values.",
    )
    return Verdict(property=_PROPERTY, verdict="fail", evidence=failure.message, remedy=failure.remedy), failure


def scores(
    scale: str, questions: list[Questions], logits: Mapping[str, Logits]
) -> tuple[dict[str, float], dict[str, float]]:
    """Objectives (mean over a task's ladder) and details per difficulty."""
    details: dict[str, float] = {}
    for q in questions:
        label = f"{q.task}_{q.difficulty}" if q.difficulty else q.task
        details[f"{label}_loss"] = float(cross_entropy(logits[q.name], q.answers).mean())
        details[f"{label}_accuracy"] = accuracy(logits[q.name], q.answers)
    return objectives_from(scale, details), details
