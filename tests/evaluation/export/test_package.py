"""Packages in a process where archloop and Triton cannot be imported: what they load, compute and refuse."""

import importlib.util
import json
import os
import random
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from evaluation.baselines import source as baseline
from evaluation.export.package import write_package
from evaluation.model import Model
from evaluation.scales import scale
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.space import random_design
from tests.evaluation.export.designs import FORGETFUL, NO_STEP

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("transformers") is None, reason="transformers is missing: pip install '.[huggingface]'"
    ),
]
AWAY = Path(__file__).with_name("away.py")
BASELINES = (
    "softmax_attention", "linear_attention", "mamba2", "gated_deltanet", "rwkv7", "hgrn2", "hybrid_based",
    "hybrid_gated_deltanet",
)  # fmt: skip
DESIGNS = {name: baseline(name) for name in BASELINES} | {
    "grammar": compose(random_design(random.Random(0)), "Composed", ""),
    "forgetful": FORGETFUL,
    "no_step": NO_STEP,
}
PROBE = "gated_deltanet-recall"  # the same training's model for a probe
HIDDEN = 48
SCALE = scale("tiny")
TOKENS = torch.randint(0, 128, (3, 40), generator=torch.Generator().manual_seed(1))


def loaded(source: str) -> type[nn.Module]:
    module = types.ModuleType("candidate")
    exec(compile(source, "candidate.py", "exec"), vars(module))
    found: type[nn.Module] = module.Candidate
    return found


def trained(source: str, seed: int) -> Model:
    """The laboratory's model as its scoring child has it, with weights off their start so that its text is no echo."""
    model = Model(loaded(source), SCALE, HIDDEN, seed=0).eval()
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.embedding.weight.mul_(0.2)
        for name, parameter in model.named_parameters():
            if name != "embedding.weight":
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=stream))
    return model


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each package told of itself, and under ``ours`` what the laboratory's model gives."""
    top = tmp_path_factory.mktemp("packages")
    expected: dict[str, Any] = {}
    for name, task in [*((name, "text") for name in DESIGNS), (PROBE, "recall")]:
        source = DESIGNS[name.removesuffix("-recall")]
        models = {task: trained(source, seed) for seed, task in enumerate(SCALE.models)}
        arrays = {f"{task}.{key}": one for task, model in models.items() for key, one in model.state_dict().items()}
        beside = top / f"{name}-case"
        beside.mkdir()
        save_file(arrays, beside / "weights.safetensors")
        save_file({"tokens": TOKENS}, beside / "case.safetensors")
        write_package(source, "tiny", HIDDEN, beside / "weights.safetensors", task, "# card\n", top / name, name)
        with torch.no_grad():
            text = TOKENS
            for _ in range(12):
                text = torch.cat([text, models[task](text)[:, -1:].argmax(-1)], dim=1)
            expected[name] = {"logits": models[task](TOKENS), "text": text}
    away = {key: one for key, one in os.environ.items() if not key.startswith(("PYTHON", "ARCHLOOP"))}
    done = subprocess.run(
        [sys.executable, "-I", str(AWAY), *(str(top / name) for name in expected)],
        env=away | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(top / "hf"), "TRANSFORMERS_VERBOSITY": "error"},
        cwd=top, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    said = json.loads(done.stdout)
    return {
        name: said[str(top / name)] | load_file(top / f"{name}-case" / "told.safetensors") | {"ours": expected[name]}
        for name in expected
    }


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=2e-5 * float(other.abs().max()))


@pytest.mark.parametrize("name", DESIGNS)
def test_logits_are_the_laboratorys(told: dict[str, Any], name: str) -> None:
    one, ours = told[name], told[name]["ours"]["logits"]
    torch.testing.assert_close(one["logits"], ours, rtol=1e-6, atol=1e-6 * float(ours.abs().max()))
    for way in ("twice", "after"):  # saved and loaded once more, which leaves the first one as it was
        assert torch.equal(one[way], one["logits"]), way
    close(one["stepped"], ours)
    assert not one["drew"], "loading moved the caller's random numbers"


@pytest.mark.parametrize("name", DESIGNS)
def test_generated_text_is_greedy_decoding_by_whole_passes(told: dict[str, Any], name: str) -> None:
    one, ours = told[name], told[name]["ours"]["text"]
    assert len(ours[:, 40:].unique()) > 6, "too dull a text to tell right from wrong"
    for way in ("generated", "whole", "resumed"):
        assert torch.equal(one[way], ours), way
    assert one["beams"] == one["half_text"] == 52
    assert one["sampled"][0] == 6


@pytest.mark.parametrize("name", DESIGNS)
def test_memory_is_constant_where_there_is_a_step(told: dict[str, Any], name: str) -> None:
    one = told[name]
    assert one["steps"] == ("def step(" in DESIGNS[name])
    short, long = one["sizes"]
    if not one["steps"]:
        assert (short, long) == (None, None)
    elif name == "softmax_attention":
        assert long > short, "attention keeps every key and value"
    else:
        assert short == long > 0


@pytest.mark.parametrize("name", DESIGNS)
def test_a_padded_batch_is_its_rows_alone(told: dict[str, Any], name: str) -> None:
    one = told[name]
    close(one["batch"], one["alone"])
    close(one["right"], one["alone"])
    assert one["together"] == one["apart"] == one["again"]
    for alone, ended in zip(one["apart"], one["ended"], strict=True):
        until = alone.index(one["end"]) + 1 if one["end"] in alone else len(alone)
        assert ended == alone[:until] + [255] * (len(ended) - until)


@pytest.mark.parametrize("name", DESIGNS)
def test_what_would_be_wrong_is_refused(told: dict[str, Any], name: str) -> None:
    refused = told[name]["refused"]
    for way in ("right", "right whole"):
        assert refused[way].startswith("ValueError: Prompts are padded at the right"), way
    assert "padding between its tokens" in refused["holes"]
    assert "begins with padding that is taken for text" in refused["unmasked"]
    assert ("Beam search needs" in refused["beams"]) == told[name]["steps"]
    assert "The mask is [3, 40], but [3, 35] is needed" in refused["long mask"]
    if told[name]["steps"]:
        assert "past_key_values is not of this text" in refused["other text"]
        assert "past_key_values is not of this text" in refused["short text"]
        assert "past_key_values has 3 rows and the batch 1" in refused["other rows"]
    assert "given position_ids" in refused["positions"]
    assert "given inputs_embeds" in refused["embeddings"]


@pytest.mark.parametrize("name", DESIGNS)
def test_it_trains_and_loads_in_bfloat16(told: dict[str, Any], name: str) -> None:
    one, ours = told[name], told[name]["ours"]["logits"]
    assert one["gradients"]
    assert one["dtypes"] == ["torch.bfloat16"]
    assert float((one["half"] - ours).abs().mean()) < 0.05 * float(ours.abs().mean())
    shifted = torch.nn.functional.cross_entropy(ours[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten())
    assert one["loss"] == pytest.approx(shifted.item(), rel=1e-4)


@pytest.mark.parametrize("name", DESIGNS)
def test_the_tokenizer_gives_bytes(told: dict[str, Any], name: str) -> None:
    one = told[name]
    assert one["bytes"] == [True, True, True]
    assert one["padding"] == [255, "left", 256]
    assert one["same_tokenizer"]
    assert {"modeling_archloop.py", "configuration_archloop.py", "candidate.py", "frame.py"} <= set(one["files"])


def test_a_probes_model_has_no_tokenizer_and_runs(told: dict[str, Any]) -> None:
    one = told[PROBE]
    assert one["steps"]
    close(one["logits"], one["ours"]["logits"])
    assert torch.equal(one["generated"], one["ours"]["text"])
    assert not torch.equal(one["ours"]["text"], told["gated_deltanet"]["ours"]["text"])
