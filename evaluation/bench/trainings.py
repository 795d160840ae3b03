"""Real trainings for a bench, kept one line each in a file, so that a stopped bench goes on where it was."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from pydantic import Field, FiniteFloat, ValidationError

from evaluation.baselines import baselines
from evaluation.benchmarking import benchmark
from evaluation.checks import check
from evaluation.jobs import WEIGHTS_FILE
from evaluation.launch import Launch
from evaluation.reports import Failure, Report
from evaluation.scales import scale as read_scale
from evaluation.training import train


class Training(Report):
    """One design trained and scored with one seed."""

    version: int = 1
    scale: str
    design: str
    seed: int
    parameters: int
    objectives: dict[str, FiniteFloat]
    details: dict[str, FiniteFloat] = Field(default_factory=dict)  # losses and accuracies per difficulty
    cpu_seconds: FiniteFloat
    weights_sha256: str
    corpus: dict[str, str]
    made_from: str = ""  # sha256 of the source and the scale without its title; empty in the oldest


class TrainingFailed(RuntimeError):
    """A design of a bench did not train. The text says which, why, and what to do."""


def recorded(file: Path, scale: str) -> dict[tuple[str, int], Training]:
    """What the file holds for this scale, by design and seed. A last line that was cut off is ignored.

    Raises ValueError for a file that holds something else.
    """
    *lines, cut = file.read_bytes().split(b"\n") if file.is_file() else [b""]
    found: dict[tuple[str, int], Training] = {}
    for number, line in enumerate(lines, start=1):
        try:
            one = Training.model_validate_json(line)
        except ValidationError as error:
            raise _foreign(file, number) from error
        if one.scale == scale:
            found[one.design, one.seed] = one
    if cut and not cut.startswith(b"{"):
        raise _foreign(file, len(lines) + 1)
    return found


def _foreign(file: Path, line: int) -> ValueError:
    return ValueError(f"{file}, line {line}, is no training of a bench: move the file away.")


def trained(
    wanted: Iterable[tuple[str, int]], sources: Mapping[str, str], scale: str, file: Path, launch: Launch,
    parallel: int = 1, on_done: Callable[[Training], None] = lambda _: None,
) -> dict[tuple[str, int], Training]:  # fmt: skip
    """Every wanted (design, seed), trained unless ``file`` has it; each is appended as soon as it is there.

    What was made from another source or plan of the scale than today's is trained again. Raises TrainingFailed at the
    first that fails, once those beside it have ended; what was done before stays.
    """
    recipes = {name: _recipe(scale, source) for name, source in sources.items()}
    found = {
        key: one for key, one in recorded(file, scale).items() if one.made_from in ("", recipes.get(one.design, ""))
    }
    missing = [one for one in dict.fromkeys(wanted) if one not in found]
    file.parent.mkdir(parents=True, exist_ok=True)
    end_last_line(file)
    writing = Lock()

    def work(one: tuple[str, int]) -> None:
        done = _train(one[0], sources[one[0]], scale, one[1], launch)
        with writing:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(done.model_dump(mode="json")) + "\n")
            found[one] = done
            on_done(done)

    pool = ThreadPoolExecutor(parallel)
    try:
        for future in [pool.submit(work, one) for one in missing]:
            future.result()
    except BaseException as error:
        # Ctrl-C is passed on at once: only the caller can end the children that the threads still wait for.
        pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    pool.shutdown()
    return found


def _recipe(scale: str, source: str) -> str:
    plan = read_scale(scale).model_dump_json(exclude={"title"})
    return hashlib.sha256(f"{plan}\n{source}".encode()).hexdigest()


def end_last_line(file: Path) -> None:
    """Drop what a killed process left of a line."""
    if file.is_file():
        text = file.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            file.write_bytes(whole)


def _train(name: str, source: str, scale: str, seed: int, launch: Launch) -> Training:
    with TemporaryDirectory(prefix="archloop-bench-") as place:
        folder = Path(place).resolve()
        shipped = baselines().get(name)
        checked = check(source, scale, folder, launch, quadratic=shipped is not None and shipped.quadratic)
        _require(checked.failure, name, seed)
        learned = train(source, scale, seed, checked.mlp_hidden, folder, launch)
        _require(learned.failure, name, seed)
        scored = benchmark(source, scale, seed, checked.mlp_hidden, folder / WEIGHTS_FILE, folder, launch)
        _require(scored.failure, name, seed)
    return Training(
        scale=scale,
        design=name,
        seed=seed,
        parameters=learned.parameters,
        objectives=scored.objectives,
        details=scored.details,
        cpu_seconds=learned.cpu_seconds,
        weights_sha256=learned.weights_sha256,
        corpus=learned.corpus,
        made_from=_recipe(scale, source),
    )


def _require(failure: Failure | None, name: str, seed: int) -> None:
    if failure is not None:
        raise TrainingFailed(f"{name}, seed {seed}: {failure.message} {failure.remedy}")
