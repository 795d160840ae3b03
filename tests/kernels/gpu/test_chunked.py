"""The Triton chunk_linear and chunk_delta against their definitions: values, gradients, packing, hard cases.

Chunks have 32 steps in float32 and 64 in half types, so the lengths here end inside a chunk. Heads are few here, so
backward takes its chunks side by side; ``test_fused_pass`` has the other form.
"""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.gpu.agreement import DTYPES, TOLERANCES

pytest.importorskip("triton")

from kernels.gpu import chunked
from kernels.gpu.packing import chunks_of
from tests.kernels.gpu.chunked_agreement import (
    FORMS,
    NAMES,
    SCALE,
    assert_as_defined,
    assert_near,
    assert_packed_as_defined,
    defined,
    draw,
    run,
    weights,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_values_and_gradients(delta: bool, form: str, dtype: torch.dtype, device: str) -> None:
    assert_as_defined(draw(delta, form, dtype, device, length=150, groups=2))


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


@pytest.mark.parametrize("lengths", [(33, 1, 0, 70), (3, 0, 5)])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("delta", [False, True])
def test_packed_sequences(delta: bool, form: str, state: bool, lengths: tuple[int, ...], device: str) -> None:
    assert_packed_as_defined(delta, form, state, lengths, device)


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
