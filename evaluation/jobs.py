"""What the parent asks of a child, written as job.json into its folder. A job holds no target and no verdict."""

from typing import Literal

from evaluation.reports import Report
from evaluation.scales import Scale

CHILD = "evaluation.child"  # the module that every child runs
JOB_FILE = "job.json"
CANDIDATE_FILE = "candidate.py"
INPUTS_FILE = "inputs.safetensors"
OUTPUTS_FILE = "outputs.safetensors"
STATE_FILE = "state.safetensors"
GRADIENTS_FILE = "gradients.safetensors"
WEIGHTS_FILE = "weights.safetensors"
TEXT_FILE = "text.npy"

# Exit codes by which a child says how far it got; the parent takes them as a hint for the message only.
NO_CANDIDATE = 64
DESIGN_RAISED = 65
NOT_A_TENSOR = 66
NON_FINITE = 67


class Call(Report):
    """One forward call of a mixing layer, built afresh for it."""

    name: str  # of the output array
    input: str  # of the input array [B, T, D]; its dtype is also the layer's
    parameters: Literal["init", "jittered"] = "init"
    mode: Literal["eval", "train"] = "eval"
    seed: int = 0  # set just before the call, for layers that draw random numbers
    repeats: int = 1  # calls on the same layer; the last one is returned
    gradient: str = ""  # array [B, T, D] to back-propagate; "" for a forward call only


class CheckJob(Report):
    """Run one mixing layer on given inputs."""

    d_model: int
    n_heads: int
    seed: int
    calls: tuple[Call, ...]


class TrainJob(Report):
    """Train one model per task."""

    scale: Scale
    mlp_hidden: int
    seed: int


class Query(Report):
    """Logits of one trained task model at chosen positions."""

    name: str
    task: str
    tokens: str  # name of the input array [B, T]
    positions: str  # name of the input array [N, 2] of (row, column)


class ScoreJob(Report):
    """Run trained models on given inputs."""

    scale: Scale
    mlp_hidden: int
    queries: tuple[Query, ...]
