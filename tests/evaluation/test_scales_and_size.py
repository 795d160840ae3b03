"""Scales are data; the parent counts parameters as torch does; importing evaluation loads no torch."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from evaluation import OBJECTIVES, baseline_source, corpus, objectives_of, scale
from evaluation.losses import IGNORED, accuracy, cross_entropy
from evaluation.probes import PROBES, data_seed
from evaluation.questions import held_out
from evaluation.scales import TaskName, frame, large_scale, names
from evaluation.size import TOLERANCE, elements, frame_shapes, matched_hidden, model_parameters


def test_unknown_scale_names_the_choices() -> None:
    assert {"micro", "nano", "tiny"} <= set(names())
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


@pytest.mark.parametrize("name", ["nano", "tiny", "micro", "20m-smoke", "20m"])
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


def test_every_task_has_a_plan_an_objective_and_a_generator() -> None:
    tasks = set(get_args(TaskName))
    assert tasks == {"text", *PROBES} == {objective.task for objective in OBJECTIVES.values()}
    assert tasks == {plan.task for plan in scale("micro").tasks}
    assert list(objectives_of("nano")) == ["text_bpb", "recall_loss", "copy_loss"]
    assert list(objectives_of("micro")) == list(OBJECTIVES)
    assert "150 steps of 8 sequences of 128 tokens" in objectives_of("nano")["text_bpb"].asks
    assert "4 to 24 held out" in objectives_of("nano")["recall_loss"].asks
    for name in ("tiny", "nano", "micro"):
        plans = scale(name).tasks
        assert len({plan.task for plan in plans}) == len(plans)
        for plan in plans:
            assert bool(plan.ladder) == bool(plan.difficulties) == (plan.task in PROBES)
            assert list(plan.difficulties) == sorted(plan.difficulties)
            for difficulty in {*plan.ladder, *plan.difficulties}:
                _, targets = PROBES[plan.task](np.random.default_rng(0), plan.rows, plan.length, difficulty)
                assert (targets != IGNORED).any()


def test_questions_and_training_data_of_recorded_results_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.optimise import draw_batch

    monkeypatch.delenv("ARCHLOOP_CORPUS", raising=False)
    text = np.frombuffer(corpus().train, dtype=np.uint8)
    pinned = {
        "nano": (
            "8eab28dcc7b5827026bac51347d279db2b7afc7824f125ff5d1db65114ce1b8b",
            "c66668b1620aef6c7e1f02f5be92f4e21013c02179480db21f478679a9486e79",
        ),
        "tiny": (
            "dc06d92a1ac4bbf09009e362b87f5e7626fababb9ec2d3f3505c490c2c68ab8c",
            "d26f8d2c01214abf13ba07fc265e59049066382aad564a01c207a48793822112",
        ),
    }
    for name, expected in pinned.items():
        asked, taught = hashlib.sha256(), hashlib.sha256()
        for q in held_out(scale(name), corpus(), "validation"):
            asked.update(q.name.encode() + q.tokens.astype("<i8").tobytes() + q.targets.astype("<i8").tobytes())
        for plan in scale(name).tasks:
            stream = np.random.default_rng(data_seed(plan.task, 1))
            for step in range(0, plan.steps, 10):
                for array in draw_batch(plan, step, stream, text):
                    taught.update(array.astype("<i8").tobytes())
        assert (asked.hexdigest(), taught.hexdigest()) == expected


def test_every_task_and_seed_has_a_stream_of_its_own() -> None:
    streams = [np.random.default_rng(data_seed(task, seed)) for task in get_args(TaskName) for seed in range(20)]
    assert len({tuple(stream.integers(0, 2**62, size=4)) for stream in streams}) == len(streams)


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
