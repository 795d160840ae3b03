"""The Python files of a package: read, never run; flat, complete, and without a way back into the laboratory."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from evaluation import Unmovable, baselines, write_package
from evaluation.baselines import source as baseline
from evaluation.export.modules import package_modules, packages_of
from tests.evaluation.export.designs import FORGETFUL, NO_STEP

ROOMS = {"kernels", "evaluation", "tasks", "archdb", "flows", "triton"}
NAMED = re.compile(r"^\s*from\s+\.(\S+)\s+import", re.MULTILINE)  # what the loader of transformers looks for
DESIGNS = {name: baseline(name) for name in baselines()} | {"forgetful": FORGETFUL, "no_step": NO_STEP}
ASI_ARCH = Path(__file__).parents[1] / "asi_arch" / "designs" / "packed_delta.py"


def imported(text: str) -> tuple[set[str], set[str]]:
    """Top packages that a text imports, and the files beside it."""
    away, beside = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            away |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            away.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1
            beside |= {node.module} if node.module else {alias.name for alias in node.names}
    return away, beside


@pytest.mark.parametrize("name", DESIGNS)
def test_a_package_is_flat_complete_and_apart(name: str) -> None:
    files = package_modules(DESIGNS[name], name)
    names = {file.removesuffix(".py") for file in files}
    for file, text in files.items():
        away, beside = imported(text)
        assert not away & ROOMS, file
        assert beside <= names, file
        assert '"archloop::' not in text, f"{file} would define torch's operators of the laboratory"
    assert set(NAMED.findall(files["modeling_archloop.py"])) == names - {"modeling_archloop"}
    assert ("kernels.py" in files) == ("kernels" in DESIGNS[name])
    assert "Apache License" in files["frame.py"].splitlines()[0]


def test_only_what_a_design_calls_comes_along() -> None:
    assert set(package_modules(NO_STEP, "x")) == {
        "candidate.py", "configuration_archloop.py", "decoding.py", "frame.py", "modeling_archloop.py", "state.py",
    }  # fmt: skip
    local = package_modules("from kernels import rotary as turn, window_attention", "x")
    assert "from .kernels import rotary as turn, window_attention" in local["candidate.py"]
    assert [one for one in local if one.startswith("kernels")] == [
        "kernels.py", "kernels_arguments.py", "kernels_rotary.py", "kernels_window.py",
    ]  # fmt: skip


def test_modules_of_kernels_come_along_beside_functions() -> None:
    files = package_modules("from kernels import norm, linear_scan as scan", "x")
    assert "from .kernels import linear_scan as scan; from . import kernels_norm as norm" in files["candidate.py"]
    assert "__all__ = ['linear_scan']" in files["kernels.py"]
    whole = package_modules("import kernels as k\nk.norm.l2_norm", "x")["kernels.py"]
    assert "from . import kernels_norm as norm" in whole
    assert "from .kernels_rotary import rotary\n" in whole, "a function goes before a module of its name"
    assert "kernels_rotary as" not in whole


def test_a_file_names_the_module_that_it_was() -> None:
    files = package_modules(DESIGNS["gated_deltanet"], "x")
    for file, module in (
        ("kernels_backends.py", "evaluation.export.inside.backends"),
        ("configuration_archloop.py", "evaluation.export.inside.configuration"),
        ("frame.py", "evaluation.model"),
    ):
        assert files[file].startswith(f"# {module} of archloop "), file


def test_what_has_to_be_installed_follows_from_the_imports() -> None:
    assert packages_of(FORGETFUL) == ("torch", "transformers")
    assert packages_of("def f():\n    from einops.layers.torch import Reduce") == ("einops", "torch", "transformers")


def test_nothing_else_of_the_program_changes() -> None:
    source = (
        "'''from kernels import nothing'''  # «é»\r\n'the end?\x0c \u2028 no'\n"
        "import math; import kernels; x = 1\n"
        "if x:\n    from kernels.norm import (\n        l2_norm,\n    )  # kept\n"
    )
    assert package_modules(source, "x")["candidate.py"].split("\n")[2:-1] == [
        "'''from kernels import nothing'''  # «é»",
        "'the end?\x0c \u2028 no'",
        "import math; from . import kernels as kernels; x = 1",
        "if x:",
        "    from .kernels_norm import l2_norm  # kept",
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("from kernels import warp_drive", "imports warp_drive from kernels, which has no such name"),
        ("import torch\nimport kernels.norm as n", "Line 2 of x is `import kernels.norm`: write `from kernels import"),
        ("def (", "x is no Python program"),
        (ASI_ARCH.read_text(), "x is in ASI-Arch's form"),
    ],
)
def test_what_cannot_be_taken_out_is_told(source: str, words: str) -> None:
    with pytest.raises(Unmovable, match=re.escape(words)):
        package_modules(source, "x")


def test_the_program_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    assert "candidate.py" in package_modules(f"open({str(mark)!r}, 'w').close()\nraise SystemExit", "x")
    assert not mark.exists()


def test_weights_of_another_scale_are_told(tmp_path: Path) -> None:
    save_file({"text.embedding.weight": np.zeros((2, 2), dtype=np.float32)}, tmp_path / "weights.safetensors")
    with pytest.raises(Unmovable, match=r"The weights of x do not fit the tiny scale of this archloop \(the weights"):
        write_package(NO_STEP, "tiny", 48, tmp_path / "weights.safetensors", "text", "# card", tmp_path / "x", "x")
    assert not (tmp_path / "x").exists()
