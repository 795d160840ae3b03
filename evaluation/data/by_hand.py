"""``python -m evaluation data prepare``: for a machine that has evaluation and kernels alone."""

import time
from pathlib import Path
from typing import Annotated

import typer

from evaluation.data.prepare import prepare
from evaluation.data.shards import Dataset

app = typer.Typer(no_args_is_help=True, help="Datasets for scales that need a GPU.")


@app.callback()
def data() -> None:
    """Datasets for scales that need a GPU."""


@app.command("prepare")
def prepare_source(
    source: Annotated[str, typer.Argument(help="a file or folder of text, jsonl or parquet, or a name on the Hub")],
    into: Annotated[Path, typer.Option("--into", help="the folder to make")],
    vocabulary: Annotated[int, typer.Option("--vocabulary", help="tokens; 257: bytes")] = 32_768,
    text_field: Annotated[str, typer.Option("--text-field", help="field or column that holds the text")] = "text",
    held_share: Annotated[float, typer.Option("--held-share", help="share of documents per held-out part")] = 0.01,
) -> None:
    """Turn text into token shards."""
    last = 0.0

    def show(doing: str, read: int) -> None:
        nonlocal last
        if time.monotonic() - last > 2:
            last = time.monotonic()
            typer.echo(f"\r{doing}: {read / 1e6:.0f} MB read  ", nl=False, err=True)

    dataset = prepare(source, into, vocabulary, text_field, held_share=held_share, on_progress=show)
    typer.echo(err=True)
    typer.echo("\n".join(described(dataset)))


def described(dataset: Dataset) -> list[str]:
    """A dataset in a few lines."""
    lines = [
        f"{name}: {part.documents} documents, {part.bytes} bytes, {part.tokens} tokens, {len(part.shards)} shards"
        for name, part in dataset.parts.items()
    ]
    if dataset.learnt < dataset.vocabulary:
        lines.append(f"the text gave only {dataset.learnt} of {dataset.vocabulary} tokens: more text would give more")
    return lines
