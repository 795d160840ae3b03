"""A report of the suite as lines of text."""

from evaluation.zero_shot.reports import TaskScore, ZeroShotReport


def lines_of(report: ZeroShotReport) -> list[str]:
    """A report in lines of text."""
    lines = [_line(score) for score in report.tasks]
    if report.tasks:
        lines.append(f"lm-eval {report.harness}, items from {report.data}")
        lines += [f"{score.title}: {score.reason}" for score in report.tasks if score.in_distribution]
        lines += [f"{found.verdict:4}  {found.property}: {found.evidence}" for found in report.verdicts]
    if report.failure is not None:
        lines += [f"{report.failure.kind}: {report.failure.message}", f"remedy: {report.failure.remedy}"]
    return lines


def _line(score: TaskScore) -> str:
    line = f"{score.title:14} {_share(score.accuracy, score.accuracy_stderr)}"
    if score.accuracy_norm is not None:
        line += f"  by characters {_share(score.accuracy_norm, score.accuracy_norm_stderr)}"
    line += f"  chance {score.chance:.1%}  {score.items} of {score.items_of_task} items"
    if score.perplexity is not None:
        line += f"  perplexity {score.perplexity:.1f}"
    if score.in_distribution:
        line += "  in-distribution, not zero-shot"
    if score.accuracy_clean is not None:
        line += f" ({score.accuracy_clean:.1%} on items not found in the training text)"
    return line


def _share(value: float, error: float | None) -> str:
    return f"{value:6.1%}" + (f" +- {error:.1%}" if error is not None else "")
