"""Designs in ASI-Arch's published form, loaded as a child loads them: shapes, counts, causality, masks, caches."""

import ast
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from evaluation.asi_arch.cache import Cache
from evaluation.asi_arch.contract import is_asi_arch
from evaluation.asi_arch.layer import Adapted
from evaluation.candidate import design_raised
from evaluation.jobs import CANDIDATE_FILE, DESIGN_RAISED, NO_CANDIDATE
from tests.evaluation.asi_arch.conftest import DESIGNS, Load

D, H = 16, 2

COUNTS = {  # by hand, at width D with H heads
    "packed_delta": 5 * D * D + D * H + 3 * D * 4 + D + D // H,  # one convolution has a bias
    "fused_branches": 4 * D * D + D * H + 3 * D * 4 + D * (3 + 9) + (D * 4 * H + 4 * H) + H + D // H,
    "half_inside": 3 * D * D,
    "token_loop": 3 * (D * D + D) + D,
    "scheduled_floor": 5 * D * D + 2 * D + 2 + 2 * (D // H),
    "plain_tensor": 3 * D * D + H,
}
RUNNING = [name for name in COUNTS if name != "half_inside"]
WITH_CACHE = ["packed_delta", "token_loop"]


def draw(rows: int, length: int) -> Tensor:
    return torch.randn(rows, length, D, dtype=torch.float64)


def build(design: type[nn.Module]) -> Adapted:
    """A layer in float64, parameters off their initial values, in eval mode."""
    layer = design(D, H).double().eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    assert isinstance(layer, Adapted)
    return layer


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12 * max(1.0, float(b.detach().abs().max())))


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_the_designs_own(name: str, load: Load) -> None:
    layer = load(name)(D, H)
    assert sum(parameter.numel() for parameter in layer.parameters()) == COUNTS[name]
    assert not any("." in key and key.split(".")[0] in ("design", "inner", "layer") for key in layer.state_dict())


def test_a_state_dict_fits_the_design_as_it_stands(load: Load) -> None:
    candidate = load("packed_delta")
    layer, design = candidate(D, H), candidate.__mro__[2](hidden_size=D, num_heads=H)
    assert design.__class__.__name__ == "DeltaNet"
    design.load_state_dict(layer.state_dict())
    x = torch.randn(2, 7, D)
    assert torch.equal(design(x)[0], layer(x))
    assert candidate(D, H, use_gate=False).o_norm.__class__.__name__ == "RMSNorm"


@pytest.mark.parametrize("name", RUNNING)
def test_outputs_and_gradients_have_shape_and_type(name: str, load: Load) -> None:
    layer = load(name)(D, H)
    for rows, length in ((1, 1), (3, 70)):
        x = torch.randn(rows, length, D, requires_grad=True)
        y = layer(x)
        assert y.shape == x.shape
        assert y.dtype == x.dtype
    y.square().mean().backward()
    for tensor in (x, *layer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


@pytest.mark.parametrize("name", RUNNING)
def test_a_prefix_gives_the_prefix_of_the_output(name: str, load: Load) -> None:
    layer = build(load(name))
    if name == "scheduled_floor":
        layer.floor_steps = 1  # else each call would give another output
        layer(draw(1, 1))
    x = draw(2, 50)
    y = layer(x)
    for cut in (1, 15, 16, 17, 33, 49):
        same(layer(x[:, :cut]), y[:, :cut])


@pytest.mark.parametrize(("name", "holds"), [("packed_delta", True), ("token_loop", True), ("fused_branches", False)])
def test_a_mask_separates_rows_where_the_design_does_so(name: str, holds: bool, load: Load) -> None:
    layer = build(load(name))
    x = draw(4, 20)
    mask = torch.ones(4, 20, dtype=torch.long)
    mask[0, :7], mask[1, 12:], mask[2, 5:9] = 0, 0, 0
    masked = layer.masked(x, mask)
    assert masked.shape == x.shape
    differences = [(masked[n, mask[n] == 1] - layer(x[n : n + 1, mask[n] == 1])[0]).abs().max() for n in range(4)]
    if holds:
        assert max(differences) < 1e-12
    else:
        assert max(differences) > 1e-3


@pytest.mark.parametrize("name", WITH_CACHE)
@pytest.mark.parametrize("chunk", [1, 5, 30])
def test_cached_decoding_is_the_full_forward_where_the_design_does_so(name: str, chunk: int, load: Load) -> None:
    layer = build(load(name))
    x = draw(2, 30)
    same(layer.cached(x[:, :17], x[:, 17:], chunk), layer(x))


def test_a_cache_that_drops_the_state_shows(load: Load) -> None:
    layer = build(load("fused_branches"))
    x = draw(2, 30)
    decoded = layer.cached(x[:, :17], x[:, 17:])
    same(decoded[:, :17], layer(x[:, :17]))
    assert (decoded - layer(x))[:, 17:].abs().max() > 1e-3


def test_the_layer_gets_index_0_and_the_cache_counts_what_it_saw(load: Load) -> None:
    layer = build(load("token_loop"))
    cache = layer.returned(draw(2, 9), use_cache=True)[2]
    assert isinstance(cache, Cache)
    assert layer.layer_idx == 0
    assert cache.get_seq_length() == 9


def test_a_design_without_mask_or_cache_says_so(load: Load) -> None:
    layer = build(load("plain_tensor"))
    x = draw(1, 4)
    with pytest.raises(TypeError, match="takes no attention_mask"):
        layer.masked(x, torch.ones(1, 4))
    with pytest.raises(TypeError, match="takes no past_key_values"):
        layer.cached(x, x)


def test_a_returned_loss_is_dropped_but_can_be_seen(load: Load) -> None:
    layer = load("scheduled_floor")(D, H)
    y, loss, _ = layer.returned(torch.randn(2, 5, D))
    assert y.shape == (2, 5, D)
    assert loss.requires_grad
    assert loss.dim() == 0
    assert layer._step.item() == 1
    assert "_step" not in layer.state_dict()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_design_that_casts_inside_is_rejected_with_the_reason(
    dtype: torch.dtype, load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = load("half_inside")(D, H).to(dtype)
    with pytest.raises(RuntimeError) as raised:
        layer(torch.randn(1, 5, D, dtype=dtype))
    with pytest.raises(SystemExit) as ended:
        design_raised("forward on x [1, 5, 16]", raised.value, tmp_path)
    assert ended.value.code == DESIGN_RAISED
    said = capsys.readouterr().err.strip()
    assert "candidate.py line 12: return scores @ v" in said
    assert "casts to a half type inside (line 11)" in said
    assert "remove the cast, or cast back" in said
    assert len(said) < 600  # what the parent keeps
    assert "\n" not in said


def test_a_missing_import_is_named_with_what_is_there(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load("missing_operation")
    assert ended.value.code == NO_CANDIDATE
    said = capsys.readouterr().err.strip()
    assert "fla.ops.nsa is not provided to designs in ASI-Arch's form" in said
    assert "ops.delta_rule" in said
    assert "(candidate.py line 3: from fla.ops.nsa import parallel_nsa)" in said
    assert len(said) < 600


def test_our_own_contract_goes_first_and_sees_none_of_this(tmp_path: Path) -> None:
    from evaluation.candidate import load_candidate

    own = "import torch\nclass DeltaNet: ...\nclass Candidate(torch.nn.Module):\n    compiled = torch.compile\n"
    (tmp_path / CANDIDATE_FILE).write_text(own)
    assert load_candidate(tmp_path).compiled is torch.compile
    assert not issubclass(load_candidate(tmp_path), Adapted)


def test_every_fixture_is_told_from_its_text() -> None:
    files = sorted(DESIGNS.glob("*.py"))
    assert len(files) == len(COUNTS) + 1
    assert all(is_asi_arch(ast.parse(file.read_text())) for file in files)
