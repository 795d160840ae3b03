"""Scales that need a GPU: one text task on a prepared dataset, spread over ranks."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from evaluation.launch import Limits
from evaluation.reports import Report
from evaluation.scales.frame import Frame


class Run(Report):
    """One training run. ``batch`` is global: ranks and micro-batches cut it up and change nothing but the time."""

    length: PositiveInt  # tokens that a sequence predicts
    batch: PositiveInt  # sequences per step, over all ranks
    steps: PositiveInt
    micro_batch: PositiveInt  # most sequences that one rank computes at once; halved once if memory runs out
    precision: Literal["bf16", "float32"]  # of the arithmetic; weights and optimiser are always float32
    parallel: Literal["ddp", "fsdp2"]  # how several ranks hold the model: each whole, or each a share
    learning_rate: PositiveFloat
    warmup: PositiveInt  # steps of linear rise
    schedule: Literal["cosine", "hold"]  # after the rise: fall along a cosine, or hold and fall over the last half
    final_share: float = Field(ge=0, le=1)  # of the learning rate, at the last step
    checkpoint_every: PositiveInt  # steps
    divergence_steps: PositiveInt  # the run ends as diverged when over so many last steps ...
    divergence_margin: PositiveFloat  # ... the mean loss lies so many nats above the first step's
    rows: PositiveInt  # windows of ``length`` held-out tokens to score
    prefix_rows: PositiveInt  # of these, asked again without their future


class LargeScale(Frame):
    """One rung of the ladder that trains on token shards."""

    run: Run
    train: Limits
    score: Limits

    @property
    def length(self) -> int:
        """Tokens that a sequence predicts."""
        return self.run.length

    @property
    def tokens(self) -> int:
        """Training tokens, targets counted once."""
        return self.run.steps * self.run.batch * self.run.length
