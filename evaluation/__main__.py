"""``python -m evaluation``: check, train and score one file by hand, unsandboxed. Exits with 0 only for success."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from evaluation import CheckReport, Progress, benchmark, check, plain_launch, train
from evaluation.corpus import CorpusError
from evaluation.jobs import WEIGHTS_FILE
from evaluation.reports import BenchmarkReport, TrainReport

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Evaluate one candidate file, unsandboxed.")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a Python file with class Candidate")]
ScaleName = Annotated[str, typer.Option("--scale", help="a scale that ships with evaluation")]
Seed = Annotated[int, typer.Option("--seed", min=0)]
Folder = Annotated[Path, typer.Option("--folder", help="where weights are kept")]
AsJson = Annotated[bool, typer.Option("--json", help="print the full report as JSON")]


@app.command("check")
def check_file(
    file: File, scale: ScaleName = "nano", folder: Folder = Path("evaluation-work"), json: AsJson = False
) -> None:
    """Decide whether a design may be trained."""
    _finish(_check(file, scale, folder), json)


@app.command("train")
def train_file(
    file: File,
    scale: ScaleName = "nano",
    seed: Seed = 1,
    folder: Folder = Path("evaluation-work"),
    json: AsJson = False,
) -> None:
    """Check a design, then train one seed and keep its weights."""
    _finish(_train(file, scale, seed, folder), json)


@app.command("benchmark")
def benchmark_file(
    file: File,
    scale: ScaleName = "nano",
    seed: Seed = 1,
    folder: Folder = Path("evaluation-work"),
    json: AsJson = False,
) -> None:
    """Check a design, then score the weights that `train` left in the folder."""
    checked = _stop_at_failure(_check(file, scale, folder), json)
    _finish(_benchmark(file, scale, seed, folder, checked), json)


@app.command("evaluate")
def evaluate_file(
    file: File,
    scale: ScaleName = "nano",
    seed: Seed = 1,
    folder: Folder = Path("evaluation-work"),
    json: AsJson = False,
) -> None:
    """Check, train and score one seed."""
    trained = _stop_at_failure(_train(file, scale, seed, folder), json)
    _finish(_benchmark(file, scale, seed, folder, trained), json)


def _check(file: Path, scale: str, folder: Path) -> CheckReport:
    return check(file.read_text("utf-8"), scale, folder, plain_launch)


def _train(file: Path, scale: str, seed: int, folder: Path) -> CheckReport | TrainReport:
    checked = _check(file, scale, folder)
    if checked.failure is not None:
        return checked
    source = file.read_text("utf-8")
    report = train(source, scale, seed, checked.mlp_hidden, folder, plain_launch, on_progress=_show)
    typer.echo(err=True)
    return report


def _benchmark(file: Path, scale: str, seed: int, folder: Path, found: CheckReport | TrainReport) -> BenchmarkReport:
    source = file.read_text("utf-8")
    return benchmark(source, scale, seed, found.mlp_hidden, folder / WEIGHTS_FILE, folder, plain_launch)


def _show(progress: Progress) -> None:
    where = f"{progress.task:12} step {progress.step:4}/{progress.steps}"
    typer.echo(f"\r{progress.fraction:4.0%}  {where}  loss {progress.loss:.3f}  ", nl=False, err=True)


def _stop_at_failure(report: CheckReport | TrainReport, as_json: bool) -> CheckReport | TrainReport:
    if report.failure is not None:
        _finish(report, as_json)
    return report


def _finish(report: CheckReport | TrainReport | BenchmarkReport, as_json: bool) -> NoReturn:
    typer.echo(report.model_dump_json(indent=2) if as_json else _summary(report))
    raise typer.Exit(0 if report.failure is None else 1)


def _summary(report: CheckReport | TrainReport | BenchmarkReport) -> str:
    lines = ["unsandboxed: the file ran with your own rights"]
    if not isinstance(report, TrainReport):
        lines += [f"{found.verdict:4}  {found.property}: {found.evidence}" for found in report.verdicts]
    if isinstance(report, BenchmarkReport):
        lines += [f"{name} {value:.4f}" for name, value in report.objectives.items()]
    elif report.failure is None:
        lines.append(
            f"{report.parameters} parameters, MLP width {report.mlp_hidden}, {report.cpu_seconds:.1f} CPU-seconds"
        )
    if report.failure is not None:
        lines += [f"{report.failure.kind}: {report.failure.message}", f"remedy: {report.failure.remedy}"]
    return "\n".join(lines)


def main() -> None:
    """Run the command line; a caller's mistake is one sentence, not a traceback."""
    try:
        app()
    except (ValueError, CorpusError) as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
