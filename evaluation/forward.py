"""Forward work of a child: run layers or trained models on the inputs it was given and write raw arrays."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from torch import nn

from evaluation.candidate import design_raised, load_candidate, stop
from evaluation.jobs import (
    GRADIENTS_FILE,
    INPUTS_FILE,
    JOB_FILE,
    NOT_A_TENSOR,
    OUTPUTS_FILE,
    STATE_FILE,
    WEIGHTS_FILE,
    Call,
    CheckJob,
    Query,
    ScoreJob,
)
from evaluation.model import Model

_ROWS_AT_ONCE = 32


def run_check(folder: Path) -> None:
    """Make every call of a CheckJob; write outputs, the layer's state and the gradients of its parameters."""
    job = CheckJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    inputs = load_file(folder / INPUTS_FILE)
    candidate = load_candidate(folder)
    try:
        state = _build(candidate, job).state_dict()
    except Exception as error:
        design_raised(f"Candidate({job.d_model}, {job.n_heads})", error, folder)
    outputs: dict[str, np.ndarray] = {}
    gradients: dict[str, np.ndarray] = {}
    for call in job.calls:
        x = inputs[call.input].clone()
        where = f"forward on x {list(x.shape)} {str(x.dtype).removeprefix('torch.')} in {call.mode} mode"
        try:
            layer = _build(candidate, job)
            layer.load_state_dict(state)
            if call.parameters == "jittered":
                _jitter(layer, job.seed)
            layer.to(x.dtype).train(call.mode == "train")
            outputs |= _call(layer, x, inputs, call, gradients)
        except Exception as error:
            design_raised(where, error, folder)
        if call.name not in outputs:
            stop(NOT_A_TENSOR, f"{where} did not return a tensor; the contract wants one tensor [B, T, D].")
    save_file(outputs, folder / OUTPUTS_FILE)
    save_file(gradients, folder / GRADIENTS_FILE)
    learnt = {name for name, _ in _build(candidate, job).named_parameters()}
    kinds = {name: "parameter" if name in learnt else "buffer" for name in state}
    save_file({f"{kinds[name]}/{name}": _numpy(tensor) for name, tensor in state.items()}, folder / STATE_FILE)


def _build(candidate: type[nn.Module], job: CheckJob) -> nn.Module:
    torch.manual_seed(job.seed)
    return candidate(job.d_model, job.n_heads)


@torch.no_grad()
def _jitter(layer: nn.Module, seed: int) -> None:
    # Moves every parameter off its initial value, so that a leak behind a zero-initialised gain shows.
    stream = torch.Generator().manual_seed(seed + 1)
    for parameter in layer.parameters():
        noise = torch.randn(parameter.shape, generator=stream)
        parameter.add_(noise * (0.05 + 0.1 * parameter.abs()))


def _call(
    layer: nn.Module, x: torch.Tensor, inputs: dict[str, torch.Tensor], call: Call, gradients: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    torch.manual_seed(call.seed)
    if not call.gradient:
        with torch.no_grad():
            for _ in range(call.repeats):
                y = layer(x)
        return {call.name: _numpy(y)} if isinstance(y, torch.Tensor) else {}
    x.requires_grad_()
    y = layer(x)
    if not isinstance(y, torch.Tensor):
        return {}
    if y.shape == x.shape:  # otherwise the parent will say so from the output itself
        torch.autograd.backward(y, inputs[call.gradient])
    for name, parameter in layer.named_parameters():
        if parameter.grad is not None:
            gradients[f"{call.name}/{name}"] = _numpy(parameter.grad)
    back = {} if x.grad is None else {f"{call.name}/input": _numpy(x.grad)}
    return {call.name: _numpy(y)} | back


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def run_score(folder: Path) -> None:
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
    return _numpy(torch.cat(parts))
