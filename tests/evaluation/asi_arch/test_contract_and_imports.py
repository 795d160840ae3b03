"""What is told from the text alone, what the finder offers, and when torch.compile does nothing."""

import ast
import importlib
import subprocess
import sys
import types

import pytest
import torch

from evaluation import compiling
from evaluation.asi_arch import imports
from evaluation.asi_arch.contract import complaint, is_asi_arch
from evaluation.asi_arch.dtypes import mixed_types
from tests.evaluation.asi_arch.conftest import Load

FORWARD = "    def forward(self, hidden_states): return hidden_states, None, None\n"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("class DeltaNet: ...", True),
        ("class Mine: ...\nDeltaNet = Mine", True),
        ("class DeltaNet: ...\nclass Candidate(DeltaNet): ...", False),
        ("class Candidate: ...", False),
        ("def f():\n    class DeltaNet: ...", False),
        ("from fla.layers import DeltaNet", False),
    ],
)
def test_the_form_is_told_from_the_text(source: str, told: bool) -> None:
    assert is_asi_arch(ast.parse(source)) is told


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (f"class DeltaNet(M):\n    def __init__(self, hidden_size=1, num_heads=1): ...\n{FORWARD}", ""),
        (f"class DeltaNet(M):\n    def __init__(self, *, d_model, n_heads, **kwargs): ...\n{FORWARD}", ""),
        (f"class DeltaNet(M):\n    def __init__(self, mode='x', **kwargs): ...\n{FORWARD}", ""),
        ("class DeltaNet(Base): ...", ""),
        ("class Mine(M): ...\nDeltaNet = Mine", ""),
        ("class DeltaNet: ...", "no forward method"),
        (f"class DeltaNet(M):\n    def __init__(self, num_heads=1): ...\n{FORWARD}", "neither hidden_size nor d_model"),
        (f"class DeltaNet(M):\n    def __init__(self, d_model): ...\n{FORWARD}", "neither num_heads nor n_heads"),
        (f"class DeltaNet(M):\n    def __init__(self, config, **kwargs): ...\n{FORWARD}", "requires 'config'"),
        (f"class DeltaNet(M):\n    def __init__(self, *, vocab, **kwargs): ...\n{FORWARD}", "requires 'vocab'"),
    ],
)
def test_what_cannot_be_adapted_is_said_with_what_to_do(source: str, words: str) -> None:
    found = complaint(ast.parse(source))
    if not words:
        assert found is None
    else:
        assert found is not None
        assert words in found[0]
        assert found[1]


def test_the_text_is_judged_without_torch() -> None:
    code = "import sys, evaluation.asi_arch.contract, evaluation.asi_arch.dtypes; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_every_name_offered_is_there_and_nothing_else(load: Load) -> None:
    imports.install()
    imports.install()
    assert sum(isinstance(finder, imports.Finder) for finder in sys.meta_path) == 1
    for module, names in imports.PROVIDED.items():
        offered = importlib.import_module(module)
        assert all(callable(getattr(offered, name)) for name in names)
        with pytest.raises(ImportError, match=f"nothing_like_this is not among what {module} provides"):
            exec(f"from {module} import nothing_like_this")
        with pytest.raises(ImportError, match=f"{module}.nothing is not provided .* of {module.partition('.')[0]} th"):
            importlib.import_module(f"{module}.nothing")
        assert not hasattr(offered, "__wrapped__")


def test_a_real_package_is_set_aside(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    real = types.ModuleType("fla")
    monkeypatch.setitem(sys.modules, "fla", real)
    imports.install()
    assert importlib.import_module("fla") is not real
    assert importlib.import_module("fla.modules").RMSNorm.__module__ == "evaluation.asi_arch.norms"


def test_compile_does_nothing_for_the_named_module_only(load: Load) -> None:
    compiling.leave_uncompiled("a_design")
    design = types.ModuleType("a_design")
    exec(
        "import functools, torch\n"
        "def f(x): return x\n"
        "plain, called = torch.compile(f), torch.compile(mode='max-autotune', fullgraph=True)(f)\n"
        "partly = functools.partial(torch.compile, dynamic=True)(f)\n",
        design.__dict__,
    )
    assert design.plain is design.called is design.partly is design.f
    compiled = torch.compile(design.f, backend="eager")
    assert compiled is not design.f
    assert compiled(torch.ones(2)).tolist() == [1, 1]


CAST = "y = x.to(torch.bfloat16)\nz = x.float()\n"


@pytest.mark.parametrize(
    ("raising", "source", "words"),
    [
        (lambda: torch.ones(2, 2).bfloat16() @ torch.ones(2, 2), CAST, "half type inside (line 1)"),
        (lambda: torch.nn.Linear(2, 2)(torch.ones(2, 2).bfloat16()), CAST, "half type"),
        (lambda: torch.zeros(3).scatter_(0, torch.tensor([0]), torch.ones(1).bfloat16()), CAST, "half type"),
        (lambda: torch.ones(2, 2) @ torch.ones(2, 2).double(), "z = x.float()", "float32 inside (line 1)"),
        (lambda: torch.ones(2, 2) @ torch.ones(2, 2).double(), "z = x", None),
        (lambda: torch.ones(2, 2) @ torch.ones(3, 3), CAST, None),
        (lambda: torch.ones(2, 2).bfloat16() @ torch.ones(2, 2), "(", None),
        (lambda: [][1], CAST, None),
    ],
)
def test_a_clash_of_types_is_traced_to_the_cast(raising, source, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((RuntimeError, IndexError)) as caught:
        raising()
    reason = mixed_types(caught.value, source)
    if words is None:
        assert reason is None
    else:
        assert reason is not None
        assert words in reason
