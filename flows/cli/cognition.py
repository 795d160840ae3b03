"""``archloop cognition``: look the literature and the findings up, and add to them."""

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from flows.cli.asked import AsJson, Refused, console_for, print_json

if TYPE_CHECKING:
    from archdb.cognition import Hit

app = typer.Typer(no_args_is_help=True, help="The cognition base: papers and the laboratory's own findings.")
Wanted = Literal["papers", "findings", "all"]
LONGEST = 300  # characters of a hit that are shown


@app.callback()
def cognition() -> None:
    """The cognition base: papers and the laboratory's own findings."""


@app.command()
def search(
    query: Annotated[str, typer.Argument(help='What fails, in plain words: "recall drops when keys are correlated".')],
    limit: Annotated[int, typer.Option(min=1, help="The most hits to show.")] = 5,
    among: Annotated[Wanted, typer.Option(help="What to look among.")] = "all",
    campaign: Annotated[str | None, typer.Option("--campaign", "-c", help="Leave findings of others out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the papers and findings that fit a failing experiment, and say why each came."""
    from archdb import open_store
    from archdb.cognition import index_cognition
    from archdb.cognition import search as look_up

    console = console_for(as_json)
    with console.status("Looking"):
        index_cognition(open_store())
        kind: Literal["paper", "finding"] | None = None
        if among != "all":
            kind = "paper" if among == "papers" else "finding"
        hits = look_up(query, limit=limit, kind=kind, campaign=campaign)
    if as_json:
        print_json([hit.model_dump(mode="json") for hit in hits])
        return
    for rank, hit in enumerate(hits, 1):
        title = hit.title if hit.kind == "paper" else f"A finding of {', '.join(hit.evidence[:4])}"
        console.print(f"{rank}. [bold]{escape(title)}[/]  {escape(hit.id)}", highlight=False)
        console.print(f"   {escape(_why(hit))}", highlight=False)
        shown = " ".join(hit.text.removeprefix(hit.title if hit.kind == "paper" else "").split()).strip(". ")
        console.print(f"   {escape(shorten(shown, LONGEST, placeholder=' ...'))}\n", style="dim", highlight=False)
    if not hits:
        console.print("Nothing fits: other words may.")


def _why(hit: "Hit") -> str:
    parts = []
    if hit.words_rank is not None:
        named = f" ({', '.join(hit.words[:8])})" if hit.words else ""
        parts.append(f"number {hit.words_rank} by words{named}")
    if hit.meaning_rank is not None:
        parts.append(f"number {hit.meaning_rank} by meaning (cosine {hit.similarity:.2f})")
    if hit.kind == "finding":
        parts.append(f"backed by {len(hit.evidence)} experiments, weight {hit.weight:.2f}")
    return "; ".join(parts)


@app.command()
def add(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Paper files (.toml), cognition files of ASI-Arch (.json), or folders of them."),
    ],
    as_json: AsJson = False,
) -> None:
    """Add papers, your own or ASI-Arch's. Adding the same again changes nothing; a changed one replaces its entry."""
    from archdb import Conflict, Malformed, open_store
    from archdb.cognition import add_entries, paper_entry, read_asi_arch, read_paper

    console = console_for(as_json)
    files = sorted(file for path in paths for file in _files(path))
    if not files:
        raise Refused(f"There is no .toml or .json file in {', '.join(map(str, paths))}.")
    entries, malformed = [], []
    for file in files:
        try:
            if file.suffix == ".toml":
                entries.append(paper_entry(read_paper(file), file.name))
            else:
                entries += read_asi_arch(file)
        except (Conflict, Malformed) as fault:
            malformed.append(str(fault))
    if malformed and len(files) == 1:
        raise Refused(malformed[0])
    with console.status(f"Adding {len(entries)} entries"):
        added = add_entries(open_store(), entries)
    if as_json:
        print_json(added.model_dump(mode="json") | {"malformed": malformed})
        return
    console.print(
        f"{len(added.new)} new, {len(added.changed)} changed, {len(added.same)} as they were.", highlight=False
    )
    for sentence in malformed:
        console.print(f"Left out: {escape(sentence)}", highlight=False)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.rglob("*") if file.suffix in (".toml", ".json")]
    if not path.exists():
        raise Refused(f"There is no {path}: name a file or a folder.")
    return [path]
