"""Does a layer that was saved and loaded again compute the same? Buffers that are not saved say no."""

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, passed, warned

_NAME = "checkpoint"
LOUD = 4  # one row is so many times larger: what is remembered may be a threshold that usual inputs do not reach


def ask(plan: Plan) -> None:
    """A used layer's state dict goes into a new layer, built with other random numbers."""
    used = {"earlier": plan.draw(1, 33), "later": plan.draw(1, 33)}
    x = plan.draw(2, 97)
    x[1] *= LOUD
    plan.call(_NAME, x, parameters="jittered", mode="train", route="restored", before=used, optional=True)


def judge(results: Results) -> Judgement:
    """A difference, or a state dict that does not load, is a warning."""
    if _NAME in results.notes.raised:
        return warned(
            _NAME,
            f"a new layer does not load the state dict of a used one: {results.notes.raised[_NAME]}.",
            "Register everything that is learnt or remembered as a parameter or persistent buffer of fixed shape.",
        )
    size = distance(results.outputs[f"{_NAME}/before"], results.outputs[_NAME])
    if size > TOLERANCE:
        return warned(
            _NAME,
            f"after saving and loading, the output differs by {size:.1e} (relative).",
            "Register everything that is learnt, drawn or remembered as a parameter or persistent buffer.",
            difference=size,
        )
    return passed(_NAME, f"a loaded layer gives the saved one's output to {size:.0e}", difference=size)
