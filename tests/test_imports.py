"""Imports point one way: flows -> tasks -> {archdb, evaluation} -> kernels."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "flows": {"flows", "tasks", "archdb", "evaluation"},
    "tasks": {"tasks", "archdb", "evaluation"},
    "archdb": {"archdb"},
    "evaluation": {"evaluation", "kernels"},
    "kernels": {"kernels"},
}
NOT_IN = {  # what a room must not know of, besides the rooms above it
    "archdb": {"prefect", "mlflow", "openai"},
    "evaluation": {"prefect", "mlflow", "openai", "pymongo", "lancedb"},
    "kernels": {"prefect", "mlflow", "openai", "pymongo", "lancedb", "pandas", "pydantic"},
}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} uses a relative import"
            found.add(node.module or "")
    return found


def files(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, f"no files in {room}"
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_downwards_only(room: str) -> None:
    for file in files(room):
        tops = {name.split(".")[0] for name in imported(file)}
        assert tops & set(MAY_IMPORT) <= MAY_IMPORT[room], f"{file} imports {tops & set(MAY_IMPORT) - MAY_IMPORT[room]}"
        assert not tops & NOT_IN.get(room, set()), f"{file} imports {tops & NOT_IN[room]}"


@pytest.mark.parametrize("room", ["flows", "tasks"])
def test_designs_are_known_only_through_the_face_of_evaluation(room: str) -> None:
    for file in files(room):
        inside = {name for name in imported(file) if name.startswith("evaluation.")}
        assert not inside, f"{file} reaches into {inside}: use what evaluation/__init__.py offers"


def test_the_embedded_store_is_never_imported() -> None:
    for room in MAY_IMPORT:
        for file in files(room):
            assert not any("secantus" in name for name in imported(file)), file


def test_evaluation_is_light_to_import() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, evaluation; print(*{'torch', 'prefect', 'pymongo'} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == ""


# What a bare GPU machine has; anything else is imported inside the function that needs it, if at all.
BARE = {"torch", "triton", "numpy", "pandas", "scipy", "einops", "tokenizers", "safetensors", "pydantic", "typer"}
BARE_BESIDES = {  # not needed to train
    "kernels/bench/plot.py": {"matplotlib"},
    "evaluation/export/inside/configuration.py": {"transformers"},
    "evaluation/export/inside/modeling.py": {"transformers"},
    "evaluation/launch.py": {"psutil"},
    "evaluation/efficiency/energy.py": {"pynvml"},
    "evaluation/zero_shot/adapter.py": {"lm_eval"},
    "evaluation/zero_shot/definitions.py": {"lm_eval", "datasets"},
}


def test_evaluation_and_kernels_need_little() -> None:
    for room in ("evaluation", "kernels"):
        for file in files(room):
            tops = {name.split(".")[0] for name in imported(file)} - set(sys.stdlib_module_names)
            allowed = BARE | MAY_IMPORT[room] | BARE_BESIDES.get(str(file.relative_to(ROOT)), set())
            assert tops <= allowed, f"{file} imports {tops - allowed}"


def test_evaluation_runs_where_nothing_else_is_installed() -> None:
    code = """
import importlib.abc, sys
class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        absent = "psutil pynvml pyarrow datasets lm_eval rich prefect mlflow lancedb filelock"
        if name.split(".")[0] in absent.split():
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Bare())
import evaluation.__main__, evaluation.data.prepare, evaluation.large.training, evaluation.large.scoring
from evaluation.efficiency.energy import counter
assert counter()[0] is None and "nvidia-ml-py" in counter()[1]
from pathlib import Path
from evaluation import Limits, plain_launch
ending = plain_launch("evaluation.large.child", "devices", folder=Path.cwd(), limits=Limits(
    wall_seconds=100, cpu_seconds=100, memory_bytes=10**10))
print(ending.ended, ending.peak_bytes > 10**7)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.split() == ["exited", "True"], told.stderr


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "service", "services"}
    assert not [file for room in MAY_IMPORT for file in files(room) if file.stem in empty]
