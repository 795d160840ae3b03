"""A dossier as one file: JSON lines, compressed, of which the last says that the file is whole.

Only a file that cannot be read at all is refused. One that was changed is read all the same: whoever verifies it wants
to know what was changed.
"""

from collections.abc import Iterator
from pathlib import Path

from archdb.audit import Anchor, Anchors
from archdb.copies.dossier import HELD, Dossier
from archdb.copies.lines_file import Form, check_end, line, read_line, read_lines, write_lines
from archdb.errors import DossierUnusable
from archdb.records import Body

VERSION = 1
FORM = Form("dossier", DossierUnusable)


def write_dossier(dossier: Dossier, file: Path) -> int:
    """Write a dossier as :func:`archdb.copies.lines_file.write_lines` does.

    Raises:
        DossierUnusable: the file cannot be written.
    """
    return write_lines(FORM, _lines(dossier), file)


def _lines(dossier: Dossier) -> Iterator[str]:
    counts = {collection: len(documents) for collection, documents in dossier.records.items()}
    counts |= {"events": len(dossier.events), "texts": len(dossier.texts)}
    until = None if dossier.anchors is None else dossier.anchors.until
    head = {"kind": "dossier", "version": VERSION, "campaign": dossier.name, "counts": counts, "anchored": until}
    yield line(head | {"manifest": dossier.manifest})
    yield line({"kind": "campaign", "record": dossier.campaign})
    for collection, documents in dossier.records.items():
        yield from (line({"kind": collection, "record": one}) for one in documents)
    yield from (line({"kind": "events", "record": one}) for one in dossier.events)
    if dossier.anchors is not None:
        yield from (line({"kind": "anchor", "record": one.model_dump()}) for one in dossier.anchors.found)
    for sha256, text in sorted(dossier.texts.items()):
        yield line({"kind": "text", "sha256": sha256, "text": text})


def read_dossier(file: Path) -> tuple[Dossier, list[str]]:
    """The dossier in a file, and in a sentence each what shows that the file is not as it was written.

    Raises:
        DossierUnusable: it cannot be read, is cut off, or is no dossier of this version.
    """
    try:
        return _read(file)
    except DossierUnusable as fault:
        raise DossierUnusable(f"{file} {fault}") from None


def _read(file: Path) -> tuple[Dossier, list[str]]:
    lines = read_lines(FORM, file)
    head = read_line(lines[0])
    if head.get("kind") != "dossier":
        raise FORM.none
    if head.get("version") != VERSION:
        raise DossierUnusable(
            f"is a dossier of version {head.get('version')}, and this archloop reads version {VERSION}: verify it with "
            "the archloop that wrote it."
        )
    body, unchanged = check_end(FORM, lines)
    wrong = []
    if not unchanged:
        wrong.append("The file was changed after it was written: its last line tells another hash of what is above.")
    try:
        dossier = _gathered(head, body[1:])
        counts = {str(kind): int(count) for kind, count in head["counts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise DossierUnusable(f"is a damaged dossier ({type(fault).__name__}): copy or export it again.") from None
    for kind, count in counts.items():
        found = len({"events": dossier.events, "texts": dossier.texts, **dossier.records}.get(kind, ()))
        if found != count:
            wrong.append(f"The first line counts {count} {kind.replace('_', ' ')}, and the file holds {found}.")
    return dossier, wrong


def _gathered(head: Body, lines: list[str]) -> Dossier:
    campaign: Body = {}
    held: dict[str, list[Body]] = {collection: [] for collection in HELD}
    events: list[Body] = []
    anchors: list[Anchor] = []
    texts: dict[str, str] = {}
    for one in map(read_line, lines):
        kind = one["kind"]
        if kind == "campaign":
            campaign = one["record"]
        elif kind == "events":
            events.append(one["record"])
        elif kind == "anchor":
            anchors.append(Anchor.model_validate(one["record"]))
        elif kind == "text":
            texts[one["sha256"]] = one["text"]
        else:
            held[kind].append(one["record"])
    until = head["anchored"]
    return Dossier(
        name=head["campaign"],
        manifest=head["manifest"],
        campaign=campaign,
        records=held,
        events=events,
        anchors=None if until is None else Anchors(found=tuple(anchors), until=until),
        texts=texts,
    )
