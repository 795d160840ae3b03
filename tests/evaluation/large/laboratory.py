"""A large scale small enough for a CPU in seconds, a dataset for it, and designs."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from evaluation import Launch, Limits, plain_launch
from evaluation.arrays import Array
from evaluation.data.prepare import prepare
from evaluation.large.ready import Ready, ready
from evaluation.large.reports import LargeTrainReport
from evaluation.large.training import train
from evaluation.scales.large import LargeScale, Run
from tests.evaluation.large.forked import forked_launch

LIMITS = Limits(wall_seconds=120, cpu_seconds=120, memory_bytes=4_000_000_000)
HIDDEN = 64
SCALE = LargeScale(
    name="small",
    title="for tests",
    d_model=32,
    n_heads=2,
    n_layers=2,
    vocabulary=257,
    mlp_hidden=HIDDEN,
    reference_parameters=40_000,
    weight_decay=0.1,
    clip=1.0,
    check=LIMITS,
    train=LIMITS,
    score=LIMITS,
    run=Run(
        length=32,
        batch=8,
        steps=8,
        micro_batch=8,
        precision="float32",
        parallel="ddp",
        learning_rate=3e-3,
        warmup=3,
        schedule="cosine",
        final_share=0.1,
        checkpoint_every=3,
        divergence_steps=3,
        divergence_margin=0.5,
        rows=6,
        prefix_rows=3,
    ),
)

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn

class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.inner = nn.Linear(d_model, d_model, bias=False)
        self.unused = nn.Parameter(torch.zeros(3))
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, x):
        h = self.inner(x)
"""
HONEST = HEAD + "        return h.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]\n"


def scale(**run: Any) -> LargeScale:
    """SCALE with another plan."""
    return SCALE.model_copy(update={"run": SCALE.run.model_copy(update=run)})


def dataset(folder: Path, documents: int = 300, vocabulary: int = 257) -> Path:
    """A prepared dataset of sentences that can be learnt a little."""
    rng = np.random.default_rng(7)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "two", "dogs", "run", "home"]
    lines = [json.dumps({"text": " ".join(rng.choice(words, 30).tolist())}) for _ in range(documents)]
    (folder / "raw.jsonl").write_text("\n".join(lines))
    prepare(str(folder / "raw.jsonl"), folder / "data", vocabulary, held_share=0.1, shard_tokens=7000)
    return folder / "data"


def made_ready(data: Path, chosen: LargeScale = SCALE, workers: int = 1) -> Ready:
    """Ready on a CPU."""
    found = ready(chosen, data, "cpu", workers, plain_launch)
    assert isinstance(found, Ready), found
    return found


def run(
    source: str,
    data: Path,
    folder: Path,
    chosen: LargeScale = SCALE,
    workers: int = 1,
    launch: Launch = forked_launch,
    **options: Any,
) -> LargeTrainReport:
    """Train with seed 3."""
    folder.mkdir(parents=True, exist_ok=True)
    return train(source, made_ready(data, chosen, workers), 3, HIDDEN, folder, launch, **options)


def furthest(one: dict[str, Array], other: dict[str, Array]) -> float:
    """The largest difference between two models' weights."""
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)
