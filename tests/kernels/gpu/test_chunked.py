"""The Triton chunk_linear and chunk_delta against their definitions: values, gradients, packing, hard cases.

Packed sequences are checked against the definition of each sequence by itself. Chunks have 32 steps in float32 and 64
in half types, so the lengths here end inside a chunk.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.cpu.decay import FLOOR
from kernels.recurrence import delta_recurrence, linear_recurrence
from tests.kernels.gpu import agreement
from tests.kernels.gpu.agreement import DTYPES, TOLERANCES, doubles

pytest.importorskip("triton")

from kernels.gpu import chunked, tiles
from kernels.gpu.packing import chunks_of
from tests.kernels.gpu import chunked_cases

FORMS = ("none", "head", "channel")
SCALE = 0.3
NAMES = ("q", "k", "v", "beta", "decay", "initial_state")


@pytest.fixture
def many_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few there are: backward takes all gradients of a sequence's head in one program."""
    monkeypatch.setattr(tiles, "ENOUGH_PROGRAMS", 1)


def draw(
    delta: bool, form: str, dtype: torch.dtype, device: str, length: int, batch: int = 1, heads: int = 1,
    groups: int = 1, width: int = 20, value_width: int = 24, strongest: float = 1.0, beta: float = 1.0,
    state: bool = True, sequences: int | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """Arguments in ``dtype``, states in float32: unit keys with a correlation of 0.9, decays down to -strongest."""
    generator = torch.Generator().manual_seed(length + width)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    value_heads = heads * groups
    common, own = normal(batch, 1, heads, width), normal(batch, length, heads, width)
    arguments = {
        "q": normal(batch, length, heads, width),
        "k": F.normalize(0.9**0.5 * common + 0.1**0.5 * own, dim=-1),
        "v": normal(batch, length, value_heads, value_width),
    }
    if delta:
        arguments["beta"] = beta * uniform(batch, length, value_heads)
    if form != "none":
        arguments["decay"] = -strongest * uniform(batch, length, value_heads, *([width] if form == "channel" else []))
    if state:
        arguments["initial_state"] = normal(sequences or batch, value_heads, width, value_width)
    return {name: x.to(device, None if name == "initial_state" else dtype) for name, x in arguments.items()}


def weights(arguments: dict[str, Tensor], sequences: int | None = None) -> tuple[Tensor, Tensor]:
    """Fixed gradients in o and in the final state."""
    generator = torch.Generator().manual_seed(1)
    v, width = arguments["v"], arguments["k"].shape[-1]
    do = torch.randn(v.shape, generator=generator).to(v)
    dfinal = torch.randn(sequences or v.shape[0], v.shape[2], width, v.shape[3], generator=generator)
    return do, dfinal.to(v.device)


def run(
    arguments: dict[str, Tensor], do: Tensor, dfinal: Tensor | None, cu_seqlens: Tensor | None = None
) -> dict[str, Tensor]:
    """Both outputs, and the gradient in every argument."""
    q, k, v, beta, decay, state = (arguments.get(name) for name in NAMES)
    assert q is not None
    assert k is not None
    assert v is not None
    o, final, saved = chunked.forward(q, k, v, beta, decay, SCALE, state, cu_seqlens)
    gradients = chunked.backward(do, dfinal, q, k, v, beta, decay, SCALE, state, cu_seqlens, saved)
    for name, gradient in zip(NAMES, gradients, strict=True):
        assert (gradient is None) == (name not in arguments), name
    present = {name: x for name, x in zip(NAMES, gradients, strict=True) if x is not None}
    return {"o": o, "final state": final} | present


def defined(arguments: dict[str, Tensor], do: Tensor, dfinal: Tensor) -> dict[str, Tensor]:
    """The same from the definition, in float64."""
    exact = doubles(arguments)
    if "decay" in exact:
        held = exact["decay"].clamp(FLOOR[torch.float32], 0.0)
    definition: Callable[..., tuple[Tensor, Tensor]] = delta_recurrence if "beta" in exact else linear_recurrence
    o, final = definition(**exact | ({"decay": held} if "decay" in exact else {}), scale=SCALE)
    loss = (o * do.double().cpu()).sum() + (final * dfinal.double().cpu()).sum()
    return {"o": o, "final state": final} | dict(
        zip(exact, torch.autograd.grad(loss, list(exact.values())), strict=True)
    )


def assert_near(got: dict[str, Tensor], wanted: dict[str, Tensor], arguments: dict[str, Tensor]) -> None:
    """As near as the coarsest type among the arguments allows. o has v's type, states have float32."""
    state = torch.empty(0, device=arguments["v"].device)
    like = arguments | {"o": arguments["v"], "final state": state}
    tolerance = max(TOLERANCES[x.dtype] for x in arguments.values())
    agreement.assert_near(got, wanted, {name: like.get(name, state) for name in wanted}, tolerance)


def assert_as_defined(arguments: dict[str, Tensor]) -> None:
    do, dfinal = weights(arguments)
    assert_near(run(arguments, do, dfinal), defined(arguments, do, dfinal), arguments)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_values_and_gradients(delta: bool, form: str, dtype: torch.dtype, device: str) -> None:
    assert_as_defined(draw(delta, form, dtype, device, length=150, groups=2))


SLOW = pytest.mark.slow
# Of the fused pass, quick tests take what has most parts.
FUSED = [
    pytest.param(delta, form, marks=[] if (delta, form) in ((True, "head"), (False, "channel")) else SLOW)
    for delta in (False, True)
    for form in FORMS
]


@pytest.mark.parametrize(
    "dtype", [torch.float16, *(pytest.param(x, marks=SLOW) for x in (torch.float32, torch.bfloat16))]
)
@pytest.mark.parametrize(("delta", "form"), FUSED)
@pytest.mark.usefixtures("many_heads")
def test_many_heads(delta: bool, form: str, dtype: torch.dtype, device: str) -> None:
    assert_as_defined(draw(delta, form, dtype, device, length=150, groups=2))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.usefixtures("many_heads")
def test_hard_cases_with_many_heads(delta: bool, form: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for dtype in (torch.float32, torch.float16):
        assert_as_defined(draw(delta, form, dtype, device, length=150, beta=2.0, strongest=0.01))
        assert_as_defined(draw(delta, form, dtype, device, length=100, strongest=15.9))
    arguments = draw(delta, form, torch.float32, device, length=70, batch=2, heads=2, groups=2, state=False)
    do, dfinal = weights(arguments)
    assert_near(run(arguments, do, None), defined(arguments, do, dfinal.zero_()), arguments)
    for width, value_width in ((1, 1), (100, 17), (16, 128)):
        assert_as_defined(draw(delta, form, torch.float32, device, 40, width=width, value_width=value_width))
    monkeypatch.setitem(TOLERANCES, torch.bfloat16, 4e-2)
    assert_as_defined(draw(delta, form, torch.bfloat16, device, length=150, beta=2.0))


@pytest.mark.parametrize(
    ("length", "batch", "launches"),
    [
        (40, 64, ["fused_pass"]),
        (1000, 1, ["state_pass", "reverse_pass", "gradients"]),
        (1000, 64, ["state_pass", "fused_pass"]),
        (70, 64, ["state_pass", "fused_pass"]),
    ],
)
def test_the_launches_of_backward_follow_the_number_of_heads(length: int, batch: int, launches: list[str]) -> None:
    recorded = chunked_cases.record(torch.bfloat16, 64, True, "head", length, batch)
    assert [case.name.split()[0] for case in recorded if " backward " in case.name] == launches


@pytest.mark.slow
@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    delta=st.booleans(),
    form=st.sampled_from(FORMS),
    dtype=st.sampled_from([torch.float32, torch.float16]),
    batch=st.integers(1, 2),
    length=st.integers(1, 100),
    groups=st.integers(1, 2),
    width=st.sampled_from([8, 16, 32, 64]),
    value_width=st.sampled_from([8, 16, 64]),
    strongest=st.sampled_from([0.1, 4.0]),
    state=st.booleans(),
)
def test_values_and_gradients_of_drawn_shapes(device: str, **drawn: Any) -> None:
    assert_as_defined(draw(device=device, **drawn))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("form", FORMS)
def test_correlated_keys_written_at_twice_their_strength(form: str, dtype: torch.dtype, device: str) -> None:
    assert_as_defined(draw(True, form, dtype, device, length=150, beta=2.0))


@pytest.mark.parametrize("form", FORMS)
def test_bfloat16_stays_near_where_errors_grow_most(form: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reflections damp no rounding error, and bfloat16 starts with one of 2 ** -9.
    monkeypatch.setitem(TOLERANCES, torch.bfloat16, 4e-2)
    assert_as_defined(draw(True, form, torch.bfloat16, device, length=150, beta=2.0))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", ["head", "channel"])
@pytest.mark.parametrize("delta", [False, True])
def test_strong_decay(delta: bool, form: str, dtype: torch.dtype, device: str) -> None:
    assert_as_defined(draw(delta, form, dtype, device, length=100, strongest=15.9))


@pytest.mark.parametrize("form", ["head", "channel"])
@pytest.mark.parametrize("delta", [False, True])
def test_a_decay_beyond_the_clamp_forgets_and_gets_no_gradient(delta: bool, form: str, device: str) -> None:
    arguments = draw(delta, form, torch.float32, device, length=70)
    arguments["decay"][:, [0, 21, 22, 40]] = -torch.inf
    arguments["decay"][:, 50] = -20.0
    do, dfinal = weights(arguments)
    got, exact = run(arguments, do, dfinal), arguments | {"decay": arguments["decay"].clamp(min=-100)}
    assert_near(got, defined(exact, do, dfinal), arguments)
    assert not got["decay"][:, [0, 21, 22, 40, 50]].any()


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 13, 32, 33])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_short_sequences(delta: bool, form: str, length: int, device: str) -> None:
    assert_as_defined(draw(delta, form, torch.float32, device, length))
    assert_as_defined(draw(delta, form, torch.float16, device, length))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "value_width"), [(1, 1), (5, 40), (33, 3), (100, 17), (16, 128)])
@pytest.mark.parametrize("form", ["head", "channel"])
def test_any_head_size(form: str, width: int, value_width: int, device: str) -> None:
    for length in (40, 20):  # two chunks, and the launch that does everything
        assert_as_defined(draw(True, form, torch.float32, device, length, width=width, value_width=value_width))


@pytest.mark.slow
@pytest.mark.parametrize("delta", [False, True])
def test_batches_and_heads_stay_apart(delta: bool, device: str) -> None:
    assert_as_defined(draw(delta, "channel", torch.float32, device, length=40, batch=2, heads=2, groups=2, width=5))


@pytest.mark.slow
@pytest.mark.parametrize("length", [20, 40])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_states_may_be_absent(delta: bool, form: str, length: int, device: str) -> None:
    arguments = draw(delta, form, torch.float32, device, length, state=False)
    do, dfinal = weights(arguments)
    dfinal.zero_()
    assert_near(run(arguments, do, None), defined(arguments, do, dfinal), arguments)


def test_inputs_of_different_types(device: str) -> None:
    arguments = draw(True, "channel", torch.float32, device, length=40)
    arguments |= {"v": arguments["v"].bfloat16(), "beta": arguments["beta"].half(), "decay": arguments["decay"].half()}
    assert_as_defined(arguments)


@pytest.mark.parametrize("state", [pytest.param(False, marks=SLOW), True])
@pytest.mark.parametrize(("delta", "form"), FUSED)
@pytest.mark.usefixtures("many_heads")
def test_packed_sequences_with_many_heads(delta: bool, form: str, state: bool, device: str) -> None:
    assert_packed_as_defined(delta, form, state, (33, 1, 0, 70), device)


@pytest.mark.parametrize("lengths", [(33, 1, 0, 70), (3, 0, 5)])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_packed_sequences(delta: bool, form: str, state: bool, lengths: tuple[int, ...], device: str) -> None:
    assert_packed_as_defined(delta, form, state, lengths, device)


def assert_packed_as_defined(delta: bool, form: str, state: bool, lengths: tuple[int, ...], device: str) -> None:
    count = len(lengths)
    arguments = draw(delta, form, torch.float32, device, sum(lengths), width=5, state=state, sequences=count)
    do, dfinal = weights(arguments, count)
    bounds = torch.tensor((0, *lengths)).cumsum(0)
    wanted: dict[str, list[Tensor]] = {}
    for s in range(count):
        steps = slice(int(bounds[s]), int(bounds[s + 1]))
        alone = {name: x[s : s + 1] if name == "initial_state" else x[:, steps] for name, x in arguments.items()}
        if lengths[s]:
            results = defined(alone, do[:, steps], dfinal[s : s + 1])
        else:  # the state passes through
            unmoved = alone.get("initial_state", torch.zeros_like(dfinal[s : s + 1]))
            results = alone | {"o": do[:, steps], "final state": unmoved}
            results |= {"initial_state": dfinal[s : s + 1]} if state else {}
        for name, x in results.items():
            wanted.setdefault(name, []).append(x.double().cpu())
    joined = {name: torch.cat(parts, dim=0 if "state" in name else 1) for name, parts in wanted.items()}
    got = run(arguments, do, dfinal, bounds.to(device))
    assert_near(got, joined, arguments)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_a_changed_future_leaves_every_bit_of_the_past(delta: bool, form: str, device: str) -> None:
    arguments = draw(delta, form, torch.float16, device, length=100, strongest=4.0)
    changed = {name: x.clone() for name, x in arguments.items()}
    for name, x in changed.items():
        if name != "initial_state":
            x[:, 77:] *= 0.5
    do, dfinal = weights(arguments)
    before, after = run(arguments, do, dfinal)["o"], run(changed, do, dfinal)["o"]
    assert torch.equal(before[:, :77], after[:, :77])
    assert not torch.equal(before[:, 77:], after[:, 77:])


@pytest.mark.parametrize("length", [20, 40])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_the_shapes_of_what_is_kept_are_known_beforehand(delta: bool, form: str, length: int, device: str) -> None:
    arguments = draw(delta, form, torch.float32, device, length)
    q, k, v, beta, decay, state = (arguments.get(name) for name in NAMES)
    inputs: tuple[Any, ...] = (q, k, v, beta, decay)
    kept = chunked.forward(*inputs, SCALE, state, None)[2]
    expected = chunked.saved_like(*inputs, state, None)
    assert [(x.shape, x.dtype, x.device) for x in kept] == [(x.shape, x.dtype, x.device) for x in expected]


@pytest.mark.parametrize("lengths", [(1,), (32, 0, 33, 64, 5), (0, 0, 3)])
def test_every_chunk_of_packed_sequences_is_in_the_tables(lengths: tuple[int, ...]) -> None:
    bounds = torch.tensor((0, *lengths)).cumsum(0)
    tables = chunks_of(bounds, sum(lengths), 32)
    assert tables.first is not None
    assert tables.starts is not None
    assert tables.stops is not None
    wanted = [(start, int(stop)) for s, stop in enumerate(bounds[1:]) for start in range(int(bounds[s]), int(stop), 32)]
    real = tables.stops > tables.starts
    assert list(zip(tables.starts[real].tolist(), tables.stops[real].tolist(), strict=True)) == wanted
    assert not real[len(wanted) :].any()
    assert tables.first.tolist() == torch.tensor([0, *(-(-n // 32) for n in lengths)]).cumsum(0).tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_a_cuda_graph_replays_forward_and_backward(delta: bool, form: str, packed: bool) -> None:
    lengths = (70, 80) if packed else (150,)
    arguments = draw(delta, form, torch.bfloat16, "cuda", 150, width=64, value_width=64, sequences=len(lengths))
    do, dfinal = weights(arguments, len(lengths))
    bounds = torch.tensor((0, *lengths), device="cuda").cumsum(0) if packed else None
    run(arguments, do, dfinal, bounds)  # compiles
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        replayed = run(arguments, do, dfinal, bounds)
    for x in arguments.values():
        x.mul_(0.5)
    graph.replay()
    for name, x in run(arguments, do, dfinal, bounds).items():
        assert torch.equal(replayed[name], x), name
