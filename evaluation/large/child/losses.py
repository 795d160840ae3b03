"""Scoring work of a child: the loss of every token of given rows, from saved weights."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from evaluation.candidate import design_raised, load_candidate, stop
from evaluation.jobs import INPUTS_FILE, JOB_FILE, OUT_OF_MEMORY, OUTPUTS_FILE, WEIGHTS_FILE
from evaluation.large.jobs import LOSSES, TARGETS, TEXT, TOKENS, LossesJob
from evaluation.model import Model


def run(folder: Path) -> None:
    """Answer a LossesJob. In float32 without autocast: a score must not depend on how training rounded."""
    job = LossesJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    given = load_file(folder / INPUTS_FILE)
    tokens, targets = (given[name].long().split(job.rows_at_once) for name in (TOKENS, TARGETS))
    weights = {name.removeprefix(f"{TEXT}."): w for name, w in load_file(folder / WEIGHTS_FILE).items()}
    candidate = load_candidate(folder)
    device = torch.device(job.device)
    try:
        model = Model(candidate, job.scale, job.mlp_hidden, seed=0)
        model.load_state_dict(weights)
        model.to(device).eval()
        parts = zip(tokens, targets, strict=True)
        found = [_losses(model, part.to(device), wanted.to(device)) for part, wanted in parts]
    except torch.OutOfMemoryError as error:
        stop(OUT_OF_MEMORY, f"Scoring {job.rows_at_once} rows at once does not fit into memory ({error}).")
    except Exception as error:
        design_raised("Running the trained model", error, folder)
    save_file({LOSSES: torch.cat(found).contiguous()}, folder / OUTPUTS_FILE)


@torch.no_grad()
def _losses(model: Model, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    logits = model(tokens).float()
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view_as(targets).cpu()
