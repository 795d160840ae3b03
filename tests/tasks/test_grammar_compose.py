"""What the grammar writes: files that read back, lint, run, stay finite and causal, and compute what they say."""

import importlib.util
import itertools
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.naming import name_of
from tasks.agents.grammar.reading import read_design
from tasks.agents.grammar.space import CHOICES, Design, canonical, changed, random_design

ROOT = Path(__file__).parents[2]
COUNTER = itertools.count()


@cache
def covering_sample(size: int) -> tuple[Design, ...]:
    """Seeded random designs, the first of which are bent until every choice of every slot has appeared."""
    rng = random.Random(20)
    missing = [(slot, choice) for slot, choices in CHOICES.items() for choice in choices]
    sample = []
    for _ in range(size):
        design = random_design(rng)
        held: set[tuple[str, str]] = set()
        for slot, choice in missing:
            bent = changed(design, slot, choice)
            if all(getattr(bent, name) == kept for name, kept in {*held, (slot, choice)}):
                design = bent
                held.add((slot, choice))
        missing = [pair for pair in missing if getattr(design, pair[0]) != pair[1]]
        sample.append(design)
    assert not missing
    return tuple(sample)


def imported(source: str, folder: Path) -> type[nn.Module]:
    path = folder / f"candidate_{next(COUNTER)}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    candidate: type[nn.Module] = module.Candidate
    return candidate


def built(design: Design, folder: Path, d_model: int = 64, n_heads: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return imported(compose(design, name_of(design), ""), folder)(d_model=d_model, n_heads=n_heads)


def assert_sound(design: Design, folder: Path, d_model: int, n_heads: int) -> None:
    """Everything that the contract asks for, on one design."""
    source = compose(design, name_of(design), "because")
    assert read_design(source) == design
    mixer = built(design, folder, d_model, n_heads)
    assert sum(value.numel() for value in mixer.state_dict().values()) <= 2.2 * 4 * d_model**2
    for batch, length, scale in ((1, 97, 1.0), (3, 96, 10.0), (1, 1, 1.0)):
        mixer.zero_grad()
        x = (scale * torch.randn(batch, length, d_model)).requires_grad_()
        y = mixer(x)
        assert y.shape == x.shape
        y.square().mean().backward()
        assert y.isfinite().all()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        for name, parameter in mixer.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert length == 1 or parameter.grad.abs().sum() > 0, name
    mixer.double()
    with torch.no_grad():
        for parameter in mixer.parameters():  # a leak behind a gate that starts closed shows only when it opens
            parameter.add_(0.1 * torch.randn_like(parameter))
        state = {name: value.clone() for name, value in mixer.state_dict().items()}
        x = torch.randn(3, 97, d_model, dtype=torch.float64)
        y = mixer(x)
        assert y.dtype == torch.float64
        assert torch.equal(y, mixer(x))
        assert all(torch.equal(state[name], value) for name, value in mixer.state_dict().items())
        for length in (1, 50, 96):
            assert (mixer(x[:, :length]) - y[:, :length]).abs().max() < 1e-9
        assert (mixer(x[1:2]) - y[1:2]).abs().max() < 1e-9


SHAPES = ((64, 2), (48, 3), (64, 1), (60, 4), (70, 5))


@pytest.mark.parametrize("index", range(40))
def test_composed_designs_are_sound(index: int, tmp_path: Path) -> None:
    assert_sound(covering_sample(40)[index], tmp_path, *SHAPES[index % len(SHAPES)])


@pytest.mark.slow
def test_a_thousand_composed_designs_are_sound(tmp_path: Path) -> None:
    rng = random.Random(1000)
    for index in range(1000):
        assert_sound(random_design(rng), tmp_path, *SHAPES[index % len(SHAPES)])


def test_source_is_the_same_every_time_and_for_every_form_of_a_design() -> None:
    design = Design(memory_rule="delta", fusion="concat")
    assert compose(design, "Name", "why") == compose(canonical(design), "Name", "why")


def test_different_designs_have_different_programs() -> None:
    rng = random.Random(6)
    designs = {random_design(rng) for _ in range(1000)}
    programs = {compose(design, "Name", "").split('"""\n\nimport', 1)[1].split("DESIGN = ")[0] for design in designs}
    assert len(programs) == len(designs)


def test_generated_sources_are_lint_and_format_clean(tmp_path: Path) -> None:
    for index, design in enumerate(covering_sample(40)):
        (tmp_path / f"candidate_{index}.py").write_text(compose(design, name_of(design), "A reason. " * 30))
    settings = ["--isolated", "--line-length", "120", "--target-version", "py311"]
    rules = ["--select", "E,F,W,I,UP,B,SIM,RUF,PT,C4,RET", "--config", 'lint.isort.known-first-party=["kernels"]']
    for command in (["check", *settings, *rules], ["format", "--check", *settings]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:]


def test_notes_cannot_leave_the_docstring() -> None:
    note = 'Ends """ here\\\n\nimport os\x00  \\""" + f"{x}" # "\\'
    design = Design(memory_rule="delta")
    source = compose(design, 'Na"""me\n', note)
    assert "\nimport os" in source  # as words of the docstring's second paragraph
    assert read_design(source) == canonical(design)
    compiled = compile(source, "candidate", "exec")
    assert "os" not in compiled.co_names


@pytest.mark.parametrize(
    "source",
    ["", "x = (", "DESIGN = 3", "DESIGN = open('x')", "DESIGN = {'memory_rule': 'lstm'}", "DESIGN = {[]: 1}", "a\x00b"],
)
def test_sources_without_a_valid_design_read_as_none(source: str) -> None:
    assert read_design(source) is None


def test_reading_runs_nothing(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    assert read_design(f"open({str(witness)!r}, 'w')\nDESIGN = {{'memory_rule': 'delta'}}\n") is not None
    assert not witness.exists()


# What the programs compute, against the definitions written out in float64.


def heads_of(mixer: nn.Module, x: Tensor, *names: str) -> list[Tensor]:
    return [getattr(mixer, f"{name}_proj")(x).unflatten(-1, (2, -1)) for name in names]


def test_linear_attention_is_katharopoulos_equation_9(tmp_path: Path) -> None:
    mixer = built(Design(feature_map="elu1"), tmp_path, d_model=16).double()
    x = torch.randn(2, 20, 16, dtype=torch.float64)
    q, k, v = heads_of(mixer, x, "q", "k", "v")
    scores = torch.einsum("bthk,bshk->bhts", F.elu(q) + 1, F.elu(k) + 1).tril()
    o = torch.einsum("bhts,bshv->bthv", scores / (scores.sum(dim=-1, keepdim=True) + 1e-4), v)
    torch.testing.assert_close(mixer(x), mixer.o_proj(o.flatten(2)))


def test_gated_delta_rule_with_doubled_writes_follows_its_recurrence(tmp_path: Path) -> None:
    design = Design(memory_rule="delta", decay="per_head", write_strength="double", feature_map="silu")
    mixer = built(design, tmp_path, d_model=16).double()
    x = torch.randn(1, 20, 16, dtype=torch.float64)
    q, k, v = heads_of(mixer, x, "q", "k", "v")
    q, k = F.normalize(F.silu(q), dim=-1), F.normalize(F.silu(k), dim=-1)
    keep = torch.sigmoid(mixer.decay_proj(x) + mixer.decay_bias)
    beta = 2 * torch.sigmoid(mixer.beta_proj(x))
    state, reads = torch.zeros(1, 2, 8, 8, dtype=torch.float64), []
    for t in range(20):
        state = keep[:, t, :, None, None] * state
        found = torch.einsum("bhk,bhkv->bhv", k[:, t], state)
        state = state + beta[:, t, :, None, None] * k[:, t, :, :, None] * (v[:, t] - found)[:, :, None, :]
        reads.append(torch.einsum("bhk,bhkv->bhv", q[:, t], state))
    torch.testing.assert_close(mixer(x), mixer.o_proj(torch.stack(reads, dim=1).flatten(2)), atol=1e-4, rtol=1e-4)


def test_a_tied_scan_at_two_speeds_is_two_moving_averages(tmp_path: Path) -> None:
    design = Design(memory_rule="scan", decay="per_head", write_strength="tied", timescales="two")
    mixer = built(design, tmp_path, d_model=16).double()
    x = torch.randn(1, 20, 16, dtype=torch.float64)
    (v,) = heads_of(mixer, x, "v")
    fast = F.logsigmoid(mixer.decay_proj(x) + mixer.decay_bias)
    averages = []
    for decay in (fast, fast * torch.sigmoid(mixer.slowdown)):
        keep, h, states = decay.exp().unsqueeze(-1), torch.zeros_like(v[:, 0]), []
        for t in range(20):
            h = keep[:, t] * h + (1 - keep[:, t]) * v[:, t]
            states.append(h)
        averages.append(torch.stack(states, dim=1))
    torch.testing.assert_close(mixer(x), mixer.o_proj((averages[0] / 2 + averages[1] / 2).flatten(2)))


def test_a_normalised_read_ignores_how_strongly_everything_was_written(tmp_path: Path) -> None:
    """With constant values any weighted mean is that value, whatever the decays, speeds and rotations."""
    design = Design(feature_map="softmax", decay="per_channel", timescales="two", write_strength="sigmoid")
    mixer = built(design, tmp_path).double()
    with torch.no_grad():
        mixer.v_proj.weight.zero_()
        mixer.v_proj.weight[:, 0] = 1.0
        x = torch.randn(1, 40, 64, dtype=torch.float64)
        x[..., 0] = 1.0
        expected = mixer.o_proj(torch.ones(1, 40, 64, dtype=torch.float64))
        assert (mixer(x) - expected).abs().max() < 0.05


@pytest.mark.parametrize(("span", "slowest"), [("short", 16), ("long", 512), ("spread", 256)])
def test_heads_start_with_the_time_constants_of_their_span(span: str, slowest: float, tmp_path: Path) -> None:
    for decay in ("fixed", "per_head", "per_channel", "bounded"):
        design = canonical(Design.model_validate({"decay": decay, "decay_span": span}))
        mixer = built(design, tmp_path, n_heads=4)
        bias = getattr(mixer, "decay_bias", getattr(mixer, "decay_floor", None))
        rates = -mixer.decay if bias is None else -F.logsigmoid(bias)
        tau = (2 if decay == "bounded" else 1) / rates
        assert slowest / 2 < tau.max() < slowest
        assert tau.max() > 2 * tau.min()
