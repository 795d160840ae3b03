"""The zero-shot suite for one trained design: children answer, lm-eval computes accuracies, the labels are added."""

import hashlib
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.data.shards import read_vocabulary
from evaluation.large.ready import Ready
from evaluation.launch import Launch
from evaluation.reports import Failure
from evaluation.zero_shot import definitions
from evaluation.zero_shot.asking import Asker, Unanswered
from evaluation.zero_shot.met import met_in
from evaluation.zero_shot.provenance import label
from evaluation.zero_shot.reports import Overlap, TaskScore, ZeroShotReport
from evaluation.zero_shot.tasks import TASKS, Task

SCORED_BY = (
    "log-probabilities from a fresh child process, from the saved weights, in float32; a sample was asked again in a "
    "second one without the tokens in view; accuracies by lm-eval in the parent"
)
Told = Callable[[str], None]  # what is being done


def zero_shot(
    source: str,
    ready: Ready,
    mlp_hidden: int,
    weights: Path,
    folder: Path,
    launch: Launch,
    tasks: tuple[Task, ...] = TASKS,
    *,
    limit: int | None = None,
    trained_on: Sequence[str] = (),
    told: Told | None = None,
) -> ZeroShotReport:
    """Accuracies of trained ``weights`` on ``tasks``, on the first ``limit`` items of each if given.

    ``trained_on`` names tasks whose training split is known to have been in the training text. A bad design gives a
    report with a failure; raises ValueError where lm-eval's data is missing. lm-eval must be installed.
    """
    from evaluation.zero_shot.adapter import DesignLM, run_suite

    say = told or (lambda doing: None)
    trained = weights.read_bytes()
    vocabulary = read_vocabulary(ready.folder, ready.dataset)
    asker = Asker(source, ready, mlp_hidden, trained, folder, launch)
    scores: list[TaskScore] = []
    failure: Failure | None = None
    say("Answering")
    with tempfile.TemporaryDirectory() as into:
        try:
            model = DesignLM(asker, vocabulary, ready.scale.run.length)
            found = run_suite(model, tasks, limit, Path(into))
        except Unanswered as unanswered:
            failure = unanswered.failure
        else:
            met = _met(found["samples"], tasks, ready, say)
            scores = [_score(task, found, met[task.name], ready.dataset.source, trained_on) for task in tasks]
    return ZeroShotReport(
        scale=ready.scale.name,
        device=ready.device,
        tasks=tuple(scores),
        scored_by=SCORED_BY,
        harness=definitions.harness_version(),
        data=definitions.data_origin(),
        corpus=ready.dataset.fingerprint,
        weights_sha256=hashlib.sha256(trained).hexdigest(),
        verdicts=tuple(asker.verdicts),
        cpu_seconds=sum(ending.cpu_seconds for ending in asker.endings),
        wall_seconds=sum(ending.wall_seconds for ending in asker.endings),
        sandbox=asker.endings[0].sandbox if asker.endings else {},
        failure=failure,
    )


def _met(samples: dict[str, Any], tasks: tuple[Task, ...], ready: Ready, say: Told) -> dict[str, list[bool | None]]:
    """Per task and item, whether it was met in the training text. One reading serves all tasks."""
    items = [task.texts(sample["doc"]) for task in tasks for sample in samples[task.name]]
    found = iter(
        met_in(
            ready.folder, ready.dataset, items, lambda at, of: say(f"Looking for the items in the text: {at / of:.0%}")
        )
    )
    return {task.name: [next(found) for _ in samples[task.name]] for task in tasks}


def _score(
    task: Task, found: dict[str, Any], met: list[bool | None], source: str, trained_on: Sequence[str]
) -> TaskScore:
    own, samples = found["results"][task.name], found["samples"][task.name]
    overlap = Overlap(items=len(met), tested=sum(one is not None for one in met), found=sum(one is True for one in met))
    seen_before, reason = label(task, source, trained_on, overlap)
    clean = [sample["acc"] for sample, one in zip(samples, met, strict=True) if not one]
    choices = [len(sample["arguments"]) for sample in samples]
    nats = [sample["filtered_resps"][0][0] for sample in samples] if max(choices) == 1 else []
    return TaskScore(
        task=task.name,
        title=task.title,
        items=len(samples),
        items_of_task=found["n-samples"][task.name]["original"],
        accuracy=own["acc,none"],
        accuracy_stderr=_number(own["acc_stderr,none"]),
        accuracy_norm=own.get("acc_norm,none"),
        accuracy_norm_stderr=_number(own["acc_norm_stderr,none"]) if "acc_norm,none" in own else None,
        chance=float(np.mean([1 / count for count in choices])) if not nats else 0.0,
        perplexity=math.exp(min(-float(np.mean(nats)), 700.0)) if nats else None,  # above, no float could hold it
        definition=str(found["versions"][task.name]),
        in_distribution=seen_before,
        reason=reason,
        overlap=overlap,
        accuracy_clean=float(np.mean(clean)) if overlap.found and clean else None,
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None  # lm-eval says "N/A" for a single item
