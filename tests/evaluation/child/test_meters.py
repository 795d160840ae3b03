"""The work meters against counts made by hand, and what they refuse to guess."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evaluation.child.layer import Layers
from evaluation.child.meters import Meter, measure
from evaluation.jobs import CheckJob
from kernels import chunk_delta, l2_norm


def test_a_matrix_product_costs_two_flops_a_term_and_writes_its_result() -> None:
    a, b = torch.randn(3, 5), torch.randn(5, 7)
    with Meter() as meter:
        a @ b
    assert meter.counts == (2 * 3 * 5 * 7, 21, 50, 21, 0)


def test_views_cost_nothing_and_writes_in_place_count() -> None:
    x = torch.zeros(4, 6)
    with Meter() as meter:
        x.view(24)[:10].mul_(2.0)
        x.transpose(0, 1)[:2].expand(5, 2, 4)
    assert meter.counts == (0, 10, 10, 10, 0)


def test_elementwise_work_counts_as_elements_only() -> None:
    x = torch.randn(8, 1)
    with Meter() as meter:
        (x - x.mT).exp()
    assert meter.counts == (0, 128, 16 + 64, 64, 0)


def test_overlapping_windows_count_as_often_as_they_are_read() -> None:
    x = torch.randn(64)
    with Meter() as meter:
        x.unfold(0, 32, 1).sum()
    assert meter.counts == (0, 1, 33 * 32, 1, 0)


def test_lines_of_a_module_count_each_time_they_run() -> None:
    with Meter(__name__) as meter:
        pairs(10)
    assert 200 <= meter.lines <= 240


def pairs(count: int) -> int:
    total = 0
    for one in range(count):
        for other in range(count):
            total += one * other
    return total


def test_attention_on_a_cpu_has_its_flops() -> None:
    q = torch.randn(1, 2, 64, 16, requires_grad=True)
    with Meter() as forward:
        y = F.scaled_dot_product_attention(q, q, q, is_causal=True)
    with Meter() as backward:
        y.sum().backward()
    assert forward.flops == 2 * 2 * (2 * 64 * 64 * 16)
    assert backward.flops >= 2 * forward.flops


def test_backward_of_a_loop_over_slices_is_quadratic() -> None:
    def written(length: int) -> int:
        x = torch.randn(length, 4, requires_grad=True)
        y = torch.stack([x[t] * 2 for t in range(length)]).sum()
        with Meter() as meter:
            y.backward()
        return meter.written

    assert written(64) / written(32) > 3.5


def test_what_writes_in_place_or_meets_a_vector_has_its_flops() -> None:
    a, b, into = torch.randn(3, 5), torch.randn(5, 7), torch.zeros(3, 7)
    with Meter() as meter:
        into.addmm_(a, b)
        torch.mm(a, b, out=into)
        into.unsqueeze(0).baddbmm_(a.unsqueeze(0), b.unsqueeze(0))
    assert meter.flops == 3 * (2 * 3 * 5 * 7)
    with Meter() as meter:
        a.mv(b[:, 0])
        torch.addmv(into[:, 0], a, b[:, 0])
        a[0].dot(b[:, 0])
    assert meter.flops == 2 * (2 * 15) + 2 * 5


def test_a_lookup_reads_what_it_returns_and_a_sum_all_that_it_adds() -> None:
    table = torch.randn(1000, 4)
    with Meter() as meter:
        table[torch.tensor([3, 5])]
    assert meter.read == 2 * 4 + 2
    with Meter() as meter:
        table.sum(dim=0)
    assert (meter.written, meter.read) == (4, 4000)


def test_kernels_bring_their_own_counts() -> None:
    """chunk_delta over several chunks makes at least the products of its WY form: see kernels/cpu/delta.py."""
    counts = []
    for length in (128, 256):
        q, k, v = torch.randn(3, 1, length, 2, 32)
        with Meter() as meter:
            chunk_delta(l2_norm(q), l2_norm(k), v, torch.rand(1, length, 2))
        counts.append(meter.counts)
    (flops, elements, *_), (twice, more, *_) = counts
    assert flops > 2 * 128 * 2 * (32 * 32 * 2)  # reading and writing the state alone
    assert 1.9 < twice / flops < 2.1
    assert 1.8 < more / elements < 2.2


class Named(nn.Module):
    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Tensor) -> Tensor:
        return hidden_square(x) * self.gain


@torch.library.custom_op("archloop_test::hidden_square", mutates_args=())
def hidden_square(x: Tensor) -> Tensor:
    """An operator that hides its work."""
    return (x @ x.mT) @ x


@hidden_square.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


hidden_square.register_autograd(lambda ctx, gradient: gradient)


def test_an_operator_without_formula_is_named() -> None:
    layers = Layers(Named, CheckJob(d_model=8, n_heads=1, seed=0, calls=()))
    counts, uncounted = measure(layers, {"x": torch.randn(1, 16, 8)})
    assert uncounted == ("archloop_test.hidden_square.default",)
    assert counts["x"].dtype == np.int64
