"""A cassette as one file: the manifest's lines, a line for each text, and a last one that says that it is whole."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from archdb.blobs import get_text
from archdb.cassettes import Cassette, check_head, line, lines_of, read_manifest
from archdb.errors import CassetteUnusable
from archdb.records import Body
from archdb.store import Store

CUT = "is a cassette that is cut off: copy or export it again."


def write_cassette(store: Store, cassette: Cassette, file: Path) -> int:
    """Write a cassette whose texts the store has. The same one gives the same bytes. Returns how many those are.

    The file is gzipped if its name ends in .gz. It replaces one of that name once it is whole.

    Raises:
        CassetteUnusable: the file cannot be written.
        NotFound: a text is gone.
    """
    data = "".join(_whole(store, cassette)).encode()
    data = gzip.compress(data, mtime=0) if file.suffix == ".gz" else data
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    except OSError as fault:
        raise CassetteUnusable(f"{file} cannot be written ({fault.strerror}): give another path.") from None
    return len(data)


def _whole(store: Store, cassette: Cassette) -> Iterator[str]:
    seen, count = hashlib.sha256(), 0
    for one in _parts(store, cassette):
        seen.update(f"{one}\n".encode())
        count += 1
        yield f"{one}\n"
    yield line({"kind": "end", "lines": count, "sha256": seen.hexdigest()}) + "\n"


def _parts(store: Store, cassette: Cassette) -> Iterator[str]:
    yield from lines_of(cassette)
    for digest in cassette.texts:
        yield line({"kind": "text", "sha256": digest, "text": get_text(store, digest)})


def read_cassette(file: Path) -> tuple[Cassette, dict[str, str]]:
    """The cassette in a file, and its texts by sha256.

    Raises:
        CassetteUnusable: in one sentence, why it cannot be used.
    """
    try:
        return _read(file)
    except CassetteUnusable as fault:
        raise CassetteUnusable(f"{file} {fault}") from None


def _read(file: Path) -> tuple[Cassette, dict[str, str]]:
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    except OSError as fault:
        raise CassetteUnusable(f"cannot be read ({fault.strerror or fault}): give the path of a cassette.") from None
    except (EOFError, zlib.error):
        raise CassetteUnusable(CUT) from None
    except UnicodeDecodeError:
        raise CassetteUnusable("is no cassette: give a file that `archloop cassette export` wrote.") from None
    head, *rest = text.split("\n")
    records = check_head(_read_line(head))
    if len(rest) < 2 or rest[-1] or _read_line(rest[-2]).get("kind") != "end":
        raise CassetteUnusable(CUT)
    body, end = rest[:-2], _read_line(rest[-2])
    written = text[: len(text) - len(rest[-2]) - 1]
    if end.get("lines") != 1 + len(body) or end.get("sha256") != hashlib.sha256(written.encode()).hexdigest():
        raise CassetteUnusable("was changed after it was written: copy or export it again.")
    documents = [_read_line(one) for one in (head, *body)]
    texts = {str(one.get("sha256")): str(one.get("text")) for one in documents[1 + records :]}
    cassette = read_manifest(documents[: 1 + records])
    _check_texts(cassette, texts)
    return cassette, texts


def _read_line(text: str) -> Body:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _check_texts(cassette: Cassette, texts: Mapping[str, str]) -> None:
    for digest in cassette.texts:
        if digest not in texts or hashlib.sha256(texts[digest].encode()).hexdigest() != digest:
            raise CassetteUnusable(f"is a damaged cassette (text {digest[:12]} is not in it): export it again.")
