"""Every Triton kernel compiles for a Hopper GPU and spills no more registers than is known; no GPU is needed."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

import triton
import triton.language as tl

from tests.kernels.ahead_of_time import Case, cases, compile_for_hopper
from tests.kernels.gpu import chunked_cases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the interpreter's functions do not compile"),
]

MOST_SHARED = 227 * 1024


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_kernel_compiles_and_spills_no_more_than_is_known(case: Case) -> None:
    needs = case.compile()
    assert needs.spill_bytes <= case.allowed_spill, needs
    assert 0 < needs.registers <= 255, needs
    assert needs.shared_bytes <= MOST_SHARED, needs


def test_every_allowed_spill_belongs_to_a_kernel_of_the_list() -> None:
    assert chunked_cases.SPILLING.keys() <= {case.name for case in chunked_cases.CASES}


@triton.jit
def _all_at_once(x: tl.tensor, y: tl.tensor, SIZE: tl.constexpr) -> None:
    element = tl.arange(0, SIZE)
    values = tl.load(x + element)
    for later in range(10):
        values = values * tl.load(x + element + later * SIZE) + tl.sum(values)
    tl.store(y + element, values)


def test_a_spill_is_seen() -> None:
    types = {"x": "*fp32", "y": "*fp32"}
    assert compile_for_hopper(_all_at_once, types, {"SIZE": 1024}, num_warps=1).spill_bytes == 0
    # 256 values a thread, twice, where 255 registers are the most there are
    assert compile_for_hopper(_all_at_once, types, {"SIZE": 8192}, num_warps=1).spill_bytes > 0


def test_a_process_with_the_interpreter_is_told_what_to_do() -> None:
    command = [sys.executable, "-m", "tests.kernels.ahead_of_time"]
    ended = subprocess.run(command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "unset TRITON_INTERPRET" in ended.stderr
