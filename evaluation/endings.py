"""How a child's ending becomes a typed failure, with one sentence for what happened and one for what to do."""

import signal

from evaluation.jobs import DIVERGED, NO_CANDIDATE, NO_GPU, NON_FINITE, NOT_A_TENSOR, OUT_OF_MEMORY, REFUSED
from evaluation.launch import Exit, Limits
from evaluation.reports import Failure, FailureKind

_MEMORY_WORDS = ("MemoryError", "can't allocate memory", "Cannot allocate memory", "not enough memory")
_CODES: dict[int, tuple[FailureKind, str]] = {
    NO_CANDIDATE: (
        "no_candidate",
        "Define class Candidate(nn.Module) at the top level and make the file import cleanly.",
    ),
    NOT_A_TENSOR: ("wrong_shape", "Return one tensor of the input's shape [B, T, D] and dtype from forward."),
    REFUSED: (
        "reaches_out",
        "Compute with torch, einops, math and kernels on the input alone: a layer needs nothing else.",
    ),
    NON_FINITE: ("non_finite", "Bound decays, normalise keys or outputs, or start with smaller weights."),
    OUT_OF_MEMORY: (
        "out_of_memory",
        "Keep less per token: fewer or narrower branches, a smaller state, or a larger GPU.",
    ),
    DIVERGED: ("diverged", "Normalise queries, keys or outputs, bound decays, or start with smaller weights."),
    NO_GPU: ("no_gpu", "Run it on a machine with a GPU, or add --device cpu if you have the time."),
}


def failure_of(ending: Exit, limits: Limits, stage: str) -> Failure | None:
    """None if the child ended by itself with code 0; that alone is not success. ``stage`` names the work."""
    if ending.ended == "wall_clock":
        return Failure(
            kind="timed_out",
            message=f"The {stage} did not end within {limits.wall_seconds:g} s of wall clock.",
            remedy="Remove loops over time steps and waits; use the chunked operations in kernels.",
        )
    if ending.ended == "cpu" or ending.returncode == -signal.SIGXCPU:
        return Failure(
            kind="too_slow",
            message=f"The {stage} used more than the {limits.cpu_seconds:g} s of compute time allowed.",
            remedy="Make the layer cheaper: fewer branches, no loop over time, chunked operations from kernels.",
        )
    if ending.ended == "memory" or _looks_like_memory(ending):
        return Failure(
            kind="out_of_memory",
            message=f"The {stage} needed more than the {limits.memory_bytes / 1e9:.1f} GB of memory allowed.",
            remedy="Avoid tensors that grow with T squared or with T times the state; use chunked operations.",
        )
    if ending.ended == "output":
        return Failure(
            kind="invalid_output",
            message=f"The {stage} wrote more than the {limits.output_bytes} bytes allowed.",
            remedy="Do not print or write files from the layer.",
        )
    if ending.returncode == 0:
        return None
    kind, remedy = _CODES.get(ending.returncode, ("crashed", "Fix the line named in the message."))
    return Failure(kind=kind, message=_last_words(ending, stage), remedy=remedy)


def invalid(stage: str, reason: str) -> Failure:
    """The child ended well but what it wrote cannot be used."""
    return Failure(
        kind="invalid_output",
        message=f"The {stage} returned unusable results: {reason}",
        remedy="Do not end the process, write files or replace functions outside the layer.",
    )


def _looks_like_memory(ending: Exit) -> bool:
    if ending.returncode == -signal.SIGKILL and ending.ended == "exited":
        return True  # nobody here killed it: the system's out-of-memory killer did
    if ending.returncode in (REFUSED, OUT_OF_MEMORY):
        return False  # the first only quotes the design's text; the second tells the numbers itself
    return ending.returncode != 0 and any(word in ending.stderr_tail for word in _MEMORY_WORDS)


def _last_words(ending: Exit, stage: str) -> str:
    # A child's own words: kept to one printable line.
    printable = "".join(c if c.isprintable() else "\n" if c == "\n" else " " for c in ending.stderr_tail)
    lines = [line.strip() for line in printable.splitlines() if line.strip()]
    if lines:
        return lines[-1][:600]
    if ending.returncode < 0:
        return f"The {stage} was ended by signal {-ending.returncode}."
    return f"The {stage} ended with code {ending.returncode} and no message."
