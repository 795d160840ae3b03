"""The static gate refuses what reaches out, naming the line, and lets research code, baselines and designs by."""

import json
import random
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from evaluation import baseline_source, baselines
from evaluation.gate import refusal
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.naming import name_of
from tasks.agents.grammar.space import random_design
from tests.evaluation.evasions import EVASIONS, HEAD, NOT_EXECUTED
from tests.evaluation.right_designs import RIGHT

CLOSED = (
    "torch.load torch.save torch.hub.load torch.serialization.load torch.package torch.distributed "
    "torch.multiprocessing torch.ops.aten torch.classes torch.library torch.overrides torch.jit.load "
    "torch.utils._python_dispatch torch.utils.data.DataLoader torch.utils.cpp_extension torch._C torch.fx "
    "torch._dynamo.config torch.set_num_threads torch.use_deterministic_algorithms torch.optim.SGD "
    "torch.set_default_device torch.manual_seed torch.cuda.manual_seed_all torch.cuda.memory torch.random "
    "torch.PyTorchFileReader torch.import_ir_module torch.from_numpy torch.to_dlpack "
    "torch.nn.DataParallel torch.backends.cuda.matmul torch.default_generator "
    "torch.nn.Module.__subclasses__ torch.profiler "
    "torch.nn.modules.module.register_module_forward_pre_hook torch.autograd.set_detect_anomaly "
    "torch.export torch.nn.functional.handle_torch_function torch.nn.functional.np "
    "torch.autograd.profiler typing.sys torch.Tensor.numpy torch.Tensor._make_subclass "
    "torch.Tensor.__torch_function__ torch.DispatchKeySet "
)

# Executes each file in a fork, as a child of ours loads a candidate, and says how it ended: whether ``reached`` was
# true, or what was raised.
EXECUTE = """
import importlib.util, json, os, sys
import einops, einops.layers.torch, torch, torch._dynamo, kernels
import torch.utils.checkpoint
def run(path):
    spec = importlib.util.spec_from_file_location("design", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["design"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "reached" if bool(getattr(module, "reached", None)) else "ran"
ended = {}
for name, path in json.load(sys.stdin).items():
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, run(path).encode()[:1000])
        os._exit(0)
    os.close(writing)
    ended[name] = b"".join(iter(lambda: os.read(reading, 4096), b"")).decode()
    os.close(reading)
    os.wait()
sys.stderr.write(json.dumps(ended))
"""


@cache
def executed(folder: Path) -> dict[str, str]:
    """How every evasion and every right design ends when no gate stands before it."""
    paths = {}
    sources = {name: source for name, (_, source) in EVASIONS.items()} | RIGHT
    for number, (name, source) in enumerate(sources.items()):
        path = folder / f"design_{number}.py"
        path.write_text(source, "utf-8")
        paths[name] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE], input=json.dumps(paths), capture_output=True, text=True, timeout=300
    )
    ended: dict[str, str] = json.loads(done.stderr.splitlines()[-1])
    return ended


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return executed(tmp_path_factory.mktemp("designs"))


@pytest.mark.parametrize("name", EVASIONS)
def test_evasion_is_refused_with_a_sentence_that_names_its_line(name: str) -> None:
    line, source = EVASIONS[name]
    sentence = refusal(source)
    assert sentence is not None
    assert re.match(rf"Line {line} \S.*\.$", sentence), sentence
    assert sentence.count("\n") == 0


def test_evasions_would_reach_their_target_without_the_gate(endings: dict[str, str]) -> None:
    missed = {name: endings[name] for name in EVASIONS if endings[name] != "reached" and name not in NOT_EXECUTED}
    assert missed == {}
    assert len(EVASIONS) >= 90


@pytest.mark.parametrize("name", RIGHT)
def test_research_code_passes(name: str) -> None:
    assert refusal(RIGHT[name]) is None


def test_research_code_of_these_tests_runs(endings: dict[str, str]) -> None:
    assert {name: endings[name] for name in RIGHT if endings[name] != "ran"} == {}


@pytest.mark.parametrize("name", baselines())
def test_baselines_pass(name: str) -> None:
    assert refusal(baseline_source(name)) is None


def test_grammar_designs_pass() -> None:
    rng = random.Random(8)
    designs = {random_design(rng) for _ in range(310)}
    assert len(designs) >= 300
    refused = {refusal(compose(design, name_of(design), "because")) for design in designs}
    assert refused == {None}


@pytest.mark.parametrize("closed", CLOSED.split())
def test_closed_names_stay_closed_however_they_are_reached(closed: str) -> None:
    module, _, name = closed.rpartition(".")
    for source in (
        f"import torch\nimport typing\nx = {closed}\n",
        f"import torch\nimport typing\nx = getattr({module}, '{name}')\n",
        f"import torch\nimport typing\nm = {module}\nx = m.{name}\n" if module.count(".") else None,
        f"\n\nfrom {module} import {name} as x\n" if "Tensor" not in module and "Module" not in module else None,
    ):
        sentence = None if source is None else refusal(source)
        assert source is None or re.match(r"Line [34] ", sentence or ""), (source, sentence)


def test_sentences_say_why() -> None:
    def said(body: str) -> str:
        return refusal(HEAD + body) or ""

    assert said("x = torch.load('f')").endswith("uses torch.load, which reads or writes files.")
    assert "draw from a torch.Generator of your own" in said("torch.manual_seed(0)")
    assert "imports 'os', but designs may import only torch, math, typing, einops, kernels" in said("import os")
    assert "as a value, so that its use cannot be followed" in said("x = [torch]")
    assert "has no such name" in said("x = F.attentoin")
    assert "write the name" in said("x = getattr(F, 'sof' + 'tmax')")
    assert refusal("x = (") == "Line 1 is not valid Python: '(' was never closed."


def test_deep_nesting_is_a_sentence_and_not_a_crash() -> None:
    deep = refusal("x = " + "-" * 5000 + "1")
    assert deep is not None
    assert "cannot be read" in deep or "Line" in deep
    tangled = refusal("import torch\na0 = torch.nn\n" + "".join(f"a{i + 1} = a{i}\n" for i in reversed(range(60))))
    assert tangled is not None
    assert "tangle" in tangled


def test_an_adapter_may_open_packages_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "offered").mkdir()
    (tmp_path / "offered" / "__init__.py").write_text("import os\n")
    (tmp_path / "offered" / "norms.py").write_text("import sys\nclass RMSNorm: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    right = (
        "from offered.norms import RMSNorm\nfrom offered.norms import Missing\nimport offered.nowhere\nx = RMSNorm()\n"
    )
    assert refusal(right, ("offered",)) is None
    assert "Line 1 imports 'offered.norms'" in (refusal(right) or "")
    for wrong in ("offered.os.getpid()", "offered.norms.sys", "offered.missing", "[offered]"):
        sentence = refusal(f"import offered.norms\nx = {wrong}\n", ("offered",))
        assert sentence is not None, wrong
        assert sentence.startswith("Line 2 ")
