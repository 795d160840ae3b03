"""``archloop export``: what is recorded, for other tools: one design as a package, or all experiments as a table."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.cli.asked import AsJson, Refused, console_for, print_json

NO_LISTING = "Give either a design to export as a package, or --table FILE for all experiments: archloop export --help."


def export(
    experiment: Annotated[
        str | None,
        typer.Argument(
            help="A design, to be exported as a package: its id, its cycle's number or its name.", metavar="ID"
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="The package's folder; named after the id without this.", metavar="FOLDER"),
    ] = None,
    task: Annotated[str, typer.Option("--task", help="Which of the models that a training leaves.")] = "text",
    seed: Annotated[int | None, typer.Option("--seed", help="Whose weights; the first seed's without this.")] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train the design once more, confined, if its weights are gone.")
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="All experiments, a row each, as FILE.parquet or FILE.csv.", metavar="FILE"),
    ] = None,
    campaign: Annotated[
        list[str] | None,
        typer.Option("--campaign", "-c", help="The design's, `default` without this; of a table, only these."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one design as a package for Hugging Face's transformers, or every experiment as a table.

    `archloop export ID` writes a folder with the design's program, its trained weights, a tokenizer, and a card that
    says what is known of it. `AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=True)` loads it, without
    archloop, and runs a program that nobody may have read: docs/export.md. Nothing of it is run here.

    `archloop export --table FILE` writes scores, gains, costs, components, parents and reasons of failures. Read it
    with `pandas.read_parquet(FILE)`. Failed designs, ablations and repetitions on fresh seeds have rows, too: `kind`
    and `state` tell them apart.
    """
    if (experiment is None) == (table is None):
        raise Refused(NO_LISTING)
    console = console_for(as_json)
    if table is not None:
        if into is not None or seed is not None or retrain or task != "text":
            raise Refused("--into, --task, --seed and --retrain are for one design: give its ID instead of --table.")
        told = _write_table(console, table, campaign or [])
    else:
        told = _write_design(console, str(experiment), campaign or ["default"], into, task, seed, retrain)
    if as_json:
        print_json(told)


def _write_design(
    console: Console, name: str, campaigns: list[str], into: Path | None, task: str, seed: int | None, retrain: bool
) -> dict[str, object]:
    if len(campaigns) > 1:
        raise Refused("A design is of one campaign: give --campaign once.")
    from flows.cli.run import interruptible, start

    then = ", then waiting for a slot to train it once more (gpu-slot)" if retrain else ""
    with console.status(f"Reading what is known of it{then}") as status:
        if retrain:
            start()  # a training takes its turn at the Prefect server
        from archdb import find_experiment, open_store
        from evaluation import Progress
        from flows.export.design import export_design

        def show(progress: Progress) -> None:
            status.update(f"Training it once more: {progress.task}, {progress.fraction:.0%}")

        store = open_store()
        design = find_experiment(store, name, campaigns[0])
        folder = into if into is not None else Path(design.id)
        with interruptible():
            files = export_design(store, design, task, seed, folder, retrain, show)
    console.print(f"{folder}: {design.id} {design.name}, {len(files)} files", markup=False, highlight=False)
    console.print(
        f"Loading it with trust_remote_code runs {folder / 'candidate.py'}, which nobody may have read: read it first.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    return {"experiment": design.id, "folder": str(folder), "files": files}


def _write_table(console: Console, table: Path, campaigns: list[str]) -> dict[str, object]:
    from archdb import open_store
    from archdb.frame import experiments_table, write_table

    with console.status("Reading experiments"):
        rows = experiments_table(open_store(), campaigns)
    try:
        write_table(rows, table)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    except OSError as fault:
        raise Refused(f"{table} cannot be written ({fault.strerror or fault}): give another path.") from fault
    console.print(f"{table}: {len(rows)} experiments, {len(rows.columns)} columns", markup=False, highlight=False)
    return {"table": str(table), "experiments": len(rows), "columns": list(rows.columns)}
