"""Scales are data; the parent counts parameters as torch does; importing evaluation loads no torch."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation import baseline_source, scale
from evaluation.losses import accuracy, cross_entropy
from evaluation.scales import frame, large_scale, names
from evaluation.size import TOLERANCE, elements, frame_shapes, matched_hidden, model_parameters


def test_unknown_scale_names_the_choices() -> None:
    assert {"nano", "tiny"} <= set(names())
    with pytest.raises(ValueError, match=r"Unknown scale 'huge'; choose one of .*nano"):
        scale("huge")


def test_a_scale_for_gpus_is_told_apart() -> None:
    assert {"20m-smoke", "20m", "340m"} <= set(names())
    with pytest.raises(ValueError, match=r"--scale 20m --data FOLDER"):
        scale("20m")


def test_the_largest_reference_without_building_it() -> None:
    import types

    chosen = large_scale("340m")
    design = types.ModuleType("design")
    exec(baseline_source("gated_deltanet"), vars(design))
    layer = design.Candidate(chosen.d_model, chosen.n_heads).state_dict()
    mixer = elements({name: tuple(tensor.shape) for name, tensor in layer.items()})
    assert model_parameters(chosen, mixer, chosen.mlp_hidden) == chosen.reference_parameters


@pytest.mark.parametrize("name", ["nano", "tiny", "20m-smoke", "20m"])
def test_reference_parameters_are_those_of_the_reference(name: str, tmp_path: Path) -> None:
    from evaluation.model import Model

    chosen = frame(name)
    file = tmp_path / "reference.py"
    file.write_text(baseline_source("gated_deltanet"))
    spec = importlib.util.spec_from_file_location("reference_design", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = Model(module.Candidate, chosen, chosen.mlp_hidden, seed=1)
    state = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    mixer = elements({key: shape for key, shape in state.items() if key.startswith("layers.0.mixer.")})
    assert {key: shape for key, shape in state.items() if ".mixer." not in key} == frame_shapes(
        chosen, chosen.mlp_hidden
    )
    assert elements(state) == model_parameters(chosen, mixer, chosen.mlp_hidden) == chosen.reference_parameters
    again = Model(module.Candidate, chosen, chosen.mlp_hidden + 8, seed=1)
    assert np.array_equal(
        model.embedding.weight.detach(), again.embedding.weight.detach()
    )  # no design changes the frame


def test_matching_stays_within_tolerance_or_says_no() -> None:
    nano = scale("nano")
    for mixer in (0, 10_000, 16_384, 30_000, 40_000):
        hidden = matched_hidden(nano, mixer, nano.reference_parameters)
        assert hidden is not None
        total = model_parameters(nano, mixer, hidden)
        assert abs(total / nano.reference_parameters - 1) <= TOLERANCE
    too_large = nano.reference_parameters // nano.n_layers  # leaves nothing for the embedding, let alone an MLP
    assert matched_hidden(nano, too_large, nano.reference_parameters) is None


def test_losses_by_hand() -> None:
    logits = np.array([[0.0, np.log(3.0)], [0.0, 0.0]], dtype=np.float32)
    assert cross_entropy(logits, np.array([1, 0])) == pytest.approx([np.log(4 / 3), np.log(2)], rel=1e-6)
    assert accuracy(logits, np.array([1, 1])) == 0.5


def test_importing_evaluation_loads_no_torch() -> None:
    code = "import sys, evaluation; assert 'torch' not in sys.modules and 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
