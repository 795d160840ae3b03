"""What is recorded of a design's efficiency: a name, a title and a unit each. Never part of fitness.

A name that begins with ``claimed_`` is a number that only the design's own process could know: its claim. All others
were measured by the supervisor, on the operating system's or the driver's word.
"""

from typing import Literal

from evaluation.reports import Costs, Report

CLAIM = "claimed_"


class Measure(Report):
    """How to show one number."""

    title: str
    unit: str
    better: Literal["lower", "higher"] = "lower"


MEASURES: dict[str, Measure] = {
    "prefill_seconds": Measure(title="Prefill of the longest sequence", unit="s"),
    "prefill_exponent": Measure(title="Growth of prefill time with T", unit="exponent"),
    "prefill_tokens_per_second": Measure(title="Prefill throughput", unit="tokens/s", better="higher"),
    "decode_seconds": Measure(title="Decoding, one token", unit="s"),
    "decode_exponent": Measure(title="Growth of decoding time with T", unit="exponent"),
    "peak_bytes": Measure(title="Peak memory beyond the loaded model", unit="bytes"),
    "energy_joules_per_token": Measure(title="Energy of prefill", unit="J/token"),
    "training_tokens_per_second": Measure(title="Training throughput", unit="tokens/s", better="higher"),
    "training_peak_bytes": Measure(title="Peak memory of training", unit="bytes"),
    f"{CLAIM}flops_per_token": Measure(title="Forward work", unit="FLOPs/token"),
    f"{CLAIM}training_flops_per_token": Measure(title="Training work", unit="FLOPs/token"),
    f"{CLAIM}state_bytes_per_layer": Measure(title="Decoding state, one layer", unit="bytes"),
    f"{CLAIM}state_growth_per_token": Measure(title="Growth of the decoding state", unit="bytes/token"),
    f"{CLAIM}compiles": Measure(title="torch.compile takes the layer", unit="1 yes, 0 no", better="higher"),
    f"{CLAIM}gpu_peak_bytes": Measure(title="Peak memory on the GPU", unit="bytes"),
}


def claims(costs: Costs | None) -> dict[str, float]:
    """What a check counted, under the names above; what it could not count is left out."""
    told = costs.model_dump(exclude={"length"}) if costs is not None else {}
    return {f"{CLAIM}{name}": float(value) for name, value in told.items() if value is not None}


def of_training(tokens: int, cpu_seconds: float, peak_bytes: int) -> dict[str, float]:
    """What a finished training says: tokens per CPU-second, and the child's peak memory, libraries included."""
    found = {"training_peak_bytes": float(peak_bytes)}
    if cpu_seconds > 0:
        found["training_tokens_per_second"] = tokens / cpu_seconds
    return found
