"""Scoring work of a child: rows of different lengths, from saved weights.

Rows of like length run together, padded on the right: a layer that is causal and keeps rows apart, as its check found
it, gives them the same answers as alone.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from evaluation.candidate import design_raised, load_candidate, stop
from evaluation.jobs import INPUTS_FILE, JOB_FILE, OUT_OF_MEMORY, OUTPUTS_FILE
from evaluation.large.child.saved import saved_model
from evaluation.large.jobs import GREEDY, LENGTHS, LIKELIHOODS, LOGITS, SCORED, TOKENS, RowsJob
from evaluation.model import Model

_STEP = 32  # tokens: few widths, because kernels are compiled or tuned for each


def run(folder: Path) -> None:
    """Answer a RowsJob."""
    job = RowsJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    inputs = load_file(folder / INPUTS_FILE)
    rows = list(inputs[TOKENS].long().split(inputs[LENGTHS].tolist()))
    scored = inputs[SCORED].tolist() if job.wanted == "likelihoods" else [1] * len(rows)
    ends = list(itertools.accumulate(scored))
    # Filled in place: small tensors kept from each batch would keep the memory between them from being used again.
    if job.wanted == "likelihoods":
        outputs = {LIKELIHOODS: torch.empty(ends[-1]), GREEDY: torch.empty(ends[-1], dtype=torch.uint8)}
    else:
        outputs = {LOGITS: torch.empty(len(rows), job.scale.vocabulary)}
    candidate = load_candidate(folder)
    try:
        model, device = saved_model(folder, candidate, job.scale, job.mlp_hidden, job.device)
        for batch in _batches(rows, job.tokens_at_once):
            logits = _logits(model, [rows[index] for index in batch], device)
            for place, index in enumerate(batch):
                own = {name: whole[ends[index] - scored[index] : ends[index]] for name, whole in outputs.items()}
                _answer(own, logits[place], rows[index].to(device))
    except torch.OutOfMemoryError as error:
        stop(OUT_OF_MEMORY, f"Scoring {job.tokens_at_once} tokens at once does not fit into memory ({error}).")
    except Exception as error:
        design_raised("Running the trained model", error, folder)
    save_file(outputs, folder / OUTPUTS_FILE)


def _batches(rows: list[Tensor], tokens_at_once: int) -> Iterator[list[int]]:
    """Indices of rows that run together, longest first, so that memory that will not do shows at once."""
    batch: list[int] = []
    for index in sorted(range(len(rows)), key=lambda one: len(rows[one]), reverse=True):
        if batch and (len(batch) + 1) * _width(len(rows[batch[0]])) > tokens_at_once:
            yield batch
            batch = []
        batch.append(index)
    yield batch


def _width(length: int) -> int:
    return -(-length // _STEP) * _STEP


@torch.no_grad()
def _logits(model: Model, rows: list[Tensor], device: torch.device) -> Tensor:
    """Logits [rows, width, vocabulary]; the first row is the longest."""
    shown = torch.zeros(len(rows), _width(len(rows[0])), dtype=torch.long)
    for place, row in enumerate(rows):
        shown[place, : len(row)] = row
    return model(shown.to(device)).float()


def _answer(own: dict[str, Tensor], logits: Tensor, row: Tensor) -> None:
    """Fill one row's part of the outputs from its logits [width, vocabulary]."""
    if LOGITS in own:
        own[LOGITS].copy_(logits[len(row) - 1])
        return
    before = len(row) - len(own[GREEDY])
    predicted, targets = logits[before - 1 : len(row) - 1], row[before:]
    own[LIKELIHOODS].copy_(predicted.log_softmax(-1).gather(1, targets[:, None])[:, 0])
    own[GREEDY].copy_(predicted.argmax(-1) == targets)
