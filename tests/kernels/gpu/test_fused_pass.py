"""The fused backward of chunk_linear and chunk_delta, which many heads take, against the definitions."""

from typing import Any

import pytest
import torch

from tests.kernels.gpu.agreement import TOLERANCES

pytest.importorskip("triton")

from kernels.gpu import tiles
from tests.kernels.gpu import chunked_cases
from tests.kernels.gpu.chunked_agreement import (
    FORMS,
    assert_as_defined,
    assert_near,
    assert_packed_as_defined,
    defined,
    draw,
    run,
    weights,
)

SLOW = pytest.mark.slow


def quick(*quickly: tuple[bool, str]) -> list[Any]:
    """All forms of the ops, those not in ``quickly`` for slow runs alone."""
    every = [(delta, form) for delta in (False, True) for form in FORMS]
    return [pytest.param(*one, marks=[] if one in quickly else SLOW) for one in every]


@pytest.fixture
def many_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few there are: backward takes all gradients of a sequence's head in one program."""
    monkeypatch.setattr(tiles, "ENOUGH_PROGRAMS", 1)


@pytest.mark.parametrize(
    "dtype", [torch.float16, *(pytest.param(x, marks=SLOW) for x in (torch.float32, torch.bfloat16))]
)
@pytest.mark.parametrize(("delta", "form"), quick((True, "head")))
@pytest.mark.usefixtures("many_heads")
def test_many_heads(delta: bool, form: str, dtype: torch.dtype, device: str) -> None:
    assert_as_defined(draw(delta, form, dtype, device, length=150, groups=2))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.usefixtures("many_heads")
def test_hard_cases_with_many_heads(delta: bool, form: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for dtype in (torch.float32, torch.float16):
        assert_as_defined(draw(delta, form, dtype, device, length=150, beta=2.0, strongest=0.01))
        assert_as_defined(draw(delta, form, dtype, device, length=100, strongest=15.9))
    arguments = draw(delta, form, torch.float32, device, length=70, batch=2, heads=2, groups=2, state=False)
    do, dfinal = weights(arguments)
    assert_near(run(arguments, do, None), defined(arguments, do, dfinal.zero_()), arguments)
    for width, value_width in ((1, 1), (100, 17), (16, 128)):
        assert_as_defined(draw(delta, form, torch.float32, device, 40, width=width, value_width=value_width))
    monkeypatch.setitem(TOLERANCES, torch.bfloat16, 4e-2)
    assert_as_defined(draw(delta, form, torch.bfloat16, device, length=150, beta=2.0))


@pytest.mark.parametrize(
    ("length", "batch", "launches"),
    [
        (40, 64, ["fused_pass"]),
        (1000, 1, ["state_pass", "reverse_pass", "gradients"]),
        (1000, 64, ["state_pass", "fused_pass"]),
        (70, 64, ["state_pass", "fused_pass"]),
    ],
)
def test_the_launches_of_backward_follow_the_number_of_heads(length: int, batch: int, launches: list[str]) -> None:
    recorded = chunked_cases.record(torch.bfloat16, 64, True, "head", length, batch)
    assert [case.name.split()[0] for case in recorded if " backward " in case.name] == launches


@pytest.mark.parametrize("state", [pytest.param(False, marks=SLOW), True])
@pytest.mark.parametrize(("delta", "form"), quick((True, "head"), (False, "channel")))
@pytest.mark.usefixtures("many_heads")
def test_packed_sequences_with_many_heads(delta: bool, form: str, state: bool, device: str) -> None:
    assert_packed_as_defined(delta, form, state, (33, 1, 0, 70), device)
