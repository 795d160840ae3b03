"""The edits of the reference change its draws, and nothing that it can learn."""

import types

import pytest
import torch
from torch import nn

from evaluation.bench.edits import REFERENCE, unchanged_designs

EDITED = [name for name in unchanged_designs() if name != REFERENCE]


def build(name: str, d_model: int = 32) -> nn.Module:
    module = types.ModuleType("edited")
    exec(compile(unchanged_designs()[name], f"{name}.py", "exec"), module.__dict__)
    torch.manual_seed(3)
    return module.Candidate(d_model, 4)


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_has_the_reference_s_parameters_and_other_numbers(name: str) -> None:
    edited, reference = build(name), build(REFERENCE)
    assert sum(p.numel() for p in edited.parameters()) == sum(p.numel() for p in reference.parameters())
    x = torch.randn(2, 40, 32)
    assert (edited(x) - reference(x)).abs().max() > 1e-3


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_can_compute_all_that_the_reference_computes(name: str) -> None:
    edited, reference = build(name), build(REFERENCE)
    weights = dict(reference.state_dict())
    if name == "three projections for one":
        for n, part in enumerate(weights.pop("qkv.weight").chunk(3)):
            weights[f"qkv.{2 - n}.weight"] = part
    edited.load_state_dict(weights)
    x = torch.randn(2, 40, 32)
    y = reference(x)
    torch.testing.assert_close(edited(x), y)
    state = edited.init_state(2)  # type: ignore[operator]
    for t in range(5):
        step, state = edited.step(x[:, t], state)  # type: ignore[operator]
        torch.testing.assert_close(step, y[:, t], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_is_drawn_from_the_same_distribution(name: str) -> None:
    edited, reference = (dict(build(one, 256).named_parameters()) for one in (name, REFERENCE))
    for part in ("qkv", "out"):
        drawn = torch.cat([p.flatten() for key, p in edited.items() if key.startswith(part)])
        wanted = reference[f"{part}.weight"].flatten()
        assert drawn.abs().max().item() == pytest.approx(wanted.abs().max().item(), rel=1e-2)
        assert drawn.std().item() == pytest.approx(wanted.std().item(), rel=1e-2)
    for key in ("A_log", "dt_bias"):
        torch.testing.assert_close(edited[key].sort().values, reference[key].sort().values)
