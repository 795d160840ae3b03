"""Is output t a function of inputs 0..t alone? By gradient and by perturbation, which miss different bugs.

Perturbation: later inputs change, earlier outputs must not. Gradient: the outputs before a cut, weighted at random,
must have no gradient in the inputs from the cut on; it also sees a backward pass that leaks where forward does not.
Both in float64, and once in float32, the type of training, since a layer can tell the types apart. ``length.py``
adds the third test, on prefixes.
"""

import numpy as np

from evaluation.checks import variants
from evaluation.checks.plan import Floats, Judgement, Plan, Results, distance, failed, passed
from evaluation.checks.variants import Variant

_NAME = "causality"


def ask(plan: Plan) -> None:
    """One row for each cut, so that one call tests all cuts: batch independence has been tested before."""
    for variant in variants.of(plan):
        length = int(plan.rng.integers(variant.low, variant.high + 1))
        cuts = variants.draw_cuts(plan, variant, length)
        label, parameters, mode, ahead = variant.label, variant.parameters, variant.mode, variant.advanced
        plan.cuts[label] = cuts
        dtype = np.float32 if variant.single else np.float64
        x = np.concatenate([plan.draw(1, length).astype(dtype)] * len(cuts))
        tails = np.concatenate([variants.with_new_tail(plan, x[:1], cut) for cut in cuts])
        weights = plan.draw(len(cuts), length) * (np.arange(length)[:, None] < np.array(cuts)[:, None, None])
        plan.drawn[label] = x
        calls: tuple[tuple[str, Floats, Floats | None], ...] = (
            ("base", x, None),
            ("perturbed", tails, None),
            ("gradient", x, weights.astype(dtype)),
        )
        for name, given, gradient in calls:
            plan.call(
                f"{label}/{name}",
                given,
                parameters=parameters,
                mode=mode,
                seed=1,
                advanced=ahead,
                gradient=gradient,
            )


def judge(results: Results) -> Judgement:
    """The first cut that leaks rejects; the evidence names the largest difference of all."""
    worst = 0.0
    for variant in variants.of(results.plan):
        out = results.outputs
        base, perturbed = out[f"{variant.label}/base"], out[f"{variant.label}/perturbed"]
        gradient = out[f"{variant.label}/gradient/input"]
        for row, cut in enumerate(results.plan.cuts[variant.label]):
            changed = distance(base[row, :cut], perturbed[row, :cut])
            if changed > variant.tolerance:
                message = (
                    f"Outputs before position {cut} change by {changed:.1e} (relative) when inputs from there on do"
                )
                return _leak(message, variant, changed)
            ahead = np.abs(gradient[row, cut:]).max(initial=0.0)
            share = float(ahead / max(np.abs(gradient[row, :cut]).max(initial=0.0), 1e-30))
            if share > variant.tolerance:
                message = f"Outputs before position {cut} have a gradient in later inputs ({share:.1e} of the largest)"
                return _leak(message, variant, share)
            worst = max(worst, 0.0 if variant.single else max(changed, share))
    return passed(_NAME, f"later inputs change no output and get no gradient, to {worst:.0e}", worst=worst)


def _leak(message: str, variant: Variant, size: float) -> Judgement:
    remedy = "Let output t read inputs 0..t only: check masks, shifts, padding side, and norms or means over time."
    return failed(_NAME, "not_causal", f"{message} ({variant.words}).", remedy, worst=size)
