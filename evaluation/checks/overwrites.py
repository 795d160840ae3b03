"""Does forward change a parameter? Such a layer trains itself behind the optimiser's back, and forgets at reload."""

from evaluation.checks.plan import Judgement, Mode, Plan, Results, failed, passed

_NAME = "overwrites"
_MODES: tuple[Mode, ...] = ("eval", "train")


def ask(plan: Plan) -> None:
    """One forward and backward per mode; the child returns the parameters afterwards."""
    for mode in _MODES:
        plan.call(f"{_NAME}/{mode}", plan.draw(2, 97), mode=mode, gradient=plan.draw(2, 97), kept=True)


def judge(results: Results) -> Judgement:
    """Parameters must be the initial ones, to the bit."""
    for mode in _MODES:
        for name in results.parameter_names:
            before, after = results.state[f"parameter/{name}"], results.kept.get(f"{_NAME}/{mode}/{name}")
            if after is None or (before.astype(after.dtype) != after).any():
                return failed(
                    _NAME,
                    "overwrites_parameters",
                    f"forward changes the parameter {name} in {mode} mode.",
                    "Leave parameters to the optimiser: compute a normalised or clipped copy in forward instead.",
                )
    return passed(_NAME, "forward and backward leave every parameter as it was")
