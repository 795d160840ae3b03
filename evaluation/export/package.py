"""Writes a trained design as a folder that transformers loads: code, weights, configuration, tokenizer and words.

Nothing of the design is imported or run here, and torch is not loaded.
"""

import importlib.metadata
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from evaluation.arrays import Array, Malformed, read_arrays
from evaluation.export.modules import package_modules
from evaluation.export.relocating import Unmovable
from evaluation.export.vocabulary import PADDING_NUMBER, write_byte_tokenizer
from evaluation.scales import Scale
from evaluation.scales import scale as read_scale
from evaluation.weights import parameters_of

CARD = "README.md"
TEXT = "text"  # the task whose tokens are bytes of text; the others have symbols of their own
_CHECKOUT = Path(__file__).parents[2]


def write_package(
    source: str, scale: str, mlp_hidden: int, weights: Path, task: str, card: str, into: Path, name: str
) -> list[str]:
    """Write the folder ``into`` in one step and return the names of its files.

    Args:
        source: the design's program.
        scale: the scale that it was trained at.
        mlp_hidden: the MLP's width that the check chose.
        weights: the file that its training left, with the models of all tasks.
        task: which of these models.
        card: the text of README.md.
        into: must not exist.
        name: what the design is called, for complaints and in the files.

    Raises:
        Unmovable: the design cannot be taken out of the laboratory, or the file with weights is not one of this
            scale; the sentence says why.
        FileExistsError: there is something at ``into``.
        ValueError: there is no such scale, or it has no such task.
    """
    chosen = read_scale(scale)
    if task not in chosen.models:
        raise ValueError(f"A training at the {scale} scale has no model {task!r}: choose {', '.join(chosen.models)}.")
    if into.exists():
        raise FileExistsError(f"{into} exists: name a folder that does not.")
    texts = package_modules(source, name) | _licences() | {CARD: card}
    try:
        arrays = read_arrays(weights, chosen.train.output_bytes)
        parameters_of(arrays, chosen, mlp_hidden)
    except Malformed as fault:
        raise Unmovable(
            f"The weights of {name} do not fit the {scale} scale of this archloop ({str(fault).rstrip('.')}): export "
            "it with the archloop that trained it."
        ) from fault
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as around:
        draft = Path(around) / into.name
        draft.mkdir()
        for file, text in texts.items():
            (draft / file).write_text(text, encoding="utf-8")
        padding = {"pad_token_id": PADDING_NUMBER} if task == TEXT else {}
        _write_json(draft / "config.json", _configuration(chosen, mlp_hidden) | padding)
        _write_json(draft / "generation_config.json", {"max_new_tokens": chosen.length} | padding)
        own = {name.removeprefix(f"{task}."): one for name, one in arrays.items() if name.startswith(f"{task}.")}
        _write_weights(draft / "model.safetensors", own)
        if task == TEXT:
            write_byte_tokenizer(draft)
        os.replace(draft, into)
    return sorted(file.name for file in into.iterdir())


def _configuration(scale: Scale, mlp_hidden: int) -> dict[str, Any]:
    return {
        "model_type": "archloop",
        "architectures": ["ArchloopForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration_archloop.ArchloopConfig",
            "AutoModelForCausalLM": "modeling_archloop.ArchloopForCausalLM",
        },
        "vocab_size": scale.vocabulary,
        "hidden_size": scale.d_model,
        "num_attention_heads": scale.n_heads,
        "num_hidden_layers": scale.n_layers,
        "intermediate_size": mlp_hidden,
        "torch_dtype": "float32",
    }


def _write_weights(file: Path, arrays: dict[str, Array]) -> None:
    named = {f"model.{name}": one for name, one in arrays.items()}
    save_file(named, file, metadata={"format": "pt"})  # without it transformers takes the file for another library's


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _licences() -> dict[str, str]:
    """LICENSE and NOTICE, as they were installed or as they lie beside the code."""
    found: dict[str, str] = {}
    for name in ("LICENSE", "NOTICE"):
        try:
            text = importlib.metadata.distribution("archloop").read_text(f"licenses/{name}")
        except importlib.metadata.PackageNotFoundError:
            text = None
        found[name] = text or (_CHECKOUT / name).read_text(encoding="utf-8")
    return found
