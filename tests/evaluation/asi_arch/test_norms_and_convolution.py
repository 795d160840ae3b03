"""fla's modules in plain torch against their formulas, one sequence and one step at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.asi_arch.convolution import ShortConvolution
from evaluation.asi_arch.norms import (
    FusedLayerNormGated,
    FusedLayerNormSwishGate,
    FusedRMSNormGated,
    FusedRMSNormSwishGate,
    GroupNorm,
    L2Norm,
    LayerNorm,
    RMSNorm,
    l2norm,
)

EXACT = {"rtol": 0, "atol": 1e-12}


def noisy(module: torch.nn.Module) -> torch.nn.Module:
    """The module in float64, with every parameter off its initial value."""
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += torch.randn_like(parameter)
    return module


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def test_rms_norm_is_its_formula() -> None:
    norm = noisy(RMSNorm(8, bias=True, eps=0.5))
    x = draw(2, 3, 8)
    wanted = x / (x.square().mean(-1, keepdim=True) + 0.5).sqrt() * norm.weight + norm.bias
    torch.testing.assert_close(norm(x), wanted, **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_norms_agree_with_torch_and_keep_the_type(dtype: torch.dtype) -> None:
    x = draw(2, 3, 12).to(dtype)
    exact = {"rtol": 0, "atol": 1e-12 if dtype == torch.float64 else 1e-6 if dtype == torch.float32 else 0.02}
    for ours, theirs in (
        (RMSNorm(12, eps=1e-5), torch.nn.RMSNorm(12, eps=1e-5)),
        (LayerNorm(12, bias=True), torch.nn.LayerNorm(12)),
    ):
        torch.testing.assert_close(ours.to(dtype)(x), theirs.to(dtype)(x), **exact)
    grouped = torch.nn.GroupNorm(3, 12, dtype=dtype)
    torch.testing.assert_close(
        GroupNorm(3, 12, bias=True).to(dtype)(x), grouped(x.flatten(0, 1)).view(x.shape), **exact
    )
    parts = torch.nn.functional.rms_norm(x.unflatten(-1, (3, 4)), (4,), eps=1e-5).flatten(-2)
    torch.testing.assert_close(GroupNorm(3, 12, is_rms_norm=True).to(dtype)(x), parts, **exact)


def test_a_residual_is_added_first_and_comes_back_with_prenorm() -> None:
    norm = noisy(RMSNorm(8))
    gated = noisy(FusedRMSNormGated(8))
    x, residual, gate = draw(2, 8), draw(2, 8), draw(2, 8)
    y, total = norm(x, residual, True)
    torch.testing.assert_close(total, x + residual, **EXACT)
    torch.testing.assert_close(y, norm(x + residual), **EXACT)
    y, total = gated(x, gate, residual=residual, prenorm=True)
    torch.testing.assert_close(total, x + residual, **EXACT)
    torch.testing.assert_close(y, gated(x + residual, gate), **EXACT)


@pytest.mark.parametrize(
    ("module", "plain", "activation"),
    [
        (FusedRMSNormGated(8), RMSNorm(8), F.silu),
        (FusedRMSNormGated(8, activation="sigmoid"), RMSNorm(8), torch.sigmoid),
        (FusedRMSNormSwishGate(8, eps=0.1), RMSNorm(8, eps=0.1), F.silu),
        (FusedLayerNormGated(8, bias=True), LayerNorm(8, bias=True), F.silu),
        (FusedLayerNormSwishGate(8, bias=True, eps=0.1), LayerNorm(8, bias=True, eps=0.1), F.silu),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_gated_norm_is_the_norm_times_the_gates_activation(module, plain, activation) -> None:  # type: ignore[no-untyped-def]
    noisy(module)
    plain.double().load_state_dict(module.state_dict())
    x, gate = draw(2, 5, 8), draw(2, 5, 8)
    torch.testing.assert_close(module(x, gate), plain(x) * activation(gate), **EXACT)


def test_parameters_are_flas() -> None:
    shapes = {name: tuple(value.shape) for name, value in FusedRMSNormGated(8).state_dict().items()}
    assert shapes == {"weight": (8,)}
    assert RMSNorm(8, elementwise_affine=False).state_dict() == {}
    shapes = {name: tuple(value.shape) for name, value in ShortConvolution(8, 4, bias=True).state_dict().items()}
    assert shapes == {"weight": (8, 1, 4), "bias": (8,)}
    with pytest.raises(ValueError, match="activation is 'gelu'"):
        FusedRMSNormGated(8, activation="gelu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="activation is 'gelu'"):
        ShortConvolution(8, 4, activation="gelu")


def test_l2norm_is_its_formula() -> None:
    x = draw(3, 4, 8)
    wanted = x / (x.square().sum(-1, keepdim=True) + 0.5).sqrt()
    torch.testing.assert_close(l2norm(x, 0.5), wanted, **EXACT)
    torch.testing.assert_close(L2Norm(0.5)(x), wanted, **EXACT)
    assert l2norm(x, output_dtype=torch.float32).dtype == torch.float32


@pytest.fixture
def convolution() -> ShortConvolution:
    return noisy(ShortConvolution(6, 4, bias=True))  # type: ignore[return-value]


def test_convolution_is_its_sum(convolution: ShortConvolution) -> None:
    x = draw(2, 9, 6)
    y, state = convolution(x)
    assert state is None
    for t in range(9):
        taps = [convolution.weight[:, 0, 3 - j] * x[:, t - j] for j in range(4) if t >= j]
        torch.testing.assert_close(y[:, t], F.silu(sum(taps) + convolution.bias), **EXACT)
    residual = draw(2, 9, 6)
    torch.testing.assert_close(convolution(x, residual)[0], y + residual, **EXACT)
    mask = torch.randint(2, (2, 9))
    torch.testing.assert_close(convolution(x, mask=mask)[0], convolution(x * mask[..., None])[0], **EXACT)


@pytest.mark.parametrize("parts", [[1] * 9, [2, 7], [5, 1, 1, 2], [9]])
def test_convolution_goes_on_from_its_cache(convolution: ShortConvolution, parts: list[int]) -> None:
    x = draw(2, 9, 6)
    whole, final = convolution(x, output_final_state=True)
    assert final is not None
    torch.testing.assert_close(final, x[:, -4:].mT, **EXACT)
    cache, outputs = None, []
    for part in x.split(parts, dim=1):
        y, cache = convolution(part, cache=cache, output_final_state=True)
        outputs.append(y)
    torch.testing.assert_close(torch.cat(outputs, 1), whole, **EXACT)
    assert cache is not None
    torch.testing.assert_close(cache, final, **EXACT)


def test_convolution_writes_a_given_cache_in_place(convolution: ShortConvolution) -> None:
    x = draw(2, 6, 6)
    cache = torch.zeros(2, 6, 4, dtype=torch.float64)
    y, same = convolution(x[:, :5], cache=cache)
    assert same is cache
    assert not cache.requires_grad
    torch.testing.assert_close(cache, x[:, 1:5].mT, **EXACT)
    last, same = convolution.step(x[:, 5:], None, cache)
    assert same is cache
    torch.testing.assert_close(torch.cat([y, last], 1), convolution(x)[0], **EXACT)


def test_packed_sequences_are_convolved_apart(convolution: ShortConvolution) -> None:
    lengths = (2, 1, 7)
    rows = [draw(1, length, 6) for length in lengths]
    more = [draw(1, length, 6) for length in (1, 1, 1)]
    bounds, steps = torch.tensor([0, 2, 3, 10]), torch.tensor([0, 1, 2, 3])
    y, cache = convolution(torch.cat(rows, 1), output_final_state=True, cu_seqlens=bounds)
    z, _ = convolution(torch.cat(more, 1), cache=cache, cu_seqlens=steps)
    for n, (row, next_step) in enumerate(zip(rows, more, strict=True)):
        alone, _ = convolution(torch.cat([row, next_step], 1))
        torch.testing.assert_close(y[:, bounds[n] : bounds[n + 1]], alone[:, :-1], **EXACT)
        torch.testing.assert_close(z[:, n : n + 1], alone[:, -1:], **EXACT)
    with pytest.raises(ValueError, match="the batch has 2 rows"):
        convolution(draw(2, 3, 6), cu_seqlens=steps)
    with pytest.raises(ValueError, match="2 initial states for 3"):
        convolution(draw(1, 3, 6), cache=torch.zeros(2, 6, 4), cu_seqlens=steps)
    with pytest.raises(ValueError, match="seq_idx"):
        convolution(draw(1, 3, 6), seq_idx=steps)
