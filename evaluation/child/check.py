"""Checking work of a child: make the calls it was asked for on one mixing layer and write raw arrays."""

from pathlib import Path

import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file

from evaluation.candidate import design_raised, load_candidate, stop
from evaluation.child import meters
from evaluation.child.layer import Layers, numpy
from evaluation.child.losses import losses_left
from evaluation.child.routes import ROUTES, Answer
from evaluation.decoding import offers_decoding
from evaluation.jobs import (
    GRADIENTS_FILE,
    INPUTS_FILE,
    JOB_FILE,
    KEPT_FILE,
    NOT_A_TENSOR,
    NOTES_FILE,
    OUTPUTS_FILE,
    STATE_FILE,
    Call,
    CheckJob,
    Notes,
)


def run(folder: Path) -> None:
    """Make every call of a CheckJob; write what they gave, the layer's state, counts of work, notes."""
    job = CheckJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    inputs = load_file(folder / INPUTS_FILE)
    candidate = load_candidate(folder)
    try:
        layers = Layers(candidate, job)
    except Exception as error:
        design_raised(f"Candidate({job.d_model}, {job.n_heads})", error, folder)
    if layers.elements > job.most_elements:
        (folder / NOTES_FILE).write_text(Notes(elements=layers.elements).model_dump_json(), "utf-8")
        return
    try:
        layers.use(job.warm_calls)
    except Exception as error:
        design_raised("forward on two steps in train mode", error, folder)
    answer = Answer()
    raised: dict[str, str] = {}
    decoding = offers_decoding(layers.fresh("init", torch.float32))
    for call in job.calls:
        if call.route == "step" and not decoding:
            continue
        x = inputs[call.name]
        where = _where(call, x)
        try:
            _answer(layers, call, inputs, answer)
        except Exception as error:
            if not call.optional:
                design_raised(where, error, folder)
            raised[call.name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        else:
            if call.name not in answer.outputs:
                stop(NOT_A_TENSOR, f"{where} did not return a tensor; the contract wants one tensor [B, T, D].")
    try:
        counts, uncounted = meters.measure(layers, {name: inputs[name] for name in job.metered})
        losses = losses_left(layers.fresh("init", torch.float32).train(), inputs[job.calls[0].name])
    except Exception as error:
        design_raised("Forward and backward under the work meters", error, folder)
    notes = Notes(raised=raised, losses=losses, uncounted=uncounted, decoding=decoding)
    save_file(answer.outputs | counts, folder / OUTPUTS_FILE)
    save_file(answer.gradients, folder / GRADIENTS_FILE)
    save_file(answer.kept, folder / KEPT_FILE)
    save_file(layers.labelled_state(), folder / STATE_FILE)
    (folder / NOTES_FILE).write_text(notes.model_dump_json(), "utf-8")


def _where(call: Call, x: torch.Tensor) -> str:
    dtype = "bfloat16" if call.half else str(x.dtype).removeprefix("torch.")
    return f"{call.route} on x {list(x.shape)} {dtype} in {call.mode} mode"


def _answer(layers: Layers, call: Call, inputs: dict[str, torch.Tensor], answer: Answer) -> None:
    dtype = torch.bfloat16 if call.half else inputs[call.name].dtype
    with layers.precision(dtype):
        layer = layers.fresh(call.parameters, dtype).train(call.mode == "train")
        if call.advanced:
            layers.advance(layer)
        with torch.no_grad():
            for name in call.before:
                layer(inputs[name].to(dtype))
        torch.manual_seed(call.seed)
        ROUTES[call.route](layers, layer, call, inputs, answer)
    if call.kept:
        for name, parameter in layer.named_parameters():
            answer.kept[f"{call.name}/{name}"] = numpy(parameter)
