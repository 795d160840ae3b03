"""``archloop import asi-arch PATH``: what ASI-Arch published, as a campaign to browse and to draw parents from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.cli.asked import AsJson, Refused, console_for, print_json

if TYPE_CHECKING:
    from archdb.asi_arch import Imported, Release

MOST_SHOWN = 20  # malformed rows on a terminal; --json has all

app = typer.Typer(no_args_is_help=True, help="Bring results in that others published.")


@app.callback()
def importing() -> None:
    """Bring results in that others published."""


@app.command("asi-arch")
def asi_arch(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A clone of GAIR-NLP/ASI-Arch, or a folder with its data.")
    ],
    campaign: Annotated[str, typer.Option("--campaign", "-c", help="The name of the campaign to make.")] = "asi-arch",
    as_json: AsJson = False,
) -> None:
    """Keep ASI-Arch's published designs as a campaign. Importing again adds only what is missing."""
    from archdb import open_store
    from archdb.asi_arch import import_release, read_release
    from flows.settings import check_name

    try:
        check_name(campaign)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    console = console_for(as_json)
    release = read_release(path)
    with console.status("Starting the store") as status:
        store = open_store()
        total = len(release.nodes)
        done = import_release(
            store, release, campaign, lambda count: status.update(f"Keeping designs: {count:,} of {total:,}")
        )
    if as_json:
        print_json(_summary(release, done))
    else:
        _tell(console, release, done)


def _summary(release: "Release", done: "Imported") -> dict[str, Any]:
    from archdb.asi_arch import CAVEAT

    return {
        "campaign": done.campaign,
        "files": list(release.files),
        "counts": counts(release),
        "missing": missing(release),
        "added": done.added,
        "completed": done.completed,
        "differing": list(done.differing),
        "malformed": [one.sentence for one in release.malformed],
        "scores": CAVEAT,
    }


def counts(release: "Release") -> dict[str, int]:
    """How much of what there is in the release."""
    gallery = [one for one in release.nodes if one.result.gallery]
    return {
        "nodes": len(release.nodes),
        "scores": sum(one.score is not None for one in release.nodes),
        "gallery": len(gallery),
        "curves": sum(bool(one.result.curve) for one in gallery),
        "cut_curves": sum(bool(one.result.curve_nan) for one in gallery),
        "benchmarks": sum(bool(one.result.benchmarks) for one in gallery),
        "programs": sum(one.program is not None for one in gallery),
        "motivations": sum(one.motivation is not None for one in gallery),
        "summaries": sum(one.summary is not None for one in gallery),
    }


def missing(release: "Release") -> list[str]:
    """What the release does not have, or this copy of it, in sentences."""
    had = counts(release)
    rest, gallery = had["nodes"] - had["gallery"], had["gallery"]
    told = []
    if rest:
        told.append(f"{_designs(rest)} with neither program, curve nor benchmark results: they were not published.")
    if not gallery:
        return [*told, "No gallery file (106.json or gallery-results.json) is beside tree.json: clone ASI-Arch for it."]
    texts = [name for name in ("programs", "motivations", "summaries") if not had[name]]
    if texts:
        told.append(
            f"{', '.join(texts).capitalize()}: 0 of {gallery:,}. This copy of the release leaves the text fields out: "
            "import a clone of github.com/GAIR-NLP/ASI-Arch under the same name to add them."
        )
    for name in ("curves", "benchmarks", "programs", "motivations", "summaries"):
        if 0 < had[name] < gallery or (had[name] == 0 and name in ("curves", "benchmarks")):
            told.append(f"{name.capitalize()}: {had[name]:,} of {gallery:,} gallery designs.")
    if had["cut_curves"]:
        told.append(f"{_designs(had['cut_curves'])} with losses that were published as nan: the curve leaves them out.")
    nan = sorted({name for one in release.nodes for name in one.result.benchmarks_nan})
    if nan:
        told.append(f"Benchmarks that are nan in some design or in all: {', '.join(nan)}.")
    return told


def _designs(count: int) -> str:
    return f"{count:,} design{'' if count == 1 else 's'}"


def _tell(console: Console, release: "Release", done: "Imported") -> None:
    from archdb.asi_arch import CAVEAT

    had = counts(release)
    lines = [
        f"{done.campaign}: {had['nodes']:,} designs, {had['gallery']:,} of them in the gallery, with "
        f"{had['curves']:,} loss curves, {had['benchmarks']:,} rows of benchmarks and {had['programs']:,} programs.",
        f"{done.added:,} designs were added and {done.completed:,} completed; "
        f"{had['nodes'] - done.added - done.completed:,} were there already.",
        "Missing:",
        *(f"  {one}" for one in missing(release)),
    ]
    if done.differing:
        shown = ", ".join(done.differing[:5]) + (", ..." if len(done.differing) > 5 else "")
        lines.append(
            f"{_designs(len(done.differing))} had another score or parent when they were imported first, and stay as "
            f"they are ({shown}): give this copy a campaign of its own with --campaign NAME."
        )
    lines.append(f"Malformed rows: {len(release.malformed) or 'none'}.")
    lines += [f"  {one.sentence}" for one in release.malformed[:MOST_SHOWN]]
    if len(release.malformed) > MOST_SHOWN:
        lines.append(f"  and {len(release.malformed) - MOST_SHOWN:,} more: --json lists all.")
    lines += [
        CAVEAT,
        f"Look at it with `archloop leaderboard -c {done.campaign}` and `archloop report -c {done.campaign}`.",
    ]
    if had["programs"]:
        lines.append(
            f"`archloop run -c NAME --parents-from {done.campaign}` lets a new campaign improve its programs, "
            f"`archloop evaluate ID` trains one."
        )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
