"""A cassette as one file: the manifest's lines, a line for each text, and a last one that says that it is whole."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from archdb.blobs import get_text
from archdb.copies.cassettes import FORM, Cassette, check_head, lines_of, read_manifest
from archdb.copies.lines_file import check_end, line, read_line, read_lines, write_lines
from archdb.errors import CassetteUnusable
from archdb.store import Store


def write_cassette(store: Store, cassette: Cassette, file: Path) -> int:
    """Write a cassette whose texts the store has, as :func:`archdb.copies.lines_file.write_lines` does.

    Raises:
        CassetteUnusable: the file cannot be written.
        NotFound: a text is gone.
    """
    return write_lines(FORM, _lines(store, cassette), file)


def _lines(store: Store, cassette: Cassette) -> Iterator[str]:
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
    lines = read_lines(FORM, file)
    records = check_head(read_line(lines[0]))
    body, unchanged = check_end(FORM, lines)
    if not unchanged:
        raise CassetteUnusable("was changed after it was written: copy or export it again.")
    documents = [read_line(one) for one in body]
    texts = {str(one.get("sha256")): str(one.get("text")) for one in documents[1 + records :]}
    cassette = read_manifest(documents[: 1 + records])
    _check_texts(cassette, texts)
    return cassette, texts


def _check_texts(cassette: Cassette, texts: Mapping[str, str]) -> None:
    for digest in cassette.texts:
        if digest not in texts or hashlib.sha256(texts[digest].encode()).hexdigest() != digest:
            raise CassetteUnusable(f"is a damaged cassette (text {digest[:12]} is not in it): export it again.")
