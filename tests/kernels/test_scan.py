"""linear_scan against its definition, including factors of exactly 0 and 1."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import linear_scan
from kernels.recurrence import scan_recurrence


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 80),
    width=st.integers(1, 5),
    state=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_are_the_definition_s(batch: int, length: int, width: int, state: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a = torch.rand(batch, length, width, generator=generator, dtype=torch.float64)
    a[a < 0.2], a[a > 0.8] = 0.0, 1.0
    b = torch.randn(batch, length, width, generator=generator, dtype=torch.float64)
    arguments = [a, b] + ([torch.randn(batch, width, generator=generator, dtype=torch.float64)] if state else [])
    arguments = [x.requires_grad_() for x in arguments]
    got, wanted = linear_scan(*arguments), scan_recurrence(*arguments)
    weights = torch.randn(wanted.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    for x, y in zip(
        torch.autograd.grad(got, arguments, weights), torch.autograd.grad(wanted, arguments, weights), strict=True
    ):
        torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)


def test_a_factor_of_zero_forgets_and_of_one_keeps_exactly() -> None:
    b = torch.randn(1, 40, 3)
    assert torch.equal(linear_scan(torch.zeros_like(b), b, torch.full((1, 3), 1e30)), b)
    kept = linear_scan(torch.ones_like(b), torch.zeros_like(b), torch.full((1, 3), 1e30))
    assert torch.equal(kept, torch.full_like(b, 1e30))


def test_the_output_of_a_prefix_is_the_prefix_of_the_output() -> None:
    a, b = torch.rand(2, 70, 4, dtype=torch.float64), torch.randn(2, 70, 4, dtype=torch.float64)
    h = linear_scan(a, b)
    for cut in (1, 7, 8, 9, 63, 64, 69):
        torch.testing.assert_close(
            linear_scan(a[:, :cut].contiguous(), b[:, :cut].contiguous()), h[:, :cut], rtol=0, atol=1e-12
        )


def test_two_runs_joined_by_the_state_equal_one() -> None:
    a, b = torch.rand(2, 70, 4, dtype=torch.float64), torch.randn(2, 70, 4, dtype=torch.float64)
    early = linear_scan(a[:, :37].contiguous(), b[:, :37].contiguous())
    late = linear_scan(a[:, 37:].contiguous(), b[:, 37:].contiguous(), early[:, -1].contiguous())
    torch.testing.assert_close(torch.cat([early, late], dim=1), linear_scan(a, b), rtol=0, atol=1e-12)


def test_gradients_by_finite_differences() -> None:
    a, b, state = (torch.rand(shape, dtype=torch.float64).requires_grad_() for shape in ((2, 9, 3), (2, 9, 3), (2, 3)))
    assert torch.autograd.gradcheck(linear_scan, (a, b, state), fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_types_are_kept_and_computed_in_float32(dtype: torch.dtype) -> None:
    a, b = (x.to(dtype).requires_grad_() for x in (torch.rand(1, 5, 2), torch.randn(1, 5, 2)))
    h = linear_scan(a, b)
    wide = [x.detach().float().requires_grad_() for x in (a, b)]
    h_wide = linear_scan(*wide)
    assert torch.equal(h, h_wide.to(dtype))
    for x, y in zip(torch.autograd.grad(h.sum(), (a, b)), torch.autograd.grad(h_wide.sum(), wide), strict=True):
        assert x.dtype == dtype
        torch.testing.assert_close(x, y.to(dtype), rtol=2e-2, atol=2e-2)


def test_bad_input_is_named() -> None:
    a = torch.rand(2, 5, 3)
    with pytest.raises(ValueError, match=r"b has shape \[2, 5, 4\].*\[2, 5, 3\]"):
        linear_scan(a, torch.rand(2, 5, 4))
    with pytest.raises(ValueError, match=r"initial_state has shape \[3\].*\[2, 3\]"):
        linear_scan(a, a, torch.rand(3))
