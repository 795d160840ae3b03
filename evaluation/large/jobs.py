"""What the parent asks of the children of a large scale, written as job.json into their folder."""

from typing import Literal

from evaluation.reports import Report
from evaluation.scales.large import LargeScale

CHILD = "evaluation.large.child"
CHECKPOINT_FILE = "checkpoint.safetensors"
TEXT = "text"  # the one task
IDENTITY = "identity"  # key in a checkpoint's header: which run it belongs to
TOKENS, TARGETS, LOSSES = "tokens", "targets", "losses"  # arrays of a LossesJob

Device = Literal["cuda", "cpu"]


class RunJob(Report):
    """Train one model on the shards of training text, which are all that this child is told of the dataset."""

    scale: LargeScale
    mlp_hidden: int
    seed: int
    device: Device
    workers: int
    micro_batch: int  # sequences
    shards: tuple[tuple[str, int], ...]  # path and tokens
    identity: str  # goes into every checkpoint


class LossesJob(Report):
    """Nats per token [R, T] that a trained model gives to targets [R, T] after tokens [R, T]."""

    scale: LargeScale
    mlp_hidden: int
    device: Device
    rows_at_once: int
