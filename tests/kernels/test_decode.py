"""One step after another gives what the op gives for the whole sequence."""

from typing import Any

import pytest
import torch
from torch import Tensor

from kernels import chunk_delta, chunk_linear, conv_step, delta_step, linear_scan, linear_step, scan_step, short_conv
from tests.kernels.test_chunked import FORMS, draw


def steps_of(arguments: dict[str, Tensor], delta: bool) -> tuple[Tensor, Tensor]:
    state, outputs = arguments["initial_state"], []
    names = ["q", "k", "v", "beta", "decay"] if delta else ["q", "k", "v", "decay"]
    for t in range(arguments["v"].shape[1]):
        given: dict[str, Any] = {}
        for name in names:
            if name in arguments:
                x = arguments[name]
                given[name] = x if x.dim() == 1 else x[:, t].contiguous()
        o, state = (delta_step if delta else linear_step)(**given, state=state)
        outputs.append(o)
    return torch.stack(outputs, dim=1), state


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("groups", [1, 2])
def test_steps_of_the_chunked_ops(delta: bool, form: str, groups: int) -> None:
    arguments = draw(delta, form, length=40, groups=groups)
    o, state = (chunk_delta if delta else chunk_linear)(**arguments)
    o_steps, state_steps = steps_of(arguments, delta)
    torch.testing.assert_close(o_steps, o, rtol=0, atol=1e-11 * float(o.abs().max()))
    torch.testing.assert_close(state_steps, state, rtol=0, atol=1e-11 * float(state.abs().max()))


def test_steps_in_half_types_keep_their_state_in_float32() -> None:
    arguments = {name: x.bfloat16() for name, x in draw(True, "channel", length=20).items()}
    o, state = steps_of(arguments, delta=True)
    assert (o.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    whole, last = chunk_delta(**arguments)
    torch.testing.assert_close(o, whole, rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(state, last, rtol=1e-4, atol=1e-5)


def test_steps_of_the_scan() -> None:
    a, b = torch.rand(2, 30, 5, dtype=torch.float64), torch.randn(2, 30, 5, dtype=torch.float64)
    h, states = torch.zeros(2, 5, dtype=torch.float64), []
    for t in range(30):
        h = scan_step(a[:, t], b[:, t], h)
        states.append(h)
    torch.testing.assert_close(torch.stack(states, dim=1), linear_scan(a, b))


@pytest.mark.parametrize("taps", [1, 2, 4])
@pytest.mark.parametrize("activation", ["silu", None])
def test_steps_of_the_convolution(taps: int, activation: Any) -> None:
    x, weight = torch.randn(2, 12, 3, dtype=torch.float64), torch.randn(3, taps, dtype=torch.float64)
    state, outputs = torch.zeros(2, taps - 1, 3, dtype=torch.float64), []
    for t in range(12):
        y, state = conv_step(x[:, t].contiguous(), weight, state, activation)
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, dim=1), short_conv(x, weight, activation))


def test_bad_input_is_named() -> None:
    q, state = torch.zeros(2, 2, 8), torch.zeros(2, 2, 8, 6)
    with pytest.raises(ValueError, match=r"state has shape \[2, 2, 6, 8\].*\[B, HV, K, V\]"):
        linear_step(q, q, torch.zeros(2, 2, 6), state.mT.contiguous())
    with pytest.raises(ValueError, match=r"decay is \[2, 9\].*\[B, HV\]"):
        linear_step(q, q, torch.zeros(2, 2, 6), state, torch.zeros(2, 9))
    with pytest.raises(ValueError, match="v has 3 heads"):
        delta_step(q, q, torch.zeros(2, 3, 6), torch.zeros(2, 3), state)
    with pytest.raises(ValueError, match="activation is 'gelu'"):
        conv_step(torch.zeros(2, 3), torch.zeros(3, 4), torch.zeros(2, 3, 3), "gelu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"decay is up to 0.5, but log decays are at most 0"):
        linear_step(q, q, torch.zeros(2, 2, 6), state, torch.full((2, 2), 0.5))
