"""A dossier as one file: JSON lines, compressed, of which the last says that the file is whole.

Only a file that cannot be read at all is refused. One that was changed is read all the same: whoever verifies it wants
to know what was changed.
"""

import gzip
import hashlib
import json
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from archdb.audit import Anchor, Anchors
from archdb.cassettes import line
from archdb.dossier import HELD, Dossier
from archdb.errors import DossierUnusable
from archdb.records import Body

VERSION = 1
CUT = "is a dossier that is cut off: copy or export it again."
NONE = "is no dossier: give a file that `archloop dossier export` wrote."


def write_dossier(dossier: Dossier, file: Path) -> int:
    """Write a dossier, compressed as the name's end says (.gz, .xz, else not at all). Returns its bytes.

    The same dossier gives the same bytes. The file replaces one of that name once it is whole.

    Raises:
        DossierUnusable: the file cannot be written.
    """
    body = "".join(f"{one}\n" for one in _lines(dossier))
    end = {"kind": "end", "lines": body.count("\n"), "sha256": hashlib.sha256(body.encode()).hexdigest()}
    data = f"{body}{line(end)}\n".encode()
    if file.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif file.suffix == ".xz":
        data = lzma.compress(data, preset=6)
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    except OSError as fault:
        raise DossierUnusable(f"{file} cannot be written ({fault.strerror or fault}): give another path.") from None
    return len(data)


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
    text = _text(file)
    first, *rest = text.split("\n")
    head = _read_line(first)
    if head.get("kind") != "dossier":
        raise DossierUnusable(NONE)
    if head.get("version") != VERSION:
        raise DossierUnusable(
            f"is a dossier of version {head.get('version')}, and this archloop reads version {VERSION}: verify it with "
            "the archloop that wrote it."
        )
    if len(rest) < 2 or rest[-1] or _read_line(rest[-2]).get("kind") != "end":
        raise DossierUnusable(CUT)
    end, written = _read_line(rest[-2]), text[: len(text) - len(rest[-2]) - 1]
    wrong = []
    if end.get("lines") != len(rest) - 1 or end.get("sha256") != hashlib.sha256(written.encode()).hexdigest():
        wrong.append("The file was changed after it was written: its last line tells another hash of what is above.")
    try:
        dossier = _gathered(head, rest[:-2])
    except (ValidationError, KeyError, TypeError, AttributeError) as fault:
        raise DossierUnusable(f"is a damaged dossier ({type(fault).__name__}): copy or export it again.") from None
    for kind, count in head["counts"].items():
        found = len({"events": dossier.events, "texts": dossier.texts, **dossier.records}.get(kind, ()))
        if found != count:
            wrong.append(f"The first line counts {count} {kind.replace('_', ' ')}, and the file holds {found}.")
    return dossier, wrong


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        elif data[:6] == b"\xfd7zXZ\x00":
            data = lzma.decompress(data)
        return data.decode()
    except (EOFError, zlib.error, lzma.LZMAError):
        raise DossierUnusable(CUT) from None
    except OSError as fault:
        raise DossierUnusable(f"cannot be read ({fault.strerror or fault}): give the path of a dossier.") from None
    except UnicodeDecodeError:
        raise DossierUnusable(NONE) from None


def _gathered(head: Body, lines: list[str]) -> Dossier:
    campaign: Body = {}
    held: dict[str, list[Body]] = {collection: [] for collection in HELD}
    events: list[Body] = []
    anchors: list[Anchor] = []
    texts: dict[str, str] = {}
    for one in map(_read_line, lines):
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


def _read_line(text: str) -> Body:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
