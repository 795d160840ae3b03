"""The training loop of one rank. Losses are printed one JSON line at a time for display; none is ever a score."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from evaluation.candidate import design_raised, load_candidate, stop
from evaluation.data.shards import Stream
from evaluation.data.windows import training_rows
from evaluation.jobs import DIVERGED, JOB_FILE, NON_FINITE, OUT_OF_MEMORY, WEIGHTS_FILE
from evaluation.large.child import checkpoint
from evaluation.large.child.parallel import inner, spread, syncing, whole
from evaluation.large.child.ranks import Ranks, joined
from evaluation.large.child.schedule import diverged, rate
from evaluation.large.jobs import TEXT, RunJob
from evaluation.model import Model
from evaluation.optimise import optimiser_of


def run(folder: Path) -> None:
    """Train the RunJob in ``folder``, from its checkpoint if there is one, and write the weights.

    Ends the process with a typed exit code if the design cannot be trained.
    """
    job = RunJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    candidate = load_candidate(folder)
    with joined(job.device, job.workers) as ranks:
        try:
            own = Model(candidate, job.scale, job.mlp_hidden, job.seed).to(ranks.device)
            model = spread(own, job.scale.run.parallel, ranks)
            _train(model, job, ranks, folder)
            _write(model, ranks, folder)
        except Exception as error:
            if _is_out_of_memory(error):
                stop(OUT_OF_MEMORY, _numbers(job, ranks, error))
            design_raised("Training", error, folder)


def _train(model: nn.Module, job: RunJob, ranks: Ranks, folder: Path) -> None:
    plan, optimiser = job.scale.run, optimiser_of(inner(model), job.scale.weight_decay, job.scale.run.learning_rate)
    losses = checkpoint.load(folder, model, optimiser)
    for step, loss in enumerate(losses):
        _tell(ranks, step, loss)
    shards = Stream([(Path(file), tokens) for file, tokens in job.shards])
    model.train()
    for step in range(len(losses), plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * rate(step, plan)
        _seed(job.seed, step, ranks)
        mean = _gradients(model, job, ranks, shards, step)
        norm = whole(nn.utils.clip_grad_norm_(model.parameters(), job.scale.clip))
        loss = float(ranks.mean(mean))
        if not (np.isfinite(loss) and torch.isfinite(norm)):
            what = "gradient" if np.isfinite(loss) else "loss"
            stop(NON_FINITE, f"Training met a non-finite {what} at step {step + 1} of {plan.steps}.")
        optimiser.step()
        losses.append(loss)
        _tell(ranks, step, loss)
        if diverged(losses, plan):
            late = sum(losses[-plan.divergence_steps :]) / plan.divergence_steps
            stop(
                DIVERGED,
                f"The loss was {losses[0]:.3f} nats at step 1 and {late:.3f} on average over the "
                f"{plan.divergence_steps} steps up to step {step + 1} of {plan.steps}.",
            )
        if (step + 1) % plan.checkpoint_every == 0 and step + 1 < plan.steps:
            checkpoint.save(folder, model, optimiser, losses, job.identity)


def _gradients(model: nn.Module, job: RunJob, ranks: Ranks, shards: Stream, step: int) -> torch.Tensor:
    """Leave the gradient of the global batch's mean loss on the model; the mean over this rank's own share."""
    plan = job.scale.run
    share = plan.batch // ranks.size
    parts = share // job.micro_batch
    model.zero_grad(set_to_none=True)
    total = torch.zeros((), device=ranks.device)
    for part in range(parts):
        first = ranks.rank * share + part * job.micro_batch
        rows = training_rows(shards, plan.length, plan.batch, job.seed, step, first, job.micro_batch)
        tokens = torch.from_numpy(rows).to(ranks.device, non_blocking=True)
        with syncing(model, now=part == parts - 1):
            with torch.autocast(ranks.device.type, torch.bfloat16, enabled=plan.precision == "bf16"):
                logits = model(tokens[:, :-1])
            loss = F.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten()) / parts
            torch.autograd.backward(loss)
        total += loss.detach()
    return total


def _seed(seed: int, step: int, ranks: Ranks) -> None:
    # For designs that draw random numbers: a function of the step, so that a checkpoint need not hold their state.
    torch.manual_seed(int(np.random.SeedSequence([seed, step, ranks.rank]).generate_state(1)[0]))


def _tell(ranks: Ranks, step: int, loss: float) -> None:
    if ranks.rank == 0:
        print(json.dumps({"task": TEXT, "step": step + 1, "loss": loss}), flush=True)


def _write(model: nn.Module, ranks: Ranks, folder: Path) -> None:
    weights = {}
    for name, tensor in inner(model).state_dict().items():
        complete = whole(tensor)
        if ranks.rank == 0:
            weights[f"{TEXT}.{name}"] = complete.cpu().contiguous()
    if ranks.rank == 0:
        save_file(weights, folder / WEIGHTS_FILE)


def _is_out_of_memory(error: Exception) -> bool:
    # On a CPU torch has no type for it.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _numbers(job: RunJob, ranks: Ranks, error: Exception) -> str:
    said = f"A micro-batch of {job.micro_batch} sequences of {job.scale.run.length} tokens does not fit into memory"
    if ranks.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(ranks.device) / 1e9
        said += f": {peak:.1f} of {torch.cuda.mem_get_info(ranks.device)[1] / 1e9:.1f} GB were in use"
    return f"{said} ({' '.join(str(error).split())[:200]})."
