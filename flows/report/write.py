"""Writing the report: index.html, which needs no other file, and the figures as PNG beside it.

An imported campaign has a page of its own, without PNG.
"""

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from archdb import Campaign, HomeUnusable, Store, describe_os_fault, home
from archdb.asi_arch import CAVEAT
from flows.report import wording
from flows.report.columns import as_design, columns, imported_columns, searched
from flows.report.contents import Contents, readable
from flows.report.drawings import draw_bar, draw_lineage, draw_losses, draw_progress
from flows.report.figures import draw_figures
from flows.report.gather import gather
from flows.report.imported import ImportedContents, gather_imported
from flows.report.imported_drawings import draw_published_curves, draw_score, draw_search, draw_tree, with_curves
from flows.report.markdown import render_markdown
from flows.report.packed import ROWS, WHOLE, chunked, pack
from flows.report.series import top_candidates
from flows.report.whole import (
    Table,
    Whole,
    csv_files,
    gather_whole,
    packed_whole,
    picture_whole,
    shown_whole,
    tables_of,
)
from flows.report_folder import report_folder

HERE = Path(__file__).parent


def write_report(store: Store, campaign: Campaign) -> Path:
    """Write the report of a campaign, finished or not, and return the absolute path of its index.html.

    Every file is replaced in one step, so a reader never sees half of one.

    Raises:
        HomeUnusable: the data folder cannot be written to.
        NotFound: a stored text is missing or damaged.
        ValueError: the campaign's domain cannot be imported.
    """
    if campaign.ranked_by:
        files = {"index.html": render_imported(gather_imported(store, campaign)).encode()}
    else:
        contents = gather(store, campaign)
        whole = gather_whole(store, campaign, contents)
        tables = tables_of(contents, whole)
        files = draw_figures(contents) | picture_whole(contents, whole) | csv_files(contents, tables)
        files["index.html"] = render_page(contents, whole, tables).encode()  # last: it is there only once all is
    folder = report_folder(campaign.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            _replace(folder / name, data)
    except OSError as fault:
        raise HomeUnusable(describe_os_fault(fault, home())) from fault
    return folder / "index.html"


def render_page(contents: Contents, whole: Whole, tables: Mapping[str, Table]) -> str:
    """The page as one HTML text. Its policy lets nothing be loaded, and only our own style and script be used.

    It carries the tables, which are made of the same contents. Of a large campaign most is packed, so that a browser
    lays out only what somebody looks at.
    """
    templates = _templates()
    small = len(contents.designs) <= WHOLE
    shown = {"it": contents, "dash": wording.DASH, "titles": {one.name: one.title for one in contents.yardsticks}}
    lineage = draw_lineage(contents)
    packed = [("columns", pack(columns(contents))), ("searched", pack(searched(contents.designs)))]
    packed += packed_whole(whole, tables)
    if not small:
        section, rows = templates.get_template("design.html"), templates.get_template("sections/leaderboard_rows.html")
        packed.append(("lineage", pack(lineage)))
        if len(contents.ranking) > ROWS:
            packed.append(("leaderboard", pack(rows.render(rows=contents.ranking[ROWS:], **shown))))
        packed += chunked([(one.anchor, section.render(one=one, **shown)) for one in contents.designs])
    return templates.get_template("page.html").render(
        losses=draw_losses(contents),
        top_designs=top_candidates(contents),
        lineage=lineage if small else "",
        progress=draw_progress(contents),
        small=small,
        first_rows=contents.ranking[:ROWS],
        packed=packed,
        **shown_whole(contents, whole, tables),
        **shown | _frame(),
    )


def render_imported(contents: ImportedContents) -> str:
    """The page of an imported campaign, under the same policy. It speaks of scores and never of fitness."""
    return (
        _templates()
        .get_template("imported.html")
        .render(
            it=contents,
            caveat=CAVEAT,
            losses=draw_published_curves(contents),
            top_designs=with_curves(contents),
            search=draw_search(contents),
            tree=draw_tree(contents),
            anchors={one.id: one.anchor for one in contents.designs},
            names={one.id: one.name for one in contents.designs},
            packed=[
                ("columns", pack(imported_columns(contents))),
                ("searched", pack(searched([as_design(one) for one in contents.designs]))),
            ],
            **_frame(),
        )
    )


def _frame() -> dict[str, str]:
    """What every page has: style, script, and the policy that lets nothing else in."""
    style = (HERE / "style.css").read_text(encoding="utf-8").strip()
    script = "\n".join(one.read_text(encoding="utf-8").strip() for one in sorted((HERE / "scripts").glob("*.js")))
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_hash(style)}; img-src data:; script-src "
    )
    return {
        "dash": wording.DASH,
        "policy": policy + _hash(script),
        "style": Markup(style),
        "script": Markup(script),
    }


def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {
        "number": wording.number,
        "amount": wording.amount,
        "signed": wording.signed,
        "small": wording.small,
        "duration": wording.duration,
        "mebibytes": wording.mebibytes,
        "moment": wording.moment,
        "markdown": render_markdown,
        "readable": readable,
        "bar": draw_bar,
        "score": draw_score,
    }
    return found


def _hash(text: str) -> str:
    """A source of the content security policy: exactly this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _replace(file: Path, data: bytes) -> None:
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(draft).chmod(0o644)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
