"""chunk_linear and chunk_delta against their definitions: values, gradients, causality, carry-over and hard cases."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels import chunk_delta, chunk_linear
from kernels.recurrence import delta_recurrence, linear_recurrence

FORMS = ("none", "fixed", "head", "channel")
EXACT = settings(max_examples=150, deadline=None, derandomize=True)


def draw(
    delta: bool, form: str, batch: int = 2, length: int = 50, heads: int = 2, groups: int = 1, width: int = 8,
    value_width: int = 6, strength: float = 1.0, state: bool = True, seed: int = 0,
) -> dict[str, Tensor]:  # fmt: skip
    """Arguments of an op in float64: correlated unit keys, beta up to 2, decays down to -strength a step."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    value_heads = heads * groups
    arguments = {
        "q": normal(batch, length, heads, width),
        "k": F.normalize(normal(batch, 1, heads, width) + 0.3 * normal(batch, length, heads, width), dim=-1),
        "v": normal(batch, length, value_heads, value_width),
    }
    if delta:
        arguments["beta"] = 2 * uniform(batch, length, value_heads)
    shapes = {"fixed": (), "head": (batch, length), "channel": (batch, length)}
    if form != "none":
        last = (value_heads, width) if form == "channel" else (value_heads,)
        arguments["decay"] = -strength * uniform(*shapes[form], *last)
    if state:
        arguments["initial_state"] = normal(batch, value_heads, width, value_width)
    return arguments


def values_and_gradients(op: Any, arguments: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Outputs of ``op`` and gradients in every argument, from fixed weights on both outputs, in float64."""
    arguments = {name: x.detach().to(dtype).requires_grad_() for name, x in arguments.items()}
    o, state = op(**arguments)
    generator = torch.Generator().manual_seed(1)
    loss = sum((x.double() * torch.randn(x.shape, generator=generator, dtype=torch.float64)).sum() for x in (o, state))
    gradients = torch.autograd.grad(loss, list(arguments.values()))
    return {"o": o.detach().double(), "state": state.detach().double()} | {
        f"gradient in {name}": gradient.double() for name, gradient in zip(arguments, gradients, strict=True)
    }


def assert_same(arguments: dict[str, Tensor], delta: bool, dtype: torch.dtype, tolerance: float) -> None:
    got = values_and_gradients(chunk_delta if delta else chunk_linear, arguments, dtype)
    wanted = values_and_gradients(delta_recurrence if delta else linear_recurrence, arguments, torch.float64)
    for name, expected in wanted.items():
        assert got[name].isfinite().all(), name
        error = float((got[name] - expected).norm() / (expected.norm() + 1e-3))
        assert error < tolerance, f"{name}: relative error {error:.1e}"


@EXACT
@given(
    delta=st.booleans(),
    form=st.sampled_from(FORMS),
    batch=st.integers(1, 2),
    length=st.integers(1, 70),
    heads=st.integers(1, 2),
    groups=st.integers(1, 2),
    width=st.sampled_from([1, 5, 16, 40]),
    value_width=st.sampled_from([1, 7, 16]),
    strength=st.sampled_from([0.0, 0.1, 3.0, 15.0, 90.0]),
    state=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_are_the_definition_s_in_float64(delta: bool, **drawn: Any) -> None:
    assert_same(draw(delta, **drawn), delta, torch.float64, tolerance=1e-10)


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", [16, 64, 128])
@pytest.mark.parametrize("strength", [0.5, 10.0])
def test_float32_stays_near_the_definition(delta: bool, form: str, width: int, strength: float) -> None:
    arguments = draw(delta, form, length=100, width=width, value_width=16, strength=strength)
    assert_same(arguments, delta, torch.float32, tolerance=1e-3 if form == "fixed" else 1e-4)


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_gradients_by_finite_differences(delta: bool, form: str) -> None:
    op = chunk_delta if delta else chunk_linear
    arguments = draw(delta, form, batch=1, length=19, heads=1, groups=2, width=3, value_width=2)
    tensors = [x.requires_grad_() for x in arguments.values()]
    assert torch.autograd.gradcheck(lambda *x: op(**dict(zip(arguments, x, strict=True))), tensors, fast_mode=True)


@pytest.mark.parametrize("form", FORMS)
def test_identical_keys_written_at_full_strength_do_not_explode(form: str) -> None:
    arguments = draw(True, form, length=300, width=64, value_width=8, strength=0.01)
    arguments["k"] = F.normalize(torch.ones_like(arguments["k"]) + 1e-3 * arguments["k"], dim=-1)
    arguments["beta"] = torch.full_like(arguments["beta"], 2.0)
    # Every step is a reflection, so nothing damps rounding errors: over 300 steps they add up, but must not multiply.
    assert_same(arguments, True, torch.float32, tolerance=5e-3)


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", ["head", "channel"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_decay_of_minus_infinity_forgets_everything(delta: bool, form: str, dtype: torch.dtype) -> None:
    op = chunk_delta if delta else chunk_linear
    arguments = {name: x.to(dtype) for name, x in draw(delta, form, width=40, strength=0.3).items()}
    arguments["decay"][:, [0, 21, 22, 40]] = -torch.inf
    arguments = {name: x.requires_grad_() for name, x in arguments.items()}
    o, state = op(**arguments)
    fresh = {name: x[:, 40:].detach().contiguous() for name, x in arguments.items() if name != "initial_state"}
    o_fresh, state_fresh = op(**fresh)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(o[:, 40:], o_fresh, rtol=0, atol=tolerance * float(o_fresh.abs().max()))
    torch.testing.assert_close(state, state_fresh, rtol=0, atol=tolerance * float(state_fresh.abs().max()))
    assert all(x.isfinite().all() for x in torch.autograd.grad(o.sum() + state.sum(), list(arguments.values())))


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_the_output_of_a_prefix_is_the_prefix_of_the_output(delta: bool, form: str) -> None:
    op = chunk_delta if delta else chunk_linear
    arguments = draw(delta, form, length=70, width=40, strength=4.0)
    o, _ = op(**arguments)
    for cut in (1, 15, 31, 32, 33, 64, 69):
        whole = ("initial_state", "decay") if form == "fixed" else ("initial_state",)
        short = {name: x if name in whole else x[:, :cut].contiguous() for name, x in arguments.items()}
        torch.testing.assert_close(op(**short)[0], o[:, :cut], rtol=0, atol=1e-12 * float(o.abs().max()))


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("strength", [0.5, 4.0])
def test_a_changed_future_leaves_every_bit_of_the_past(delta: bool, form: str, strength: float) -> None:
    op = chunk_delta if delta else chunk_linear
    arguments = {name: x.float() for name, x in draw(delta, form, length=40, width=16, strength=strength).items()}
    changed = {
        name: x if name == "initial_state" or x.dim() == 1 else torch.cat([x[:, :21], 2 * x[:, 21:]], dim=1)
        for name, x in arguments.items()
    }
    before, after = op(**arguments)[0], op(**changed)[0]
    if form == "channel" and strength == 4.0:  # decays that become too strong for one split: another rounding
        torch.testing.assert_close(before[:, :21], after[:, :21], rtol=0, atol=3e-7 * float(before.abs().max()))
    else:
        assert torch.equal(before[:, :21], after[:, :21])
    assert not torch.equal(before[:, 21:], after[:, 21:])


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_two_runs_joined_by_the_state_equal_one(delta: bool, form: str) -> None:
    op = chunk_delta if delta else chunk_linear
    arguments = draw(delta, form, length=70)
    o, state = op(**arguments)
    carried, parts = arguments["initial_state"], []
    for part in (slice(0, 37), slice(37, 70)):
        steps = {name: x if x.dim() == 1 else x[:, part].contiguous() for name, x in arguments.items()}
        steps["initial_state"] = carried
        o_part, carried = op(**steps)
        parts.append(o_part)
    torch.testing.assert_close(torch.cat(parts, dim=1), o, rtol=0, atol=1e-11 * float(o.abs().max()))
    torch.testing.assert_close(carried, state, rtol=0, atol=1e-11 * float(state.abs().max()))


def packed(delta: bool, form: str, lengths: list[int], **drawn: Any) -> dict[str, Tensor]:
    """Arguments of an op for sequences of these lengths, one after another, each with a state of its own."""
    arguments = draw(delta, form, batch=1, length=sum(lengths), **drawn)
    if "initial_state" in arguments:
        states = [draw(delta, form, batch=1, seed=seed, **drawn)["initial_state"] for seed in range(len(lengths))]
        arguments["initial_state"] = torch.cat(states)
    return arguments


def borders(lengths: list[int]) -> Tensor:
    return torch.tensor([0, *lengths]).cumsum(dim=0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    delta=st.booleans(),
    form=st.sampled_from(FORMS),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    groups=st.integers(1, 2),
    width=st.sampled_from([4, 40]),
    state=st.booleans(),
)
def test_packed_sequences_are_each_its_own(delta: bool, form: str, lengths: list[int], **drawn: Any) -> None:
    def op(**given: Tensor) -> tuple[Tensor, Tensor]:
        return (chunk_delta if delta else chunk_linear)(**given, cu_seqlens=borders(lengths))

    def alone(**given: Tensor) -> tuple[Tensor, Tensor]:
        recurrence = delta_recurrence if delta else linear_recurrence
        cut = {name: x.split(lengths, dim=1) for name, x in given.items() if x.dim() > 1 and name != "initial_state"}
        parts = []
        for n in range(len(lengths)):
            own = {name: pieces[n] for name, pieces in cut.items()} | {n: x for n, x in given.items() if x.dim() == 1}
            if "initial_state" in given:
                own["initial_state"] = given["initial_state"][n : n + 1]
            parts.append(recurrence(**own))
        return torch.cat([o for o, _ in parts], dim=1), torch.cat([state for _, state in parts])

    arguments = packed(delta, form, lengths, **drawn)
    got, wanted = (values_and_gradients(one, arguments, torch.float64) for one in (op, alone))
    for name, expected in wanted.items():
        error = float((got[name] - expected).norm() / (expected.norm() + 1e-3))
        assert error < 1e-10, f"{name}: relative error {error:.1e}"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("delta", [False, True])
def test_half_types_and_autocast_compute_in_float32(delta: bool, dtype: torch.dtype) -> None:
    op = chunk_delta if delta else chunk_linear
    half = {name: x.to(dtype).requires_grad_() for name, x in draw(delta, "channel").items()}
    o, state = op(**half)
    assert (o.dtype, state.dtype) == (dtype, torch.float32)
    wide = {name: x.detach().float().requires_grad_() for name, x in half.items()}
    o_wide, state_wide = op(**wide)
    assert torch.equal(o, o_wide.to(dtype))
    plain = torch.autograd.grad(o_wide.sum() + state_wide.sum(), list(wide.values()))
    narrow = torch.autograd.grad(o.sum() + state.sum(), list(half.values()))
    assert all(torch.equal(x, y.to(dtype)) for x, y in zip(narrow, plain, strict=True))
    with torch.autocast("cpu", dtype):
        o_cast, state_cast = op(**wide)
        cast = torch.autograd.grad(o_cast.sum() + state_cast.sum(), list(wide.values()))
    assert torch.equal(o_cast, o_wide)
    assert all(torch.equal(x, y) for x, y in zip(cast, plain, strict=True))


def test_the_scale_is_the_inverse_root_of_the_key_width_unless_given() -> None:
    arguments = draw(True, "head", width=16)
    torch.testing.assert_close(chunk_delta(**arguments)[0], chunk_delta(**arguments, scale=0.25)[0])
    torch.testing.assert_close(2 * chunk_delta(**arguments)[0], chunk_delta(**arguments, scale=0.5)[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": torch.zeros(2, 50, 16)}, r"q has shape \[2, 50, 16\].*\[B, T, H, K\]"),
        ({"q": torch.zeros(2, 0, 2, 8)}, r"q has shape \[2, 0, 2, 8\]"),
        ({"q": torch.zeros(2, 50, 2, 8, dtype=torch.long)}, r"q is torch.int64.*convert"),
        ({"k": torch.zeros(2, 50, 2, 9)}, r"k has shape \[2, 50, 2, 9\].*2, 50, 2, 8"),
        ({"v": torch.zeros(2, 50, 3, 6)}, "v has 3 heads.*multiple of the 2 heads"),
        ({"beta": torch.zeros(2, 50)}, r"beta has shape \[2, 50\].*\[B, T, HV\] = \[2, 50, 2\]"),
        ({"decay": torch.zeros(2, 50)}, r"decay is \[2, 50\].*\[2\] or \[2, 50, 2\] or \[2, 50, 2, 8\]"),
        ({"decay": -1.0}, "decay is float"),
        ({"decay": torch.full((2, 50, 2), 0.25)}, r"decay is up to 0.25, but log decays are at most 0.*logsigmoid"),
        ({"beta": torch.zeros(2, 2, 50).mT}, r"beta \[2, 50, 2\] has strides.*call beta.contiguous\(\)"),
        ({"v": torch.zeros(2, 50, 2, 129)}, "v has 129 channels a head, but at most 128"),
        ({"v": torch.zeros(2, 50, 2, 6, device="meta")}, "v is on meta, but q is on cpu: move v"),
        ({"cu_seqlens": torch.tensor([0, 100])}, "cu_seqlens needs a batch of 1, but B is 2"),
        ({"cu_seqlens": torch.tensor([0.0, 100.0])}, "cu_seqlens is torch.float32, but int64"),
        ({"cu_seqlens": torch.tensor([0])}, r"cu_seqlens has shape \[1\]"),
        ({"initial_state": torch.zeros(2, 2, 6, 8)}, r"initial_state has shape \[2, 2, 6, 8\].*\[2, 2, 8, 6\]"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chunk_delta(**(draw(True, "head") | change))


@pytest.mark.parametrize("starts", [[0, 20, 20, 50], [0, 30, 20, 50], [1, 50], [0, 49], [0, 51]])
def test_borders_of_packed_sequences_must_rise_from_0_to_t(starts: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cu_seqlens is \[.*rise from 0 to T = 50"):
        chunk_delta(**draw(True, "head", batch=1, state=False), cu_seqlens=torch.tensor(starts))


def test_a_state_for_each_packed_sequence() -> None:
    with pytest.raises(ValueError, match=r"initial_state has shape \[1, 2, 8, 6\].*\[S, HV, K, V\].*\[2, 2, 8, 6\]"):
        chunk_delta(**draw(True, "head", batch=1), cu_seqlens=torch.tensor([0, 9, 50]))
