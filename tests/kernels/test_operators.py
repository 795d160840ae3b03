"""The ops as torch operators: what torch itself demands of them, compiled and exported, and what they say they cost."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import kernels
from evaluation.child.meters import Meter
from kernels.backends import implementation
from kernels.chunked import chunked, chunked_backward
from kernels.conv import conv
from kernels.norm import l2, rms
from kernels.scan import scan
from kernels.work import work_of
from tests.kernels.test_chunked import FORMS, draw

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


@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_costs_are_those_of_the_algorithm(delta: bool, form: str, width: int) -> None:
    """FLOPs to the last one, elements within a quarter, against what torch dispatches inside."""
    drawn = draw(delta, "head" if form == "fixed" else form, length=128, width=width, value_width=width)
    given = tuple(drawn.get(name) for name in ("q", "k", "v", "beta", "decay", "initial_state"))
    q, k, v, beta, decay, state = given
    inside = implementation("chunked", "torch")
    with Meter() as meter:
        o, final, saved = inside.forward(q, k, v, beta, decay, 1.0, state, None)
    work = work_of(torch.ops.archloop.chunked, (*given, None, 1.0, "torch"), {})
    assert_close(meter, work)
    with Meter() as meter:
        inside.backward(o, final, q, k, v, beta, decay, 1.0, state, None, saved)
    work = work_of(torch.ops.archloop.chunked_backward, (o, final, *given, None, saved, 1.0, "torch"), {})
    assert_close(meter, work)


def assert_close(meter: Meter, work: Any) -> None:
    assert work.flops == meter.flops
    assert 0.75 < work.elements / meter.written < 1.25
    assert work.largest == meter.largest
    assert work.written_bytes(4) == 4 * work.elements


LOCAL: dict[str, tuple[Callable[..., Tensor], tuple[tuple[int, ...], ...]]] = {
    "linear_scan": (kernels.linear_scan, ((2, 256, 8), (2, 256, 8))),
    "short_conv": (lambda x, weight: kernels.short_conv(x, weight, None), ((2, 256, 8), (8, 4))),
    "rms_norm_gate": (kernels.rms_norm_gate, ((2, 256, 8), (8,))),
    "l2_norm": (kernels.l2_norm, ((2, 256, 8),)),
}


@pytest.mark.parametrize("name", LOCAL)
def test_costs_of_the_local_ops_are_near_what_they_do(name: str) -> None:
    op, shapes = LOCAL[name]
    tensors = [torch.rand(shape, requires_grad=True) for shape in shapes]
    y = op(*tensors)
    counts = []
    for call in (lambda: op(*tensors), lambda: y.backward(torch.ones_like(y))):
        with Meter() as whole:
            call()
        counts.append(whole.written)
    inside = implementation({"linear_scan": "scan", "short_conv": "conv"}.get(name, "norm"), "torch")
    with torch.no_grad():
        given = [x.detach() for x in tensors]
        with Meter() as forward:
            if name in ("linear_scan", "short_conv"):
                inside.forward(*given, None, None)
            elif name == "rms_norm_gate":
                inside.rms_norm_gate_forward(*given, None, 1e-6)
            else:
                inside.l2_norm_forward(*given, 1e-6)
    assert 0.6 < counts[0] / forward.written < 1.7
    assert counts[1] > counts[0]


def test_the_backward_operator_costs_more_than_the_forward() -> None:
    given = chunked_arguments(True, "head", False)
    o, state, saved = chunked(*given)
    forward = work_of(torch.ops.archloop.chunked, given, {})
    backward = work_of(torch.ops.archloop.chunked_backward, (o, state, *given[:7], saved, *given[7:]), {})
    assert forward is not None
    assert backward is not None
    assert 1.2 < backward.flops / forward.flops < 3
    assert chunked_backward._opoverload.overloadpacket is torch.ops.archloop.chunked_backward
