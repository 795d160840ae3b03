"""The Triton scan against its recurrence: values, gradients, hard factors and packed sequences."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.recurrence import scan_recurrence
from tests.kernels.gpu.agreement import DTYPES, assert_near, doubles

pytest.importorskip("triton")

from kernels.gpu import scan


def draw(batch: int, length: int, width: int, states: int, dtype: torch.dtype, device: str) -> dict[str, Tensor]:
    """Arguments and a gradient of the result, with factors of exactly 0 and 1 among the others."""
    generator = torch.Generator().manual_seed(length)
    a = torch.rand(batch, length, width, generator=generator) ** 0.25
    a[torch.rand(a.shape, generator=generator) < 0.05] = 0.0
    a[torch.rand(a.shape, generator=generator) < 0.1] = 1.0
    b, dh = (torch.randn(batch, length, width, generator=generator) for _ in range(2))
    drawn = {"a": a, "b": b, "dh": dh}
    if states:
        drawn["initial_state"] = torch.randn(states, width, generator=generator)
    return {name: x.to(device, dtype) for name, x in drawn.items()}


def assert_same(drawn: dict[str, Tensor], lengths: list[int] | None = None) -> None:
    """Values and gradients agree with the recurrence, over each packed sequence of ``lengths`` alone if given."""
    dh, arguments = drawn["dh"], {name: x for name, x in drawn.items() if name != "dh"}
    a, b, state = arguments["a"], arguments["b"], arguments.get("initial_state")
    ends = None if lengths is None else torch.tensor([0, *lengths], device=a.device).cumsum(0)
    h = scan.forward(a, b, state, ends)
    da, db, dstate = scan.backward(dh, a, state, h, ends)
    got = {"h": h, "da": da, "db": db}
    exact = doubles(arguments)
    if lengths is None:
        expected = scan_recurrence(**exact)
    else:
        parts = zip(exact["a"].split(lengths, 1), exact["b"].split(lengths, 1), strict=True)
        states = exact["initial_state"].split(1) if "initial_state" in exact else [None] * len(lengths)
        expected = torch.cat(
            [scan_recurrence(*part, state) for part, state in zip(parts, states, strict=True) if part[0].shape[1]], 1
        )
    gradients = torch.autograd.grad(expected, list(exact.values()), dh.double().cpu())
    if state is None:
        assert dstate is None
    else:
        got["dinitial_state"] = dstate
    wanted = {"h": expected} | {f"d{name}": x for name, x in zip(exact, gradients, strict=True)}
    assert_near(got, wanted, {"h": b} | {f"d{name}": x for name, x in arguments.items()})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("batch", "length", "width", "state"),
    [(1, 1, 1, True), (2, 63, 5, False), (1, 64, 32, True), (2, 65, 33, True), (1, 150, 7, False)],
)
def test_values_and_gradients(
    batch: int, length: int, width: int, state: bool, dtype: torch.dtype, device: str
) -> None:
    assert_same(draw(batch, length, width, batch if state else 0, dtype, device))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 70),
    width=st.integers(1, 40),
    state=st.booleans(),
    dtype=st.sampled_from(DTYPES),
)
def test_values_and_gradients_of_drawn_shapes(
    batch: int, length: int, width: int, state: bool, dtype: torch.dtype, device: str
) -> None:
    assert_same(draw(batch, length, width, batch if state else 0, dtype, device))


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_packed_sequences_do_not_touch(dtype: torch.dtype, state: bool, device: str) -> None:
    lengths = [70, 1, 0, 64, 5]
    assert_same(draw(1, sum(lengths), 6, len(lengths) if state else 0, dtype, device), lengths)


def test_a_state_and_factors_may_be_wider_than_the_values(device: str) -> None:
    drawn = draw(2, 20, 6, 2, torch.float32, device)
    drawn |= {"b": drawn["b"].half(), "dh": drawn["dh"].half()}
    h = scan.forward(drawn["a"], drawn["b"], drawn["initial_state"])
    da, db, dstate = scan.backward(drawn["dh"], drawn["a"], drawn["initial_state"], h)
    assert [x.dtype for x in (h, da, db, dstate)] == [torch.float16, torch.float32, torch.float16, torch.float32]
