"""What evaluation says about a design: frozen, typed, versioned records.

They are defined here once. archdb stores them as ``{schema, version, body}`` and never looks inside.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

FailureKind = Literal[
    "no_candidate",  # the file does not define the contract's class, or cannot be imported
    "reaches_out",  # the static gate refused the text
    "crashed",  # the design raised
    "invalid_output",  # what the child wrote is missing, malformed, forged or of the wrong shape
    "timed_out",  # the wall clock ran out
    "out_of_memory",
    "too_slow",  # more than the allowed multiple of the reference's compute time
    "non_finite",  # NaN or infinity in outputs, gradients, losses or weights
    "diverged",  # the loss rose lastingly above where it started
    "not_causal",
    "length_dependent",  # the output on a prefix changes with the length of what follows
    "mixes_samples",  # a sequence's output changes with the rest of its batch, or with the batch before
    "overwrites_parameters",
    "superlinear",  # work grows faster than T^1.3, or cannot be counted
    "wrong_step",  # native decoding differs from forward
    "wrong_shape",
    "too_many_parameters",  # the mixer leaves no room to match the reference's parameter count
    # Not the design's fault:
    "no_gpu",
    "no_corpus",  # nothing there, or nothing that can be read as text
    "corpus_too_short",
    "vocabulary_mismatch",  # the dataset has other tokens than the scale's model
    "damaged_corpus",  # a file of the dataset is not the one that was prepared
]


class Report(BaseModel):
    """Base of every record: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Failure(Report):
    """Why a design was rejected: one plain sentence each for what happened and what to do about it."""

    kind: FailureKind
    message: str
    remedy: str


class Verdict(Report):
    """One checked property of a design, with the evidence that decided it."""

    property: str
    verdict: Literal["pass", "warn", "fail"]
    evidence: str
    remedy: str = ""
    numbers: dict[str, FiniteFloat] = {}  # what was measured


class Costs(Report):
    """What a matched model costs at its scale's longest sequence. Counted in the design's process: its claim."""

    length: int  # tokens
    flops_per_token: FiniteFloat  # forward, in matrix products and convolutions, of the whole model
    training_flops_per_token: FiniteFloat  # forward and backward
    state_bytes_per_layer: int | None = None  # of one sequence in float32, after 135 steps; None: no decoding offered
    state_growth_per_token: FiniteFloat | None = None  # bytes; 0 for a state of constant size
    compiles: bool | None = None  # torch.compile takes the layer whole; None: not tried (it takes ten seconds)

    @property
    def sentence(self) -> str:
        """In words."""
        state = "no decoding state"
        if self.state_bytes_per_layer is not None:
            state = f"{self.state_bytes_per_layer} bytes of state a layer"
            if self.state_growth_per_token:
                state += f", {self.state_growth_per_token:.0f} more each token"
        return (
            f"{self.flops_per_token:.0f} FLOPs a token at T = {self.length}, {self.training_flops_per_token:.0f} with "
            f"backward; {state}"
        )


class CheckReport(Report):
    """Outcome of compile-check at one scale. ``failure`` is None exactly when the design may be trained."""

    version: int = 1
    scale: str
    tier: Literal["fast", "full"] = "fast"
    input_seed: int = 0  # of the inputs that the parent drew
    verdicts: tuple[Verdict, ...] = ()
    mixer_parameters: int = 0  # elements of one mixing layer's state dict, buffers included
    parameters: int = 0  # of the whole matched model
    reference_parameters: int = 0
    mlp_hidden: int = 0  # the MLP width that matches the reference's parameter count
    costs: Costs | None = None  # of a design that may be trained
    cpu_seconds: FiniteFloat = 0.0
    wall_seconds: FiniteFloat = 0.0
    sandbox: dict[str, str] = {}  # each isolation layer -> "on (detail)" or "off (reason)"
    failure: Failure | None = None


class TrainReport(Report):
    """One finished or failed training of one seed. Curves are the child's own words: display only, never a score."""

    version: int = 1
    scale: str
    seed: int
    parameters: int = 0  # counted by the parent in the returned weights
    mlp_hidden: int = 0
    tokens: int = 0
    cpu_seconds: FiniteFloat = 0.0  # of the training child, from the operating system
    wall_seconds: FiniteFloat = 0.0
    peak_bytes: int = 0
    weights_sha256: str = ""
    corpus: dict[str, str] = {}  # dataset name and sha256 per split
    curves: dict[str, tuple[tuple[int, FiniteFloat], ...]] = {}  # task -> ((step, streamed loss in nats), ...)
    started_at: FiniteFloat = 0.0  # seconds since the epoch
    sandbox: dict[str, str] = {}
    failure: Failure | None = None


class Efficiency(Report):
    """What a trained model costs to run on single sequences (evaluation.efficiency). Display only, never a score."""

    version: int = 1
    scale: str
    clock: Literal["cpu", "wall"]  # what seconds are: processor seconds of the child, or time that went by
    lengths: tuple[int, ...]  # tokens, of the sequences that prefill was timed on
    numbers: dict[str, FiniteFloat] = {}  # names as in evaluation.efficiency.MEASURES
    absent: dict[str, str] = {}  # what was not measured -> why
    cpu_seconds: FiniteFloat = 0.0  # that measuring took
    wall_seconds: FiniteFloat = 0.0


class BenchmarkReport(Report):
    """Scores of one trained seed, every one computed by the parent from logits that a fresh child returned."""

    version: int = 1
    scale: str
    seed: int
    split: Literal["validation", "holdout"] = "validation"
    objectives: dict[str, FiniteFloat] = {}  # evaluation.objectives_of the scale; enter fitness
    details: dict[str, FiniteFloat] = {}  # accuracy per difficulty, tokens per CPU-second, ...; shown, not scored
    corpus: dict[str, str] = {}  # dataset name and sha256 per split
    efficiency: Efficiency | None = None  # where it was measured
    weights_sha256: str = ""  # of what was scored
    verdicts: tuple[Verdict, ...] = ()  # causality re-checked on the trained weights
    cpu_seconds: FiniteFloat = 0.0
    wall_seconds: FiniteFloat = 0.0
    sandbox: dict[str, str] = {}
    failure: Failure | None = None


class Progress(Report):
    """One streamed line of a running training, for display only."""

    task: str
    step: int
    steps: int
    loss: float
    fraction: float  # of the whole training, 0..1
