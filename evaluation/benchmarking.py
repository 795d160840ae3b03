"""benchmark: fresh children turn held-out inputs into logits; the parent computes every score from them."""

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array, Malformed, read_arrays
from evaluation.corpus import Split, corpus
from evaluation.endings import failure_of, invalid
from evaluation.jobs import CHILD, OUTPUTS_FILE, WEIGHTS_FILE, Query, ScoreJob
from evaluation.launch import Exit, Launch
from evaluation.losses import accuracy, cross_entropy
from evaluation.questions import Prefix, Questions, draw_prefixes, full_queries, held_out, prefix_queries
from evaluation.reports import BenchmarkReport, Failure, Verdict
from evaluation.scales import Scale
from evaluation.scales import scale as read_scale
from evaluation.workspace import workspace

PREFIX_TOLERANCE = 5e-3  # of the largest logit; float32 chunking differs by about 1e-5
_STAGE = "benchmark"
_PROPERTY = "causality of the trained weights"

Logits = NDArray[np.float32]


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
    plan = chosen.plan("text")
    texts.require(plan.batch, plan.rows, plan.length)
    questions = held_out(chosen, texts, split)
    prefixes = draw_prefixes(chosen, questions, np.random.default_rng(secrets.randbits(64)))

    whole, failure, first = _ask(
        *full_queries(questions), source, chosen, mlp_hidden, weights, folder / "score", launch
    )
    verdicts: tuple[Verdict, ...] = ()
    endings = [first]
    if failure is None:
        again, failure, second = _ask(
            *prefix_queries(prefixes), source, chosen, mlp_hidden, weights, folder / "prefix", launch
        )
        endings.append(second)
        if failure is None:
            verdict, failure = _compare(prefixes, whole, again)
            verdicts = (verdict,)
    objectives, details = _scores(questions, whole) if failure is None else ({}, {})
    return BenchmarkReport(
        scale=scale,
        seed=seed,
        split=split,
        objectives=objectives,
        details=details,
        verdicts=verdicts,
        corpus=texts.fingerprint,
        weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        cpu_seconds=sum(ending.cpu_seconds for ending in endings),
        wall_seconds=sum(ending.wall_seconds for ending in endings),
        sandbox=first.sandbox,
        failure=failure,
    )


def _ask(
    queries: list[Query],
    inputs: Mapping[str, Array],
    source: str,
    scale: Scale,
    mlp_hidden: int,
    weights: Path,
    folder: Path,
    launch: Launch,
) -> tuple[dict[str, Logits], Failure | None, Exit]:
    """Logits per query from one fresh child, judged for shape, dtype and finiteness."""
    job = ScoreJob(scale=scale, mlp_hidden=mlp_hidden, queries=tuple(queries))
    with workspace(folder.parent, folder.name, source, job, inputs) as place:
        shutil.copyfile(weights, place / WEIGHTS_FILE)
        ending = launch(CHILD, "score", folder=place, limits=scale.score, profile="train")
        failure = failure_of(ending, scale.score, _STAGE)
        if failure is not None:
            return {}, failure, ending
        try:
            outputs = read_arrays(place / OUTPUTS_FILE, scale.score.output_bytes)
        except Malformed as error:
            return {}, invalid(_STAGE, str(error)), ending
    logits: dict[str, Logits] = {}
    for query in queries:
        expected = (len(inputs[query.positions]), scale.vocabulary)
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


def _compare(
    prefixes: list[Prefix], whole: Mapping[str, Logits], again: Mapping[str, Logits]
) -> tuple[Verdict, Failure | None]:
    """Logits at a cut must not depend on what came after it."""
    worst, where, pairs = 0.0, "", 0
    for prefix in prefixes:
        positions = prefix.questions.positions
        logits = whole[prefix.questions.name]
        at_cut = (positions[:, 1] == prefix.length - 1) & np.isin(positions[:, 0], prefix.rows)
        full, cut = logits[at_cut], again[prefix.name]
        difference = float(np.abs(full - cut).max()) / max(1.0, float(np.abs(full).max()))
        pairs += len(cut)
        if difference > worst:
            worst, where = difference, f"{prefix.questions.task} cut after {prefix.length} tokens"
    if worst <= PREFIX_TOLERANCE:
        evidence = f"{pairs} prefixes give the same logits as the full sequences to {worst:.0e}"
        return Verdict(property=_PROPERTY, verdict="pass", evidence=evidence), None
    failure = Failure(
        kind="not_causal",
        message=f"The layer looked at future tokens once trained: logits change by {worst:.1e} (relative) for {where}.",
        remedy="Let output t read inputs 0..t only, in eval mode too, for any batch size, length and parameter values.",
    )
    return Verdict(property=_PROPERTY, verdict="fail", evidence=failure.message, remedy=failure.remedy), failure


def _scores(questions: list[Questions], whole: Mapping[str, Logits]) -> tuple[dict[str, float], dict[str, float]]:
    """Objectives (mean over a task's ladder) and details per difficulty."""
    details: dict[str, float] = {}
    losses: dict[str, list[float]] = {}
    for q in questions:
        loss = float(cross_entropy(whole[q.name], q.answers).mean())
        losses.setdefault(q.task, []).append(loss)
        label = q.task if q.task == "text" else f"{q.task}_{q.difficulty}"
        details[f"{label}_loss"] = loss
        details[f"{label}_accuracy"] = accuracy(whole[q.name], q.answers)
    objectives = {
        "text_bpb": float(np.mean(losses["text"]) / np.log(2)),
        "recall_loss": float(np.mean(losses["recall"])),
        "copy_loss": float(np.mean(losses["copy"])),
    }
    return objectives, details
