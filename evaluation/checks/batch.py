"""Does a sequence's output depend on the others in its batch? Asked first: a scan over the batch looks acausal too."""

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, failed, passed
from evaluation.reports import Failure

_NAME = "batch"


def ask(plan: Plan) -> None:
    """Three sequences together, then the middle one alone, then all in another order."""
    x = plan.draw(3, 97)
    plan.call("batch/together", x, parameters="jittered")
    plan.call("batch/alone", x[1:2], parameters="jittered")
    plan.call("batch/permuted", x[[2, 0, 1]], parameters="jittered")


def judge(results: Results) -> Judgement:
    """Alone, together and permuted must agree."""
    out = results.outputs
    together = out["batch/together"]
    worst = max(
        distance(together[1:2], out["batch/alone"]),
        distance(together[[2, 0, 1]], out["batch/permuted"]),
    )
    if worst > TOLERANCE:
        return failed(
            _NAME,
            Failure(
                kind="not_causal",
                message=f"The output of a sequence changes with the rest of its batch (by {worst:.1e} relative).",
                remedy="Never reduce, normalise, shift or scan over the batch dimension.",
            ),
        )
    return passed(_NAME, f"sequences are independent to {worst:.0e}")
