"""Serving work of a child: answer requests for prefill and decoding, one at a time, so that the parent can time them.

It is told of a sequence only when it is to work on it. What it answers proves that it did the work; the parent's clock
says how long that took.
"""

import base64
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from evaluation import decoding
from evaluation.candidate import describe, design_raised, load_candidate, stop
from evaluation.jobs import CANDIDATE_FILE, JOB_FILE, OUT_OF_MEMORY, WEIGHTS_FILE, Reply, Request, ServeJob
from evaluation.model import Model


def run(folder: Path) -> None:
    """Say that the model is ready, then answer every line of stdin until an empty one."""
    job = ServeJob.model_validate_json((folder / JOB_FILE).read_text("utf-8"))
    weights = load_file(folder / WEIGHTS_FILE)
    candidate = load_candidate(folder)
    try:
        model = Model(candidate, job.scale, job.mlp_hidden, seed=0)
        prefix = f"{job.task}."
        model.load_state_dict({n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)})
        model.to(job.device).eval()
        serving = _Serving(model, torch.device(job.device), folder)
        serving.say(Reply(number=0, decoding=serving.decoding))
        with open(0, closefd=False) as requests:
            for line in requests:
                if not line.strip():
                    break
                serving.say(serving.answer(Request.model_validate_json(line)))
    except torch.OutOfMemoryError as error:
        stop(OUT_OF_MEMORY, f"A long sequence does not fit into memory ({error}).")
    except Exception as error:
        design_raised("Running the trained model", error, folder)


class _Serving:
    def __init__(self, model: Model, device: torch.device, folder: Path) -> None:
        self.model, self.device, self.path = model, device, folder / CANDIDATE_FILE
        self.decoding = all(decoding.offers_decoding(layer.mixer) for layer in model.layers)
        self.state: decoding.State | None = None

    def say(self, reply: Reply) -> None:
        print(reply.model_dump_json(exclude_defaults=True), flush=True)

    @torch.no_grad()
    def answer(self, request: Request) -> Reply:
        """The logits that were asked for; zeros for an echo, which does everything else."""
        tokens = torch.from_numpy(np.frombuffer(base64.b64decode(request.tokens), dtype="<i4").astype(np.int64))
        places = torch.tensor(request.places, dtype=torch.int64)
        if request.kind == "echo":
            logits = torch.zeros(len(places), len(request.columns))
        elif request.kind == "prefill":
            read = self.model.hidden(tokens.to(self.device).unsqueeze(0))[0, places.to(self.device)]
            logits = self._logits(read, request)
        else:
            try:
                logits = self._logits(self._decoded(tokens, request), request)
            except Exception as error:  # a design without a working step can still be timed without
                return Reply(number=request.number, error=describe(error, self.path))
        peak = torch.cuda.max_memory_allocated() if self.device.type == "cuda" else 0
        told = base64.b64encode(np.ascontiguousarray(logits.numpy(), dtype="<f4").tobytes()).decode()
        return Reply(number=request.number, logits=told, gpu_peak_bytes=peak)

    def _logits(self, read: Tensor, request: Request) -> Tensor:
        return self.model.head(read)[:, list(request.columns)].float().cpu()

    def _decoded(self, tokens: Tensor, request: Request) -> Tensor:
        state = decoding.start(self.model, 1) if request.fresh or self.state is None else self.state
        wanted, kept = set(request.places), []
        for place, token in enumerate(tokens.to(self.device).split(1)):
            x, state = decoding.step(self.model, token, state)
            if place in wanted:
                kept.append(x[0])
        self.state = state
        return torch.stack(kept) if kept else self.model.smear.new_zeros(0, len(self.model.smear))
