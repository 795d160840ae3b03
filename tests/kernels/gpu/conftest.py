"""A test of this folder that takes the argument ``device`` runs twice: in Triton's interpreter, and on a GPU.

``device`` says where its tensors live: "cpu" for the interpreter, "cuda" under the marker ``gpu`` (skipped where
there is no CUDA device). Triton decides once for a whole process, when it is imported, whether kernels are
interpreted, and any other test may have imported it before. So interpreter tests run in a child process with
TRITON_INTERPRET set: when the first one of a module is due, a child pytest runs all of that module's that were
selected, and each then passes, fails or skips here as it did there. Under xdist with ``--dist loadgroup`` a module's
interpreter tests go to one worker, so one child a module is enough. Set TRITON_INTERPRET=1 by hand to run them in the
process itself, for a debugger.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

HERE = Path(__file__).parent

_children = pytest.StashKey[dict[Path, dict[str, tuple[str, str]]]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "device" in metafunc.fixturenames:
        absent = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
        metafunc.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, absent])])


def pytest_itemcollected(item: pytest.Item) -> None:
    # As soon as collected: xdist reads the groups in its own hook after collection, in an order that is not ours.
    if item.config.pluginmanager.hasplugin("xdist") and _is_interpreted(item):
        item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not _is_interpreted(pyfuncitem) or os.environ.get("TRITON_INTERPRET") == "1":
        return None  # pytest calls it as usual
    children = pyfuncitem.session.stash.setdefault(_children, {})
    if pyfuncitem.path not in children:
        siblings = [x for x in pyfuncitem.session.items if x.path == pyfuncitem.path and _is_interpreted(x)]
        children[pyfuncitem.path] = _run_in_child(siblings)
    outcome, text = children[pyfuncitem.path][pyfuncitem.name]
    if outcome == "skipped":
        pytest.skip(text)
    if outcome != "passed":
        pytest.fail(text, pytrace=False)
    return True


def _is_interpreted(item: pytest.Item) -> bool:
    return HERE in item.path.parents and hasattr(item, "callspec") and item.callspec.params.get("device") == "cpu"


def _run_in_child(items: list[pytest.Item]) -> dict[str, tuple[str, str]]:
    """Run tests of one module in a child pytest with the interpreter: {test's name: (outcome, what to show)}."""
    # Under xdist a group's name follows the node id.
    names = [item.nodeid.removesuffix(f"@{item.path.stem}") for item in items]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        child = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={report}", *names],
            cwd=items[0].config.rootpath,
            env=environment | {"TRITON_INTERPRET": "1"},
            capture_output=True,
            text=True,
        )
        cases = ElementTree.parse(report).iter("testcase") if report.exists() else []
    ended = f"pytest ended with {child.returncode} in the interpreter's process\n{child.stdout}{child.stderr}"
    outcomes = {item.name: ("failed", ended) for item in items}
    for case in cases:
        problem = next(iter(case), None)
        if problem is None or problem.tag not in ("failure", "error", "skipped"):
            outcomes[case.attrib["name"]] = ("passed", "")
        else:
            outcomes[case.attrib["name"]] = (problem.tag, problem.text or problem.attrib.get("message", ""))
    return outcomes
