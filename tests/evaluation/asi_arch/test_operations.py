"""fla's operations in plain torch against the slow recurrences of kernels, and packed against apart."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.asi_arch import operations
from kernels.recurrence import delta_recurrence, linear_recurrence, scan_recurrence

CLOSE = {"rtol": 0, "atol": 1e-12}
HEADS, K, V = 2, 8, 6


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


class Drawn:
    """Inputs of every operation at once: q, k, v, beta, gates a head and a channel, all causal in time."""

    def __init__(self, batch: int, length: int) -> None:
        self.q, self.k = draw(batch, length, HEADS, K), F.normalize(draw(batch, length, HEADS, K), dim=-1)
        self.v = draw(batch, length, HEADS, V)
        self.beta = draw(batch, length, HEADS).sigmoid()
        self.head = F.logsigmoid(draw(batch, length, HEADS))
        self.channel = F.logsigmoid(draw(batch, length, HEADS, K))

    def slice(self, start: int, end: int) -> "Drawn":
        part = Drawn.__new__(Drawn)
        part.__dict__ = {name: tensor[:, start:end] for name, tensor in vars(self).items()}
        return part


Operation = Callable[..., tuple[Tensor, Any]]

_RETENTION = torch.log(1 - 2.0 ** (-5 - torch.arange(HEADS, dtype=torch.float64)))

OPERATIONS: dict[str, tuple[Operation, Operation]] = {
    "delta": (
        lambda x, **o: operations.chunk_delta_rule(x.q, x.k, x.v, x.beta, **o),
        lambda x: delta_recurrence(x.q, x.k, x.v, x.beta),
    ),
    "gated delta": (
        lambda x, **o: operations.chunk_gated_delta_rule(x.q, x.k, x.v, x.head, x.beta, **o),
        lambda x: delta_recurrence(x.q, x.k, x.v, x.beta, x.head),
    ),
    "channel-wise delta": (
        lambda x, **o: operations.fused_recurrent_gated_delta_rule(
            x.q, x.k, x.v, g=x.head, gk=x.channel, beta=x.beta, **o
        ),
        lambda x: delta_recurrence(x.q, x.k, x.v, x.beta, x.channel + x.head[..., None]),
    ),
    "gla": (
        lambda x, **o: operations.chunk_gla(x.q, x.k, x.v, x.channel, **o),
        lambda x: linear_recurrence(x.q, x.k, x.v, x.channel),
    ),
    "recurrent gla, own scale": (
        lambda x, **o: operations.fused_recurrent_gla(x.q, x.k, x.v, gk=x.channel, scale=0.3, **o),
        lambda x: linear_recurrence(x.q, x.k, x.v, x.channel, scale=0.3),
    ),
    "simple gla": (
        lambda x, **o: operations.chunk_simple_gla(x.q, x.k, x.v, g=x.head, **o),
        lambda x: linear_recurrence(x.q, x.k, x.v, x.head),
    ),
    "retention": (
        lambda x, **o: operations.chunk_retention(x.q, x.k, x.v, **o),
        lambda x: linear_recurrence(x.q, x.k, x.v, _RETENTION),
    ),
    "linear attention": (
        lambda x, **o: operations.fused_recurrent_linear_attn(x.q, x.k, x.v, **o),
        lambda x: linear_recurrence(x.q, x.k, x.v),
    ),
    "hgrn": (
        lambda x, **o: operations.chunk_hgrn(x.v.flatten(2), x.head.repeat_interleave(V, -1), **o),
        lambda x: (lambda h: (h, h[:, -1]))(
            scan_recurrence(x.head.repeat_interleave(V, -1).exp(), x.v.flatten(2))
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_its_recurrence(name: str) -> None:
    operation, recurrence = OPERATIONS[name]
    x = Drawn(2, 37)
    wanted, wanted_state = recurrence(x)
    o, state = operation(x, output_final_state=True)
    torch.testing.assert_close(o, wanted, **CLOSE)
    torch.testing.assert_close(state, wanted_state, **CLOSE)
    assert operation(x)[1] is None


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_state_carries_on_and_packed_sequences_stay_apart(name: str) -> None:
    operation, recurrence = OPERATIONS[name]
    lengths, bounds = (5, 1, 20), torch.tensor([0, 5, 6, 26])
    first, second = Drawn(1, 26), Drawn(1, 3)
    o, states = operation(first, output_final_state=True, cu_seqlens=bounds)
    later, _ = operation(second, initial_state=states, cu_seqlens=torch.arange(4))
    for n, length in enumerate(lengths):
        own, step = first.slice(bounds[n], bounds[n + 1]), second.slice(n, n + 1)
        both = Drawn.__new__(Drawn)
        both.__dict__ = {key: torch.cat([vars(own)[key], vars(step)[key]], 1) for key in vars(own)}
        wanted, _ = recurrence(both)
        torch.testing.assert_close(o[:, bounds[n] : bounds[n + 1]], wanted[:, :length], **CLOSE)
        torch.testing.assert_close(later[:, n : n + 1], wanted[:, length:], **CLOSE)


NEARLY = {"rtol": 0, "atol": 1e-9}  # fla adds 1e-10 to the divisor


def test_normalised_linear_attention_is_a_weighted_mean_of_values() -> None:
    x = Drawn(2, 21)
    q, k = x.q.exp(), x.k.exp()
    scores = (torch.einsum("bthk,bshk->bhts", q, k)).tril()
    wanted = torch.einsum("bhts,bshv->bthv", scores / scores.sum(-1, keepdim=True), x.v)
    o, (state, sums) = operations.chunk_linear_attn(q, k, x.v, output_final_state=True)
    torch.testing.assert_close(o, wanted, **NEARLY)
    torch.testing.assert_close(sums, k.sum(1, keepdim=True), **NEARLY)
    head, carried = operations.chunk_linear_attn(q[:, :9], k[:, :9], x.v[:, :9], output_final_state=True)
    tail, _ = operations.chunk_linear_attn(q[:, 9:], k[:, 9:], x.v[:, 9:], initial_state=carried)
    torch.testing.assert_close(torch.cat([head, tail], 1), wanted, **NEARLY)
    alone, _ = operations.chunk_linear_attn(q, k, x.v, initial_state=torch.zeros_like(state))
    torch.testing.assert_close(alone, wanted, **NEARLY)
    assert operations.chunk_linear_attn(q, k, x.v)[1] is None


def test_keys_are_normalised_inside_when_asked_and_beta_defaults_to_one() -> None:
    x = Drawn(1, 12)
    long = 3 * x.k
    o, _ = operations.chunk_delta_rule(x.q, long, x.v, use_qk_l2norm_in_kernel=True)
    unit = long / (long.square().sum(-1, keepdim=True) + 1e-6).sqrt()
    q = x.q / (x.q.square().sum(-1, keepdim=True) + 1e-6).sqrt()
    torch.testing.assert_close(o, delta_recurrence(q, unit, x.v, torch.ones_like(x.beta))[0], **CLOSE)


def test_gradients_flow_as_through_the_recurrence() -> None:
    x = Drawn(2, 19)
    weights = torch.randn_like(x.v)

    def gradients(run: Callable[..., tuple[Tensor, Any]]) -> list[Tensor | None]:
        leaves = [tensor.detach().requires_grad_() for tensor in (x.q, x.k, x.v, x.beta, x.head)]
        torch.autograd.backward(run(*leaves)[0], weights)
        return [leaf.grad for leaf in leaves]

    ours = gradients(lambda q, k, v, beta, g: operations.chunk_gated_delta_rule(q, k, v, g, beta))
    for given, wanted in zip(ours, gradients(delta_recurrence), strict=True):
        torch.testing.assert_close(given, wanted, **CLOSE)


def test_options_that_would_change_the_result_are_refused_and_tuning_is_not() -> None:
    x = Drawn(1, 4)
    operations.chunk_gla(x.q, x.k, x.v, x.channel, chunk_size=64, head_first=False)
    for option in ({"head_first": True}, {"state_v_first": True}, {"use_gate_in_kernel": True}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} is not provided here"):
            operations.chunk_gated_delta_rule(x.q, x.k, x.v, x.head, x.beta, **option)
    with pytest.raises(ValueError, match="reverse is not provided here"):
        operations.fused_recurrent_gla(x.q, x.k, x.v, x.channel, reverse=True)
    with pytest.raises(ValueError, match="gv is not provided here"):
        operations.fused_recurrent_gla(x.q, x.k, x.v, gv=x.v)
    with pytest.raises(ValueError, match="Both g and g_gamma"):
        operations.chunk_simple_gla(x.q, x.k, x.v, x.head, _RETENTION)
