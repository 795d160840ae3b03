"""Is output t a function of inputs 0..t alone? Two tests that miss different bugs, and together have few blind spots.

Perturbation: later inputs change, earlier outputs must not. Prefix: the output on the first c inputs must equal the
first c outputs on all of them, which also catches anything that depends on the total length. Both in float64, at the
initial and at jittered parameters (a leak behind a zero gain is invisible at first), in eval and train mode, plus one
long sequence for leaks that start at a length.
"""

from itertools import product
from typing import Literal

import numpy as np

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, failed, passed, warned
from evaluation.reports import Failure

_NAME = "causality"
_LENGTH, _ROWS, _CUTS = 97, 2, 5
_LONG = (1030, 1150)
_VARIANTS: tuple[tuple[Literal["init", "jittered"], Literal["eval", "train"]], ...] = tuple(
    product(("init", "jittered"), ("eval", "train"))
)


def ask(plan: Plan) -> None:
    """Draw inputs and cuts. Perturbed copies share one batch, so one call tests all cuts."""
    for parameters, mode in _VARIANTS:
        label = f"causality/{parameters}/{mode}"
        x = plan.draw(_ROWS, _LENGTH)
        cuts = _draw_cuts(plan, _LENGTH)
        stacked = np.concatenate([x] * len(cuts))
        perturbed = np.concatenate([_with_new_tail(plan, x, cut) for cut in cuts])
        plan.call(f"{label}/base", stacked, parameters=parameters, mode=mode, seed=1)
        plan.call(f"{label}/perturbed", perturbed, parameters=parameters, mode=mode, seed=1)
        if mode == "train":
            plan.call(f"{label}/reseeded", stacked, parameters=parameters, mode=mode, seed=2)
        for cut in cuts:
            plan.call(f"{label}/prefix{cut}", x[:, :cut], parameters=parameters, mode=mode, seed=1)
    length = int(plan.rng.integers(*_LONG))
    cut = int(plan.rng.integers(_LONG[0] - 20, length))
    x = plan.draw(1, length)
    plan.call("causality/long/base", x, parameters="jittered")
    plan.call("causality/long/perturbed", _with_new_tail(plan, x, cut), parameters="jittered")
    plan.call(f"causality/long/prefix{cut}", x[:, :cut], parameters="jittered")


def _draw_cuts(plan: Plan, length: int) -> list[int]:
    # 1 and length-1 always: first and last step are where off-by-one mistakes sit.
    middle = plan.rng.choice(np.arange(2, length - 1), size=_CUTS - 2, replace=False)
    return sorted({1, length - 1, *(int(cut) for cut in middle)})


def _with_new_tail(plan: Plan, x: np.ndarray, cut: int) -> np.ndarray:
    changed = x.copy()
    changed[:, cut:] = 5.0 * plan.draw(len(x), x.shape[1] - cut)
    return changed


def judge(results: Results) -> Judgement:
    """The largest relative difference over all variants decides."""
    worst, random_in_training = 0.0, False
    for label in [f"causality/{parameters}/{mode}" for parameters, mode in _VARIANTS] + ["causality/long"]:
        out = {
            name.removeprefix(f"{label}/"): array
            for name, array in results.outputs.items()
            if name.startswith(f"{label}/")
        }
        cuts = sorted(int(name.removeprefix("prefix")) for name in out if name.startswith("prefix"))
        rows = len(out["base"]) // len(cuts)
        noisy = "reseeded" in out and distance(out["base"], out["reseeded"]) > TOLERANCE
        random_in_training |= noisy
        for index, cut in enumerate(cuts):
            own = slice(index * rows, (index + 1) * rows)
            reference = out["base"][own, :cut]
            changed = distance(reference, out["perturbed"][own, :cut])
            if changed > TOLERANCE:
                return failed(_NAME, _perturbed_failure(label, cut, changed))
            # Random draws depend on the length, so a layer with dropout cannot be held to its prefix in train mode.
            shorter = 0.0 if noisy else distance(reference, out[f"prefix{cut}"])
            if shorter > TOLERANCE:
                return failed(_NAME, _prefix_failure(label, cut, out["base"].shape[1], shorter))
            worst = max(worst, changed, shorter)
    evidence = f"perturbed and truncated inputs agree to {worst:.0e}"
    if random_in_training:
        return warned(_NAME, f"{evidence}; random in train mode, so prefixes were compared in eval mode only", "")
    return passed(_NAME, evidence)


def _perturbed_failure(label: str, cut: int, size: float) -> Failure:
    return Failure(
        kind="not_causal",
        message=(
            f"Outputs before position {cut} change by {size:.1e} (relative) when inputs from position {cut} on change "
            f"({_words(label)})."
        ),
        remedy="Let output t read inputs 0..t only: check masks, shifts, padding side, and norms or means over time.",
    )


def _prefix_failure(label: str, cut: int, length: int, size: float) -> Failure:
    precision = size < 1e-5
    return Failure(
        kind="not_causal",
        message=(
            f"The first {cut} outputs differ by {size:.1e} (relative) between an input of {cut} and of {length} steps "
            f"({_words(label)})."
        ),
        remedy=(
            "Keep float64 inputs in float64 throughout (a cast to float32 inside looks like a small leak), and let "
            "nothing depend on the total length T."
            if precision
            else "Let nothing depend on the total length T: positions over T, sizes from T, statistics over time."
        ),
    )


def _words(label: str) -> str:
    parts = label.split("/")[1:]
    return "a long input" if parts == ["long"] else f"{parts[0]} parameters, {parts[1]} mode"
