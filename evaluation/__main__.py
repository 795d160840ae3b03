"""``python -m evaluation``: check, train and score one file by hand, unsandboxed. Exits with 0 only for success."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from evaluation import MEASURES, CheckReport, Progress, benchmark, check, measure_efficiency, plain_launch, train
from evaluation.corpus import CorpusError
from evaluation.data.by_hand import app as data_app
from evaluation.jobs import WEIGHTS_FILE
from evaluation.large import by_hand
from evaluation.large.by_hand import Machine
from evaluation.large.jobs import Device
from evaluation.large.reports import LargeBenchmarkReport, LargeTrainReport
from evaluation.large.scoring import benchmark as benchmark_large
from evaluation.large.training import train as train_large
from evaluation.reports import BenchmarkReport, Failure, TrainReport
from evaluation.zero_shot.given_file import zero_shot_file
from evaluation.zero_shot.lines import lines_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Evaluate one candidate file, unsandboxed.")
app.add_typer(data_app, name="data")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a Python file with class Candidate")]
ScaleName = Annotated[str, typer.Option("--scale", help="a scale that ships with evaluation")]
Seed = Annotated[int, typer.Option("--seed", min=0)]
Folder = Annotated[Path, typer.Option("--folder", help="where weights and checkpoints are kept")]
AsJson = Annotated[bool, typer.Option("--json", help="print the full report as JSON")]
Data = Annotated[Path | None, typer.Option("--data", help="a prepared dataset, for scales that train on one")]
OnDevice = Annotated[Device, typer.Option("--device", help="where such a scale runs")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="its processes; 0: one per visible GPU")]
Measured = Annotated[bool, typer.Option("--efficiency", help="also measure latency, growth and memory")]
Resume = Annotated[bool, typer.Option("--resume", help="go on from the checkpoint in the folder, if there is one")]

_HERE = Path("evaluation-work")
_UNSANDBOXED = "unsandboxed: the file ran with your own rights"


@app.command("check")
def check_file(file: File, scale: ScaleName = "nano", folder: Folder = _HERE, json: AsJson = False) -> None:
    """Decide whether a design may be trained."""
    _finish(_check(file, scale, folder), json)


@app.command("train")
def train_file(
    file: File,
    scale: ScaleName = "nano",
    seed: Seed = 1,
    folder: Folder = _HERE,
    json: AsJson = False,
    data: Data = None,
    device: OnDevice = "cuda",
    workers: Workers = 0,
    resume: Resume = False,
) -> None:
    """Check a design, then train one seed and keep its weights."""
    machine = Machine(data=data, device=device, workers=workers, resume=resume)
    _finish(_train(file, scale, seed, folder, machine), json)


@app.command("benchmark")
def benchmark_file(
    file: File,
    scale: ScaleName = "nano",
    seed: Seed = 1,
    folder: Folder = _HERE,
    json: AsJson = False,
    data: Data = None,
    device: OnDevice = "cuda",
    efficiency: Measured = False,
) -> None:
    """Check a design, then score the weights that `train` left in the folder."""
    by_hand.is_large(scale, Machine(data=data))
    checked = _stop_at_failure(_check(file, scale, folder), json)
    _finish(_benchmark(file, scale, seed, folder, checked, Machine(data=data, device=device), efficiency), json)


@app.command("evaluate")
def evaluate_file(
    file: File,
    scale: ScaleName = "nano",
    seed: Seed = 1,
    folder: Folder = _HERE,
    json: AsJson = False,
    data: Data = None,
    device: OnDevice = "cuda",
    workers: Workers = 0,
    resume: Resume = False,
    efficiency: Measured = False,
) -> None:
    """Check, train and score one seed."""
    machine = Machine(data=data, device=device, workers=workers, resume=resume)
    trained = _stop_at_failure(_train(file, scale, seed, folder, machine), json)
    _finish(_benchmark(file, scale, seed, folder, trained, machine, efficiency), json)


@app.command("zero-shot")
def ask_file(
    file: File,
    scale: ScaleName = "20m",
    folder: Folder = _HERE,
    json: AsJson = False,
    data: Data = None,
    device: OnDevice = "cuda",
    tasks: Annotated[str, typer.Option("--tasks", help="names with commas between them; all if left out")] = "",
    limit: Annotated[int | None, typer.Option("--limit", help="first items of each task")] = None,
    trained_on: Annotated[str, typer.Option("--trained-on", help="tasks whose training split was trained on")] = "",
) -> None:
    """Check a design, then ask the weights that `train` left in the folder the tasks of the zero-shot suite."""
    report = zero_shot_file(
        file.read_text("utf-8"),
        scale,
        data,
        device,
        folder,
        plain_launch,
        tasks=tasks,
        limit=limit,
        trained_on=trained_on,
        told=lambda doing: typer.echo(f"\r{doing}  ", nl=False, err=True),
    )
    typer.echo(err=True)
    typer.echo(report.model_dump_json(indent=2) if json else "\n".join([_UNSANDBOXED, *lines_of(report)]))
    raise typer.Exit(0 if report.failure is None else 1)


def _check(file: Path, scale: str, folder: Path) -> CheckReport:
    return check(file.read_text("utf-8"), scale, folder, plain_launch)


def _train(file: Path, scale: str, seed: int, folder: Path, machine: Machine) -> CheckReport | TrainReport:
    large = by_hand.is_large(scale, machine)
    found = by_hand.made_ready(scale, machine) if large else None  # before the check, which takes longer
    if isinstance(found, Failure):
        return LargeTrainReport(scale=scale, seed=seed, device=machine.device, failure=found)
    checked = _check(file, scale, folder)
    if checked.failure is not None:
        return checked
    source = file.read_text("utf-8")
    report: TrainReport
    if found is not None:
        report = train_large(
            source, found, seed, checked.mlp_hidden, folder, plain_launch, resume=machine.resume, on_progress=_show
        )
    else:
        report = train(source, scale, seed, checked.mlp_hidden, folder, plain_launch, on_progress=_show)
    typer.echo(err=True)
    return report


def _benchmark(
    file: Path,
    scale: str,
    seed: int,
    folder: Path,
    found: CheckReport | TrainReport,
    machine: Machine,
    efficiency: bool,
) -> BenchmarkReport:
    source, weights = file.read_text("utf-8"), folder / WEIGHTS_FILE
    report: BenchmarkReport
    device: Device = "cpu"
    if machine.data is None:
        report = benchmark(source, scale, seed, found.mlp_hidden, weights, folder, plain_launch)
    else:
        made, device = by_hand.made_ready(scale, machine), machine.device
        if isinstance(made, Failure):
            return LargeBenchmarkReport(scale=scale, seed=seed, device=device, failure=made)
        report = benchmark_large(source, made, seed, found.mlp_hidden, weights, folder, plain_launch)
    if efficiency and report.failure is None:
        measured = measure_efficiency(source, scale, found.mlp_hidden, weights, folder, plain_launch, device)
        report = report.model_copy(update={"efficiency": measured})
    return report


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
    lines = [_UNSANDBOXED]
    if not isinstance(report, TrainReport):
        lines += [f"{found.verdict:4}  {found.property}: {found.evidence}" for found in report.verdicts]
    if isinstance(report, BenchmarkReport):
        lines += [f"{name} {value:.4f}" for name, value in report.objectives.items()]
        if report.efficiency is not None:
            numbers = report.efficiency.numbers.items()
            lines += [f"{MEASURES[name].title}: {value:.4g} {MEASURES[name].unit}" for name, value in numbers]
            lines += [f"{MEASURES[name].title}: not measured. {why}" for name, why in report.efficiency.absent.items()]
    elif report.failure is None:
        lines.append(
            f"{report.parameters} parameters, MLP width {report.mlp_hidden}, {report.cpu_seconds:.1f} CPU-seconds"
        )
    if isinstance(report, CheckReport) and report.costs is not None:
        lines.append(report.costs.sentence)
    if isinstance(report, LargeBenchmarkReport) and report.objectives:
        lines.append(f"losses computed by {report.scored_by}")
    if isinstance(report, LargeTrainReport) and report.failure is None:
        lines.append(
            f"{report.tokens} tokens, {report.epochs:.2f} epochs, in {report.wall_seconds:.0f} s on {report.workers} x "
            f"{report.device}, micro-batch {report.micro_batch}"
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
