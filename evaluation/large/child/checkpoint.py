"""Checkpoints: weights, optimiser, losses so far and step in one safetensors file, which rank 0 writes whole.

The format holds numbers only. torch.save and torch.distributed.checkpoint keep (parts of) their files as pickles, and
a pickle that a design's process wrote could run anything in the next one. A file of whole tensors can also be resumed
by another number of ranks; it costs rank 0 three times the model in host memory (4 GB at 340m).
"""

import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from evaluation.large.child.parallel import fill, inner, shared_like, whole
from evaluation.large.jobs import CHECKPOINT_FILE, IDENTITY

_MODEL, _OPTIMISER, _LOSSES = "model.", "optimiser.", "losses"


def save(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, losses: list[float], identity: str) -> None:
    """Write the state after ``len(losses)`` steps in one step. Every rank must call it; rank 0 writes."""
    writes = int(os.environ.get("RANK", "0")) == 0
    tensors: dict[str, Tensor] = {_LOSSES: torch.tensor(losses, dtype=torch.float64)} if writes else {}

    def add(name: str, tensor: Tensor) -> None:
        complete = whole(tensor)
        if writes:
            tensors[name] = complete.cpu().clone(memory_format=torch.contiguous_format)

    for name, tensor in inner(model).state_dict().items():
        add(f"{_MODEL}{name}", tensor)
    for name, parameter in inner(model).named_parameters():
        for key, value in optimiser.state[parameter].items():
            add(f"{_OPTIMISER}{key}.{name}", value)
    if writes:
        partial = folder / f"{CHECKPOINT_FILE}.partial"
        save_file(tensors, partial, metadata={IDENTITY: identity})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, folder / CHECKPOINT_FILE)


def load(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> list[float]:
    """Restore the state that was saved, if one was; the losses of its steps. Every rank must call it."""
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return []
    tensors = load_file(path)
    weights = {name.removeprefix(_MODEL): t for name, t in tensors.items() if name.startswith(_MODEL)}
    fill(model, weights)
    for name, parameter in inner(model).named_parameters():
        state = {}
        for key in ("step", "exp_avg", "exp_avg_sq"):
            value = tensors.get(f"{_OPTIMISER}{key}.{name}")
            if value is not None:  # a parameter without a gradient has no state
                state[key] = shared_like(value, parameter)
        if state:
            optimiser.state[parameter] = state
    return [float(loss) for loss in tensors[_LOSSES]]
