"""Training loop of a child: a fresh model per task, fixed steps, AdamW (Loshchilov and Hutter, arXiv:1711.05101).

Losses are printed one JSON line at a time for display; nothing that is printed is ever a score.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from evaluation.candidate import design_raised, load_candidate, stop
from evaluation.jobs import JOB_FILE, NON_FINITE, TEXT_FILE, WEIGHTS_FILE, TrainJob, checkpoint_file, checkpoint_steps
from evaluation.losses import IGNORED
from evaluation.model import Model
from evaluation.probes import PROBES, data_seed, mixed_batch
from evaluation.scales import Plan, Scale, Schedule


def run(folder: Path) -> None:
    """Train every task of the job in ``folder`` and write all weights, each name prefixed by its task."""
    job = TrainJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    text = np.load(folder / TEXT_FILE, allow_pickle=False)
    candidate = load_candidate(folder)
    weights: list[dict[str, torch.Tensor]] = [{} for _ in (*job.checkpoints, 1.0)]
    for plan in job.scale.tasks:
        asked = checkpoint_steps(plan.steps, job.checkpoints)
        try:
            model = Model(candidate, job.scale, job.mlp_hidden, job.seed)
            for step in _trained_steps(model, job.scale, plan, text, job.seed):
                for number, wanted in enumerate(asked):
                    if step == wanted:
                        weights[number] |= {name: one.clone() for name, one in _named(plan, model)}
        except Exception as error:
            design_raised(f"Training on {plan.task}", error, folder)
        weights[-1] |= {name: one.contiguous() for name, one in _named(plan, model)}
    for number, one in enumerate(weights[:-1]):
        save_file(one, folder / checkpoint_file(number))
    save_file(weights[-1], folder / WEIGHTS_FILE)


def _named(plan: Plan, model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, tensor in model.state_dict().items():
        yield f"{plan.task}.{name}", tensor


def _trained_steps(model: nn.Module, scale: Scale, plan: Plan, text: NDArray[np.uint8], seed: int) -> Iterator[int]:
    """Train, and yield the number of each step once it is taken."""
    optimiser = optimiser_of(model, scale.weight_decay, plan.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, plan, scale.schedule))
    data = np.random.default_rng(data_seed(plan.task, seed))
    torch.manual_seed(seed)
    model.train()
    for step in range(plan.steps):
        tokens, targets = draw_batch(plan, step, data, text)
        logits = model(torch.from_numpy(tokens))
        loss = F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten(), ignore_index=IGNORED)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(model.parameters(), scale.clip)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            what = "loss" if not torch.isfinite(loss) else "gradient"
            stop(NON_FINITE, f"Training on {plan.task} met a non-finite {what} at step {step + 1} of {plan.steps}.")
        optimiser.step()
        schedule.step()
        print(json.dumps({"task": plan.task, "step": step + 1, "loss": loss.item()}), flush=True)
        yield step + 1


def optimiser_of(model: nn.Module, weight_decay: float, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW. Vectors (norm gains, decays, biases) and the embedding are not decayed, as is usual."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        decays = parameter.dim() >= 2 and not name.startswith("embedding")
        (matrices if decays else others).append(parameter)
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=True)


def _rate(step: int, plan: Plan, schedule: Schedule) -> float:
    if schedule == "constant":
        return min(1.0, (step + 1) / plan.warmup)
    # Rise, hold, then fall to zero over the last half: a design that starts to learn late still learns at full rate.
    return min(1.0, (step + 1) / plan.warmup, 2 * (plan.steps - step) / plan.steps)


def draw_batch(
    plan: Plan, step: int, data: np.random.Generator, text: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [batch, length] of one training step."""
    if plan.task in PROBES:
        # Easy first: over the first half of the run the harder difficulties join one by one.
        known = 1 + 2 * step * len(plan.difficulties) // plan.steps
        return mixed_batch(plan.task, data, plan.batch, plan.length, plan.difficulties[:known])
    starts = data.integers(0, len(text) - plan.length, size=plan.batch)
    windows = text[starts[:, None] + np.arange(plan.length + 1)].astype(np.int64)
    return windows[:, :-1], windows[:, 1:]
