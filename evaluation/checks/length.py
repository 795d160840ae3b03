"""Is the output on the first c inputs equal to the first c outputs on all of them?

If it is not, though later inputs have no influence, the layer depends on the total length T: positions over T, sizes
or numbers of scales that follow T, blocks counted from the end. Such a layer cannot decode, and sees how much follows.
"""

from evaluation.checks import variants
from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, failed, passed, warned

_NAME = "length"
_NOISE = 20.0  # two draws of a random layer's noise differ by less than this multiple of two others


def ask(plan: Plan) -> None:
    """One call for each cut, on the inputs of the causality test, which must have been planned before."""
    for variant in variants.of(plan):
        label, parameters, mode = variant.label, variant.parameters, variant.mode
        x = plan.drawn[label]
        plan.call(f"{label}/reseeded", x, parameters=parameters, mode=mode, seed=2, advanced=variant.advanced)
        for cut in plan.cuts[label]:
            name = f"{label}/prefix{cut}"
            plan.call(name, x[:1, :cut], parameters=parameters, mode=mode, seed=1, advanced=variant.advanced)


def judge(results: Results) -> Judgement:
    """Random layers are held to their own noise: draws differ with the length, so no more can be asked of them."""
    worst, loudest = 0.0, 0.0
    for variant in variants.of(results.plan):
        base = results.outputs[f"{variant.label}/base"]
        noise = distance(base, results.outputs[f"{variant.label}/reseeded"])
        loudest = max(loudest, noise)
        for cut in results.plan.cuts[variant.label]:
            shorter = distance(base[:1, :cut], results.outputs[f"{variant.label}/prefix{cut}"])
            if shorter > max(variant.tolerance, _NOISE * noise):
                return failed(
                    _NAME,
                    "length_dependent",
                    f"The first {cut} outputs differ by {shorter:.1e} (relative) between an input of {cut} and of "
                    f"{base.shape[1]} steps ({variant.words}).",
                    "Let nothing depend on the total length T: positions over T, sizes from T, statistics over time.",
                    worst=shorter,
                )
            worst = max(worst, 0.0 if variant.single or noise > TOLERANCE else shorter)
    evidence = f"prefixes give the outputs of the whole input to {worst:.0e}"
    if loudest > TOLERANCE:
        return warned(
            _NAME,
            f"{evidence}, where the layer draws no random numbers (noise up to {loudest:.0e})",
            "Compare runs of this layer over several seeds.",
            worst=worst,
        )
    return passed(_NAME, evidence, worst=worst)
