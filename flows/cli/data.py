"""``archloop data prepare``: text into token shards, for the scales that train on a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.cli.asked import AsJson, Refused, console_for, print_json

if TYPE_CHECKING:
    from evaluation import Dataset

app = typer.Typer(no_args_is_help=True, help="Datasets for the scales that need a GPU.")


@app.callback()
def data() -> None:
    """Datasets for the scales that need a GPU."""


@app.command()
def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="A .txt, .jsonl, .jsonl.gz or .parquet file, a folder of them, or a Hugging Face dataset "
            "(NAME or NAME:CONFIGURATION).",
        ),
    ],
    into: Annotated[Path, typer.Option("--into", help="The folder to make.")],
    vocabulary: Annotated[int, typer.Option(help="Tokens: as many as the scale's model has; 257 for bytes.")] = 32_768,
    text_field: Annotated[str, typer.Option(help="The field or column that holds the text.")] = "text",
    held_share: Annotated[
        float, typer.Option(help="Share of the documents for validation, and as many again for hold-out.")
    ] = 0.01,
    as_json: AsJson = False,
) -> None:
    """Learn a vocabulary from SOURCE and write its tokens as train, validation and holdout shards."""
    from evaluation import prepare_data

    console = console_for(as_json)
    with console.status("Reading") as status:

        def show(doing: str, read: int) -> None:
            status.update(f"{doing.capitalize()}: {read / 1e6:,.0f} MB of text")

        try:
            dataset = prepare_data(source, into, vocabulary, text_field, held_share=held_share, on_progress=show)
        except ValueError as wrong:
            raise Refused(str(wrong)) from wrong
    if as_json:
        print_json(dataset.model_dump(mode="json"))
    else:
        _tell(console, dataset, into)


def _tell(console: Console, dataset: "Dataset", into: Path) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("part", "documents", "bytes", "tokens", "shards"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for name, part in dataset.parts.items():
        table.add_row(name, f"{part.documents:,}", f"{part.bytes:,}", f"{part.tokens:,}", str(len(part.shards)))
    console.print(table)
    if dataset.learnt < dataset.vocabulary:
        console.print(f"The text gave only {dataset.learnt} of {dataset.vocabulary} tokens: more text would give more.")
    console.print(f"Prepared in {into}", markup=False, highlight=False, soft_wrap=True)
