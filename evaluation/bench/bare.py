"""The bare training loop that overhead is measured against: ``python -I -m evaluation.bench.bare run``. Trusted code.

Same model, batches, optimiser and number of steps as ``evaluation.optimise``, and nothing else: batches are drawn
before the clock starts, there is no schedule, no look at the values, no line of output, and no supervisor.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from evaluation.candidate import load_candidate
from evaluation.jobs import JOB_FILE, TEXT_FILE, TrainJob
from evaluation.losses import IGNORED
from evaluation.model import Model
from evaluation.optimise import draw_batch, optimiser_of
from evaluation.probes import data_seed


def main(mode: str) -> None:
    """Train every task of the job in the current folder; print the processor seconds of the steps alone."""
    torch.set_num_threads(1)
    job = TrainJob.model_validate_json(Path(JOB_FILE).read_text("utf-8"))
    text = np.load(TEXT_FILE, allow_pickle=False)
    candidate = load_candidate(Path.cwd())
    seconds = 0.0
    for plan in job.scale.tasks:
        model = Model(candidate, job.scale, job.mlp_hidden, job.seed).train()
        optimiser = optimiser_of(model, job.scale.weight_decay, plan.learning_rate)
        data = np.random.default_rng(data_seed(plan.task, job.seed))
        batches = [tuple(map(torch.from_numpy, draw_batch(plan, step, data, text))) for step in range(plan.steps)]
        started = time.process_time()
        for tokens, targets in batches:
            logits = model(tokens)
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), job.scale.clip)
            optimiser.step()
        seconds += time.process_time() - started
    print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
