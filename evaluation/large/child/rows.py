"""Scoring work of a child: rows of different lengths, from saved weights.

Rows of like length run together, padded on the right: a layer that is causal and keeps rows apart, as its check found
it, gives them the same answers as alone.
"""

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
    scored = inputs[SCORED].tolist() if job.wanted == "likelihoods" else [0] * len(rows)
    candidate = load_candidate(folder)
    try:
        model, device = saved_model(folder, candidate, job.scale, job.mlp_hidden, job.device)
        answers: list[tuple[Tensor, ...]] = [()] * len(rows)
        for batch in _batches(rows, job.tokens_at_once):
            for index, answer in zip(batch, _answers(model, rows, batch, scored, device), strict=True):
                answers[index] = answer
    except torch.OutOfMemoryError as error:
        stop(OUT_OF_MEMORY, f"Scoring {job.tokens_at_once} tokens at once does not fit into memory ({error}).")
    except Exception as error:
        design_raised("Running the trained model", error, folder)
    parts = [torch.cat(column).contiguous() for column in zip(*answers, strict=True)]
    names = (LIKELIHOODS, GREEDY) if job.wanted == "likelihoods" else (LOGITS,)
    save_file(dict(zip(names, parts, strict=True)), folder / OUTPUTS_FILE)


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
def _answers(
    model: Model, rows: list[Tensor], batch: list[int], scored: list[int], device: torch.device
) -> Iterator[tuple[Tensor, ...]]:
    """Of each row of the batch: log-probabilities and greedy flags of its last ``scored`` tokens, or last logits."""
    shown = torch.zeros(len(batch), _width(len(rows[batch[0]])), dtype=torch.long)
    for place, index in enumerate(batch):
        shown[place, : len(rows[index])] = rows[index]
    logits = model(shown.to(device))
    for place, index in enumerate(batch):
        last, count = len(rows[index]), scored[index]
        if not count:
            yield (logits[place, last - 1 : last].float().cpu(),)
            continue
        own = logits[place, last - 1 - count : last - 1].float()
        targets = rows[index][last - count :].to(device)
        likelihoods = own.log_softmax(-1).gather(1, targets[:, None])[:, 0]
        yield likelihoods.cpu(), (own.argmax(-1) == targets).to(torch.uint8).cpu()
