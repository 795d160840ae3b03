"""Scoring work of a child: run trained models on the inputs it was given and write raw logits."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from torch import nn

from evaluation.candidate import design_raised, load_candidate
from evaluation.jobs import INPUTS_FILE, JOB_FILE, OUTPUTS_FILE, WEIGHTS_FILE, Query, ScoreJob
from evaluation.model import Model

_ROWS_AT_ONCE = 32


def run(folder: Path) -> None:
    """Answer every query of a ScoreJob with logits [N, vocabulary] of the trained models."""
    job = ScoreJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    inputs = load_file(folder / INPUTS_FILE)
    weights = load_file(folder / WEIGHTS_FILE)
    candidate = load_candidate(folder)
    outputs: dict[str, np.ndarray] = {}
    try:
        for task in dict.fromkeys(query.task for query in job.queries):
            model = Model(candidate, job.scale, job.mlp_hidden, seed=0)
            prefix = f"{task}."
            model.load_state_dict({n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)})
            model.eval()
            for query in job.queries:
                if query.task == task:
                    outputs[query.name] = _answer(model, query, inputs)
    except Exception as error:
        design_raised("Running the trained model", error, folder)
    save_file(outputs, folder / OUTPUTS_FILE)


@torch.no_grad()
def _answer(model: nn.Module, query: Query, inputs: dict[str, torch.Tensor]) -> np.ndarray:
    tokens, (rows, columns) = inputs[query.tokens], inputs[query.positions].unbind(1)
    parts = []
    for start in range(0, len(tokens), _ROWS_AT_ONCE):
        logits = model(tokens[start : start + _ROWS_AT_ONCE].long())
        inside = (rows >= start) & (rows < start + _ROWS_AT_ONCE)
        parts.append(logits[rows[inside] - start, columns[inside]])
    return np.ascontiguousarray(torch.cat(parts).numpy())
