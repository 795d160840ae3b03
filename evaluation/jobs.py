"""What the parent asks of a child, written as job.json into its folder. A job holds no target and no verdict."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from evaluation.reports import Report
from evaluation.scales import Scale
from evaluation.scales.large import LargeScale

CHILD = "evaluation.child"  # the module that every child runs
JOB_FILE = "job.json"
CANDIDATE_FILE = "candidate.py"
INPUTS_FILE = "inputs.safetensors"
OUTPUTS_FILE = "outputs.safetensors"
STATE_FILE = "state.safetensors"
GRADIENTS_FILE = "gradients.safetensors"
KEPT_FILE = "kept.safetensors"
NOTES_FILE = "notes.json"
WEIGHTS_FILE = "weights.safetensors"
TEXT_FILE = "text.npy"

# Exit codes by which a child says how far it got; the parent takes them as a hint for the message only.
NO_CANDIDATE = 64
DESIGN_RAISED = 65
NOT_A_TENSOR = 66
NON_FINITE = 67
REFUSED = 68
OUT_OF_MEMORY = 69
DIVERGED = 70
NO_GPU = 71


Route = Literal[
    "forward",  # the layer's forward
    "step",  # token by token through init_state and step
    "restored",  # forward of a new layer that was given the state dict of a used one; also "NAME/before", without that
    "compiled",  # forward through torch.compile(fullgraph=True)
    "exported",  # forward through torch.export
    "masked",  # another contract's attention mask [B, T]: the array "NAME/mask"
    "cached",  # another contract's cached decoding: the array "NAME/split" holds the prefix's length
]


class Call(Report):
    """One call of a mixing layer, built afresh for it."""

    name: str  # of the output array, and of the input array [B, T, D], whose dtype is also the layer's
    parameters: Literal["init", "jittered"] = "init"
    mode: Literal["eval", "train"] = "eval"
    route: Route = "forward"
    seed: int = 0  # set just before the call, for layers that draw random numbers
    before: tuple[str, ...] = ()  # input arrays that the same layer runs on first
    advanced: bool = False  # numbers that the layer counts up from call to call are set far ahead first
    half: bool = False  # layer and input in bfloat16, output as float32
    gradient: Literal["", "input", "all"] = ""  # back-propagate "NAME/gradient" [B, T, D]; return "NAME/input", or all
    kept: bool = False  # also return every parameter after the call, in KEPT_FILE
    optional: bool = False  # an exception is a finding for the notes, not the end of the child


class CheckJob(Report):
    """Run one mixing layer on given inputs."""

    d_model: int
    n_heads: int
    seed: int
    calls: tuple[Call, ...]
    warm_calls: int = 0  # on tiny inputs, before all others: for what starts after many calls in one process
    most_elements: int = 2**62  # of the state dict; the child of a larger layer says so and does nothing else
    metered: tuple[str, ...] = ()  # input arrays [1, T, D] whose forward and backward work is counted


class Notes(Report):
    """What a child tells in words beside its arrays: untrusted, so it can only lead to warnings."""

    raised: dict[str, str] = Field(default_factory=dict)  # optional call -> exception
    losses: tuple[str, ...] = ()  # attributes that hold a differentiable value after forward
    uncounted: tuple[str, ...] = ()  # operators whose work has no formula
    decoding: bool = False  # init_state and step are there
    elements: int = 0  # of the state dict, if there are more than were asked for


class TrainJob(Report):
    """Train one model per task. ``checkpoints``: shares of every task's steps after which weights are kept as well."""

    scale: Scale
    mlp_hidden: int
    seed: int
    checkpoints: tuple[float, ...] = ()


def checkpoint_file(number: int) -> str:
    """Where a child writes the weights of one checkpoint, counted from 0."""
    return f"checkpoint-{number}.safetensors"


def checkpoint_steps(steps: int, shares: Sequence[float]) -> list[int]:
    """After how many of ``steps`` steps each checkpoint is taken: at least one, and never more than there are."""
    return [min(steps, max(1, round(share * steps))) for share in shares]


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


class ServeJob(Report):
    """Answer a parent's requests with a trained model, one line each, until an empty one."""

    scale: Scale | LargeScale
    mlp_hidden: int
    task: str  # whose weights to use
    device: Literal["cpu", "cuda"]


class Request(Report):
    """One line to a serving child. ``decode`` goes on where the last one ended, unless it is ``fresh``."""

    number: int  # the reply repeats it
    kind: Literal["echo", "prefill", "decode"]
    tokens: str  # [T] little-endian int32, base64
    places: tuple[int, ...]  # where among these tokens logits are wanted
    columns: tuple[int, ...]  # and for which symbols
    fresh: bool = False


class Reply(Report):
    """One line back. The first, with number 0, comes unasked when the model is ready."""

    number: int
    logits: str = ""  # [places, columns] little-endian float32, base64
    error: str = ""  # what the design raised
    decoding: bool = False  # init_state and step are there
    gpu_peak_bytes: int = 0  # by torch's word, since the model was ready
