"""A trained model, as a scoring child gets it: the saved weights in the frame, in float32, ready to run."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from evaluation.jobs import WEIGHTS_FILE
from evaluation.large.jobs import TEXT, Device
from evaluation.model import Model
from evaluation.scales.large import LargeScale


def saved_model(
    folder: Path, candidate: type[nn.Module], scale: LargeScale, mlp_hidden: int, device: Device
) -> tuple[Model, torch.device]:
    """The model of ``folder``'s weights on its device. In float32 without autocast: a score must not depend on how
    training rounded.
    """
    weights = {name.removeprefix(f"{TEXT}."): w for name, w in load_file(folder / WEIGHTS_FILE).items()}
    model = Model(candidate, scale, mlp_hidden, seed=0)
    model.load_state_dict(weights)
    place = torch.device(device)
    return model.to(place).eval(), place
