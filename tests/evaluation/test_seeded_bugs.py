"""The seeded bugs are what they claim to be, and a sample of them is caught; ``make checks-report`` runs all."""

import types
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from evaluation import FailureKind
from tests.checks_report import chosen, evidence
from tests.seeded_bugs import BASES, BUGS, CONTROLS, Edit, source_of
from tests.seeded_bugs.cases import run_cases
from tests.seeded_bugs.edit import DECODING, PLAIN
from tests.seeded_bugs.endings import ENDINGS
from tests.seeded_bugs.forgery import FORGERY

D_MODEL, N_HEADS = 32, 2
PROPERTIES = {
    *("contract", "shapes", "finite", "gradients", "batch", "causality", "length", "overwrites", "complexity"),
    *("repeatable", "checkpoint", "decoding", "range", "auxiliary", "parameters", "compile"),
}
HARMLESS = [edit for edit in (*BUGS, *CONTROLS) if edit not in (*ENDINGS, *FORGERY)]  # may run in this process


def built(edit: Edit, base: str) -> nn.Module:
    """The layer, in float64 and off its initial values."""
    torch.manual_seed(0)
    module = types.ModuleType("candidate")
    exec(compile(source_of(edit, base), f"{edit.name}.py", "exec"), module.__dict__)
    layer: nn.Module = module.Candidate(D_MODEL, N_HEADS).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return layer


def drawn(batch: int, length: int) -> Tensor:
    return torch.randn(batch, length, D_MODEL, dtype=torch.float64)


def test_the_corpus_is_large_and_says_what_it_expects() -> None:
    assert len(BUGS) >= 100
    assert len(CONTROLS) >= 20
    names = [edit.name for edit in (*BUGS, *CONTROLS)]
    assert len(set(names)) == len(names)
    for bug in BUGS:
        assert set(bug.expects) <= PROPERTIES | set(get_args(FailureKind)), bug.name
        assert 1 <= len(bug.expects) <= 2, bug.name


@pytest.mark.parametrize("base", BASES)
def test_every_file_is_python_and_differs_from_the_others(base: str) -> None:
    sources = [source_of(edit, base) for edit in (*BUGS, *CONTROLS)]
    for source in sources:
        assert "# here: " not in source
        compile(source, "candidate.py", "exec")
    assert len(set(sources)) == len(sources) - 1  # the plain base stands in both tiers


@pytest.mark.parametrize("base", BASES)
def test_the_bases_are_right(base: str) -> None:
    layer = built(DECODING, base)
    x = drawn(3, 70).requires_grad_()
    y = layer(x)
    for cut in (1, 15, 16, 17, 64, 69):
        torch.testing.assert_close(layer(x[:, :cut]), y[:, :cut], rtol=0, atol=1e-12)
    torch.testing.assert_close(layer(x[1:2]), y[1:2], rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(y[:, 20].sum(), x, retain_graph=True)
    assert gradient[:, :21].abs().max() > 0
    assert gradient[:, 21:].abs().max() == 0
    state, steps = layer.init_state(3), []
    for x_t in x.unbind(1):
        y_t, state = layer.step(x_t, state)
        steps.append(y_t)
    torch.testing.assert_close(torch.stack(steps, dim=1), y, rtol=0, atol=1e-12)
    y.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in layer.parameters())
    assert not hasattr(built(PLAIN, base), "step")


@pytest.mark.parametrize("base", BASES)
def test_bugs_and_controls_run(base: str) -> None:
    x = drawn(2, 40)
    for edit in HARMLESS:
        layer = built(edit, base)
        assert layer(x).shape == x.shape, edit.name
        assert layer.eval()(x).shape == x.shape, edit.name


def test_a_sample_is_caught_and_no_right_layer_flagged() -> None:
    assert_right(sample=6)


@pytest.mark.slow
def test_a_larger_sample_is_caught_and_no_right_layer_flagged() -> None:
    assert_right(sample=40)


def assert_right(sample: int) -> None:
    """Run a seeded sample through the real check in jailed children."""
    cases = [case for case in chosen(7, sample, []) if case.kind != "baseline"]  # the report checks all baselines
    cases = [case for case in cases if not (case.edit and case.edit.full) and not (case.bug and case.bug.endless)]
    wrong = [outcome for outcome in run_cases(cases) if not outcome.right]
    assert not wrong, "\n\n".join(evidence(outcome) for outcome in wrong)
