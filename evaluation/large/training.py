"""Training at a large scale, as the parent sees it: start the run, show it, judge and keep the weights it returned."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from evaluation.arrays import Malformed
from evaluation.curves import Curves
from evaluation.endings import failure_of, invalid
from evaluation.jobs import JOB_FILE, WEIGHTS_FILE
from evaluation.keeping import keep
from evaluation.large.jobs import CHILD, TEXT, RunJob
from evaluation.large.place import finished, place_of
from evaluation.large.ready import Ready
from evaluation.large.reports import LargeTrainReport
from evaluation.launch import Exit, Launch
from evaluation.reports import Failure, Progress

_STAGE = "training"
# Endings after which the checkpoint is of use: the machine's fault, or the user's will.
_RESUMABLE = ("timed_out", "out_of_memory", "crashed", "no_gpu", "too_slow")


def train(
    source: str,
    ready: Ready,
    seed: int,
    mlp_hidden: int,
    folder: Path,
    launch: Launch,
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> LargeTrainReport:
    """Train one seed and write ``folder``/weights.safetensors, complete and verified.

    ``resume`` goes on from the checkpoint in ``folder``, if there is one; without it, a checkpoint is a ValueError, so
    that no work is lost by accident. When memory runs out the run starts again from its checkpoint with half the
    micro-batch, once. ``on_progress`` may raise to end the child. A bad design gives a report with a failure.
    """
    scale = ready.scale
    shards = tuple((str(ready.folder / one.file), one.tokens) for one in ready.dataset.parts["train"].shards)
    job = RunJob(
        scale=scale,
        mlp_hidden=mlp_hidden,
        seed=seed,
        device=ready.device,
        workers=ready.workers,
        micro_batch=fitting(scale.run.batch // ready.workers, scale.run.micro_batch),
        shards=shards,
        identity=_identity(source, ready, seed, mlp_hidden),
    )
    started_at = time.time()
    (folder / WEIGHTS_FILE).unlink(missing_ok=True)  # of an earlier run: a failure must leave none
    parameters, digest = 0, ""
    with place_of(folder, source, job.identity, resume) as place:
        resumed = any(entry.suffix == ".safetensors" for entry in place.iterdir())
        attempts: list[_Attempt] = [_attempt(job, place, launch, on_progress)]
        if _too_large(attempts[-1]) and job.micro_batch > 1:
            job = job.model_copy(update={"micro_batch": fitting(job.micro_batch, job.micro_batch // 2)})
            attempts.append(_attempt(job, place, launch, on_progress))
        failure, ending, curves = attempts[-1]
        full = tuple(one[0].message for one in attempts if one[0] is not None and _too_large(one))
        if failure is None:
            try:
                failure, parameters, digest = keep(place, folder, scale, mlp_hidden)
            except Malformed as error:
                failure = invalid(_STAGE, str(error))
        elif len(full) == 2:
            failure = failure.model_copy(update={"message": " Then with half of it: ".join(full)})
        if failure is None or failure.kind not in _RESUMABLE:
            finished(place)
    return LargeTrainReport(
        scale=scale.name,
        seed=seed,
        device=ready.device,
        workers=ready.workers,
        micro_batch=job.micro_batch,
        precision=scale.run.precision,
        parallel=scale.run.parallel if ready.workers > 1 else "",
        epochs=scale.tokens / ready.dataset.parts["train"].tokens,
        out_of_memory=full,
        resumed=resumed,
        parameters=parameters,
        mlp_hidden=mlp_hidden,
        tokens=scale.tokens if failure is None else 0,
        cpu_seconds=sum(one[1].cpu_seconds for one in attempts),
        wall_seconds=sum(one[1].wall_seconds for one in attempts),
        peak_bytes=max(one[1].peak_bytes for one in attempts),
        weights_sha256=digest,
        corpus=ready.dataset.fingerprint,
        curves=curves.all(),
        started_at=started_at,
        sandbox=ending.sandbox,
        failure=failure,
    )


def fitting(share: int, most: int) -> int:
    """The largest micro-batch of at most ``most`` sequences that cuts a rank's ``share`` evenly."""
    return max(size for size in range(1, min(share, most) + 1) if share % size == 0)


_Attempt = tuple[Failure | None, Exit, Curves]


def _attempt(job: RunJob, place: Path, launch: Launch, on_progress: Callable[[Progress], None] | None) -> _Attempt:
    curves = Curves({TEXT: job.scale.run.steps}, {TEXT: job.scale.tokens}, on_progress)
    (place / JOB_FILE).write_text(job.model_dump_json(), "utf-8")
    ending = launch(CHILD, "train", folder=place, limits=job.scale.train, profile="train", on_line=curves.read)
    return failure_of(ending, job.scale.train, _STAGE), ending, curves


def _too_large(attempt: _Attempt) -> bool:
    return attempt[0] is not None and attempt[0].kind == "out_of_memory"


def _identity(source: str, ready: Ready, seed: int, mlp_hidden: int) -> str:
    """What a checkpoint may be resumed by: the number of workers and the device may change, nothing else."""
    text = "\n".join(
        (ready.scale.model_dump_json(), str(sorted(ready.dataset.fingerprint.items())), f"{seed} {mlp_hidden}", source)
    )
    return hashlib.sha256(text.encode()).hexdigest()
