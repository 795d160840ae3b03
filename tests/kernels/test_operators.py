"""The ops as torch operators: what torch itself demands of them, compiled and exported, and what they say they cost."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import kernels
from evaluation.child.meters import Meter
from kernels.backends import implementation
from kernels.chunked import chunked
from kernels.conv import conv
from kernels.norm import l2, rms
from kernels.scan import scan
from kernels.work import work_of
from tests.kernels.test_chunked import draw

PACKED = torch.tensor([0, 3, 20, 37])


def chunked_arguments(delta: bool, form: str, packed: bool, width: int = 8) -> tuple[Any, ...]:
    drawn = draw(delta, form if form != "fixed" else "head", batch=1 if packed else 2, length=37, width=width)
    state = drawn["initial_state"]
    if packed:
        state = state.repeat(3, 1, 1, 1)
    given = [drawn[name].requires_grad_() if name in drawn else None for name in ("q", "k", "v", "beta", "decay")]
    return (*given, state.requires_grad_(), PACKED if packed else None, 0.3, "torch")


def random(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["none", "head", "channel"])
@pytest.mark.parametrize("delta", [False, True])
def test_the_chunked_operator_is_what_torch_wants(delta: bool, form: str, packed: bool) -> None:
    torch.library.opcheck(chunked, chunked_arguments(delta, form, packed))


@pytest.mark.parametrize("packed", [False, True])
def test_the_local_operators_are_what_torch_wants(packed: bool) -> None:
    batch, borders = (1, PACKED) if packed else (2, None)
    x = random(batch, 37, 6)
    torch.library.opcheck(scan, (x, random(batch, 37, 6), random(3 if packed else 2, 6), borders, "torch"))
    torch.library.opcheck(scan, (x, random(batch, 37, 6), None, borders, "torch"))
    torch.library.opcheck(conv, (x, random(6, 4), None, borders, "torch"))
    torch.library.opcheck(rms, (x, random(6), None, 1e-6, "torch"))
    torch.library.opcheck(l2, (x, 1e-6, "torch"))
    for strided in (x.unflatten(-1, (2, 3)).unbind(-1)[1], x.mT, x[:, ::2].float(), x.mT.bfloat16()):
        torch.library.opcheck(l2, (strided.detach().requires_grad_(), 1e-6, "torch"))
        normed = kernels.l2_norm(strided)
        assert normed.is_contiguous()
        assert normed.equal(kernels.l2_norm(strided.contiguous()))


class Mixer(nn.Module):
    """Every op in one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.randn(48, 4) / 2)
        self.norm = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = kernels.short_conv(x, self.taps).unflatten(-1, (3, 2, 8)).unbind(2)
        beta, decay = v.mean(-1).sigmoid(), -v.square().mean(-1)
        o, _ = kernels.chunk_delta(kernels.l2_norm(q), kernels.l2_norm(k), v.contiguous(), beta, decay)
        p, _ = kernels.chunk_linear(q.contiguous(), k.contiguous(), v.contiguous(), -torch.rand_like(q).abs() * 0 - 0.1)
        y = kernels.rms_norm_gate(o + p, self.norm, q).flatten(2)
        return kernels.linear_scan(torch.sigmoid(y), y)


def test_a_layer_of_ops_compiles_into_one_graph_and_exports() -> None:
    torch.manual_seed(0)
    layer, x = Mixer(), torch.randn(2, 37, 48)
    y = layer(x)
    wanted = torch.autograd.grad(y.square().sum(), list(layer.parameters()))
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    got = torch.autograd.grad(compiled(x).square().sum(), list(layer.parameters()))
    torch.testing.assert_close(compiled(x), y)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other)
    exported = torch.export.export(layer, (x,))
    torch.testing.assert_close(exported.module()(x), y)
    calls = [str(node.target) for node in exported.graph.nodes if "archloop" in str(node.target)]
    assert len(calls) == 7


@pytest.mark.parametrize("borders", [None, torch.tensor([0, 64, 128])], ids=["alone", "packed"])
@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("form", ["none", "head", "channel"])
@pytest.mark.parametrize("delta", [False, True])
def test_costs_are_those_of_the_algorithm(delta: bool, form: str, width: int, borders: Tensor | None) -> None:
    """Against what torch dispatches inside: FLOPs to the last one, elements within a quarter."""
    batch = 2 if borders is None else 1
    drawn = draw(delta, form, batch, length=128, width=width, value_width=width, state=borders is None)
    given = tuple(drawn.get(name) for name in ("q", "k", "v", "beta", "decay", "initial_state"))
    q, k, v, beta, decay, state = given
    inside = implementation("chunked", "torch")
    with Meter() as meter:
        o, final, saved = inside.forward(q, k, v, beta, decay, 1.0, state, borders)
    work = work_of(torch.ops.archloop.chunked, (*given, borders, 1.0, "torch"), {})
    assert_close(meter, work, borders)
    with Meter() as meter:
        inside.backward(o, final, q, k, v, beta, decay, 1.0, state, borders, saved)
    work = work_of(torch.ops.archloop.chunked_backward, (o, final, *given, borders, saved, 1.0, "torch"), {})
    assert_close(meter, work, borders)


def assert_close(meter: Meter, work: Any, borders: Tensor | None) -> None:
    if borders is not None:  # counted for as many chunks as sequences of these total lengths can need
        assert 1 <= work.flops / meter.flops < 1.3
        assert 0.4 < work.elements / meter.written < 1.5  # cutting and joining packed sequences is not counted
        assert 0.5 < work.largest / meter.largest < 2
        return
    assert work.flops == meter.flops
    assert 0.75 < work.elements / meter.written < 1.25
    assert work.largest == meter.largest


def local_calls(borders: Tensor | None) -> dict[str, tuple[Any, tuple[Any, ...], Callable[[], Any]]]:
    """Operator, its arguments, and the same call of what is inside."""
    scanning, convolving, norming = (implementation(name, "torch") for name in ("scan", "conv", "norm"))
    x, a = torch.rand(1 if borders is not None else 2, 256, 8), torch.rand(1 if borders is not None else 2, 256, 8)
    taps, gain, ops = torch.rand(8, 4), torch.rand(8), torch.ops.archloop
    h, inverse = scanning.forward(a, x, None, borders), x[..., 0]
    return {
        "scan": (ops.linear_scan, (a, x, None, borders), lambda: scanning.forward(a, x, None, borders)),
        "scan backward": (
            ops.linear_scan_backward, (x, a, None, h, borders), lambda: scanning.backward(x, a, None, h, borders)
        ),
        "conv": (ops.short_conv, (x, taps, None, borders), lambda: convolving.forward(x, taps, None, borders)),
        "conv backward": (
            ops.short_conv_backward, (x, x, taps, None, borders), lambda: convolving.backward(x, x, taps, None, borders)
        ),
        "rms": (ops.rms_norm_gate, (x, gain, None, 1.0), lambda: norming.rms_norm_gate_forward(x, gain, None, 1.0)),
        "rms backward": (
            ops.rms_norm_gate_backward, (x, x, gain, None, inverse),
            lambda: norming.rms_norm_gate_backward(x, x, gain, None, inverse),
        ),
        "l2": (ops.l2_norm, (x, 1.0), lambda: norming.l2_norm_forward(x, 1.0)),
        "l2 backward": (ops.l2_norm_backward, (x, x, inverse), lambda: norming.l2_norm_backward(x, x, inverse)),
    }  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", local_calls(None))
def test_costs_of_the_local_ops_are_near_what_they_do(name: str, packed: bool) -> None:
    operator, arguments, inside = local_calls(torch.tensor([0, 100, 110, 256]) if packed else None)[name]
    with Meter() as meter:
        inside()
    work = work_of(operator, (*arguments, "torch"), {})
    assert work is not None
    assert 0.6 < work.elements / meter.written < 1.7
    assert 0.6 < work.largest / meter.largest < 1.7


def test_the_backward_operator_costs_more_than_the_forward() -> None:
    given = chunked_arguments(True, "head", False)
    o, state, saved = chunked(*given)
    forward = work_of(torch.ops.archloop.chunked, given, {})
    backward = work_of(torch.ops.archloop.chunked_backward, (o, state, *given[:7], saved, *given[7:]), {})
    assert forward is not None
    assert backward is not None
    assert 1.2 < backward.flops / forward.flops < 3
