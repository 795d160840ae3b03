"""The baselines keep the candidate contract: shapes, types, causality, gradients, decoding, and they learn."""

import types
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from evaluation.baselines import Baseline, baselines, source

NAMES = sorted(baselines())
ATTENTION = "softmax_attention"  # its state grows with every token


def load(name: str) -> types.ModuleType:
    """Execute a baseline's source text, as the harness does with any candidate."""
    module = types.ModuleType(name)
    exec(compile(source(name), f"{name}.py", "exec"), module.__dict__)
    return module


def build(name: str, **kwargs: object) -> Any:
    torch.manual_seed(0)
    return load(name).Candidate(64, 2, **kwargs)


def jittered(name: str) -> Any:
    """A layer in float64 whose parameters are off their initial values, so that nothing is hidden behind a zero."""
    mixer = build(name).double()
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return mixer


def test_one_reference_and_only_softmax_is_quadratic() -> None:
    assert [b.name for b in baselines().values() if b.reference] == ["gated_deltanet"]
    assert [b.name for b in baselines().values() if b.quadratic] == ["softmax_attention"]
    assert all(isinstance(b, Baseline) and b.arxiv in source(b.name) for b in baselines().values())


def test_five_are_trained_unasked_and_the_order_is_that_of_their_papers() -> None:
    default = [b.name for b in baselines().values() if b.default]
    assert default == [ATTENTION, "linear_attention", "gla", "deltanet", "gated_deltanet"]
    assert [b.arxiv for b in baselines().values()] == sorted(b.arxiv for b in baselines().values())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'lstm' is no baseline: choose one of softmax_attention"):
        source("lstm")


@pytest.mark.parametrize("name", NAMES)
def test_a_width_that_heads_do_not_divide_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="d_model is 65"):
        load(name).Candidate(65, 2)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_gradients_are_finite_and_reach_every_parameter(name: str) -> None:
    mixer = build(name, unknown_option=1)
    for batch, length in ((1, 1), (3, 97)):
        x = torch.randn(batch, length, 64, requires_grad=True)
        y = mixer(x)
        assert y.shape == x.shape
        assert y.dtype == torch.float32
    y.square().mean().backward()
    for tensor in (x, *mixer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_output_of_a_prefix_is_the_prefix_of_the_output(name: str) -> None:
    mixer = jittered(name)
    with torch.no_grad():
        x = torch.randn(2, 50, 64, dtype=torch.float64)
        y = mixer(x)
        for cut in (1, 15, 16, 17, 33, 49):
            torch.testing.assert_close(mixer(x[:, :cut]), y[:, :cut], rtol=0, atol=1e-12 * float(y.abs().max()))


@pytest.mark.parametrize("heads", [2, 4])
@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_steps_give_what_forward_gives(name: str, heads: int) -> None:
    torch.manual_seed(0)
    mixer = load(name).Candidate(64, heads).double()
    x = torch.randn(3, 50, 64, dtype=torch.float64)
    state, outputs = mixer.init_state(3), []
    for x_t in x.unbind(1):
        y, state = mixer.step(x_t, state)
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, dim=1), mixer(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_steps_in_half_types_stay_near_forward(name: str) -> None:
    mixer = build(name)
    x = torch.randn(2, 40, 64)
    whole = mixer(x)
    state = mixer.bfloat16().init_state(2)
    for x_t in x.bfloat16().unbind(1):
        y, state = mixer.step(x_t, state)
        assert y.dtype == torch.bfloat16
    assert (y.float() - whole[:, -1]).abs().max() < 0.05 * whole.abs().max()


@torch.no_grad()
def test_all_have_a_step_and_only_the_state_of_softmax_attention_grows() -> None:
    growing = []
    for name in NAMES:
        mixer, sizes = build(name), []
        state = mixer.init_state(1)
        for x_t in torch.randn(40, 1, 64):
            _, state = mixer.step(x_t, state)
            sizes.append(sum(part.numel() for part in (state if isinstance(state, tuple) else (state,))))
        growing += [name] * (sizes[-1] != sizes[20])
    assert growing == [ATTENTION]


@pytest.mark.parametrize("ablation", [{"use_decay": False}, {"use_conv": False}, {"use_gate": False}])
@torch.no_grad()
def test_steps_of_each_ablation(ablation: dict[str, bool]) -> None:
    mixer = build("gated_deltanet", **ablation)
    x = torch.randn(2, 6, 64)
    state = mixer.init_state(2)
    for x_t in x.unbind(1):
        y, state = mixer.step(x_t, state)
    torch.testing.assert_close(y, mixer(x)[:, -1])


@torch.no_grad()
def test_retnet_is_equation_5_of_its_paper() -> None:
    mixer = jittered("retnet")
    x = torch.randn(2, 30, 64, dtype=torch.float64)
    q, k, v = mixer.qkv(x).unflatten(-1, (3, 2, 32)).unbind(2)
    time = torch.arange(30, dtype=torch.float64)
    angles = time[:, None] * 10000.0 ** (-torch.arange(16, dtype=torch.float64) / 16)
    turn = torch.polar(torch.ones_like(angles), angles)[:, None]
    q, k = (torch.complex(*y.chunk(2, dim=-1)) * turn for y in (q, k))
    behind = time[:, None] - time
    decay = torch.tensor([31 / 32, 63 / 64], dtype=torch.float64)
    weights = torch.where(behind >= 0, decay[:, None, None] ** behind.clamp(min=0), 0.0)
    o = (torch.einsum("bthk,bshk->bhts", q, k.conj()).real * weights) @ v.transpose(1, 2) * 32**-0.5
    o = F.rms_norm(o.transpose(1, 2), (32,), mixer.norm, 1e-6) * F.silu(mixer.gate(x).unflatten(-1, (2, 32)))
    torch.testing.assert_close(mixer(x), mixer.out(o.flatten(2)), rtol=0, atol=1e-6)  # its decays are kept in float32


@torch.no_grad()
def test_mamba2_is_the_discretised_state_space_of_its_paper() -> None:
    mixer = jittered("mamba2")
    x = torch.randn(1, 20, 64, dtype=torch.float64)
    xbc = F.conv1d(F.pad(mixer.xbc(x).mT, (3, 0)), mixer.conv[:, None], groups=128).mT[0]
    inner, b, c = F.silu(xbc).split([64, 32, 32], dim=-1)
    dt = F.softplus(mixer.dt(x)[0] + mixer.dt_bias)
    state, outputs = torch.zeros(2, 32, 32, dtype=torch.float64), []
    for t in range(20):
        u = inner[t].unflatten(0, (2, 32))
        kept = torch.exp(-dt[t] * mixer.A_log.exp())
        state = kept[:, None, None] * state + torch.einsum("h,hp,n->hpn", dt[t], u, b[t])
        outputs.append((state @ c[t] + mixer.D[:, None] * u).flatten())
    y = F.rms_norm(torch.stack(outputs) * F.silu(mixer.gate(x)[0]), (64,), mixer.norm, 1e-6)
    torch.testing.assert_close(mixer(x)[0], mixer.out(y), rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_shrinks_projections_and_nothing_else(name: str) -> None:
    decayed = {one for one, parameter in build(name).named_parameters() if parameter.dim() >= 2}
    assert all(one.endswith("weight") or one == "conv" for one in decayed)


@pytest.mark.parametrize("name", ["gated_deltanet", "kda"])
@torch.no_grad()
def test_the_gated_delta_rules_are_those_of_their_papers(name: str) -> None:
    mixer = jittered(name)
    x = torch.randn(1, 20, 64, dtype=torch.float64)
    qkv = F.silu(F.conv1d(F.pad(mixer.qkv(x).mT, (3, 0)), mixer.conv[:, None], groups=192).mT[0])
    q, k, v = qkv.unflatten(-1, (3, 2, 32)).unbind(1)
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    step = F.softplus(mixer.dt(x)[0].unflatten(-1, (2, -1)) + mixer.dt_bias.view(2, -1))  # a head's, or a channel's
    kept, beta = torch.exp(-mixer.A_log.exp()[:, None] * step), mixer.beta(x)[0].sigmoid()
    state, outputs = torch.zeros(2, 32, 32, dtype=torch.float64), []
    for t in range(20):
        faded = kept[t, :, :, None] * state
        wrong = v[t] - torch.einsum("hk,hkv->hv", k[t], faded)
        state = faded + torch.einsum("h,hk,hv->hkv", beta[t], k[t], wrong)
        outputs.append(torch.einsum("hk,hkv->hv", q[t], state) * 32**-0.5)
    gate = mixer.gate(x)[0].unflatten(-1, (2, 32))
    y = F.rms_norm(torch.stack(outputs), (32,), mixer.norm, 1e-6) * (gate.sigmoid() if name == "kda" else F.silu(gate))
    torch.testing.assert_close(mixer(x)[0], mixer.out(y.flatten(1)), rtol=0, atol=1e-5)


@torch.no_grad()
def test_hgrn2_writes_what_it_forgets() -> None:
    mixer = jittered("hgrn2")
    x = torch.randn(1, 20, 64, dtype=torch.float64)
    q, f, v = mixer.qfv(x)[0].unflatten(-1, (3, 2, 32)).unbind(1)
    bound = mixer.bound.sigmoid().view(2, 32)
    state, outputs = torch.zeros(2, 32, 32, dtype=torch.float64), []
    for t in range(20):
        kept = bound + (1 - bound) * f[t].sigmoid()
        state = kept[..., None] * state + (1 - kept)[..., None] * F.silu(v[t])[:, None]
        outputs.append(torch.einsum("hk,hkv->hv", q[t].sigmoid(), state).flatten() * 32**-0.5)
    y = F.rms_norm(torch.stack(outputs), (64,), mixer.norm, 1e-6)
    torch.testing.assert_close(mixer(x)[0], mixer.out(y), rtol=0, atol=1e-11)


@torch.no_grad()
def test_rwkv7_changes_its_state_as_in_the_paper_where_a_heads_decays_are_equal() -> None:
    mixer = jittered("rwkv7")
    mixer.decay[-1].weight.zero_()
    mixer.decay[-1].bias.fill_(1.0)
    x = torch.randn(1, 20, 64, dtype=torch.float64)
    r, k, _, _, _, bonus, gate = mixer._terms(x, F.pad(x, (0, 0, 1, -1)))
    _, _, for_k, for_v, for_rate, _ = (x + (F.pad(x, (0, 0, 1, -1)) - x) * share for share in mixer.shift.view(6, 64))
    written, value = (y.unflatten(-1, (2, 32)) for y in (mixer.k(for_k), mixer.v(for_v)))
    rate, kept = mixer.rate(for_rate).sigmoid(), torch.exp(mixer.decay(x)[0, 0, 0].sigmoid() * -(torch.e**-0.5))
    state, outputs = torch.zeros(2, 32, 32, dtype=torch.float64), []
    for t in range(20):
        key, a = k[0, t], rate[0, t, :, None]
        removed = torch.einsum("hk,hkv->hv", key, state)
        state = kept * state - (a * key)[..., None] * removed[:, None]
        state = state + (a * written[0, t])[..., None] * value[0, t][:, None]
        outputs.append(torch.einsum("hk,hkv->hv", r[0, t], state) * 32**-0.5)
    o = mixer.norm(torch.stack(outputs)) + bonus[0]
    torch.testing.assert_close(mixer(x)[0], mixer.out(o.flatten(1) * gate[0]), rtol=0, atol=1e-4)


def test_taylor_features_give_the_series_of_the_exponential() -> None:
    q, k = torch.randn(2, 5, 10, dtype=torch.float64)
    score = (q * k).sum(dim=-1) / 10**0.5
    taylor = load("hybrid_based")._taylor
    torch.testing.assert_close((taylor(q) * taylor(k)).sum(dim=-1), 1 + score + score**2 / 2)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_to_repeat_the_previous_token(name: str) -> None:
    mixer = build(name)
    embedding, head = nn.Embedding(8, 64), nn.Linear(64, 8)
    tokens = torch.randint(8, (16, 32))
    optimiser = torch.optim.Adam([*mixer.parameters(), *embedding.parameters(), *head.parameters()], lr=1e-2)
    losses = []
    for _ in range(30):
        logits = head(mixer(embedding(tokens)))
        loss = F.cross_entropy(logits[:, 1:].flatten(0, 1), tokens[:, :-1].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3


@pytest.mark.parametrize("ablation", [{"use_decay": False}, {"use_conv": False}, {"use_gate": False}])
def test_each_ablation_of_the_reference_takes_something_out(ablation: dict[str, bool]) -> None:
    whole, without = build("gated_deltanet"), build("gated_deltanet", **ablation)
    assert sum(p.numel() for p in without.parameters()) < sum(p.numel() for p in whole.parameters())
    assert without(torch.randn(2, 5, 64)).shape == (2, 5, 64)
