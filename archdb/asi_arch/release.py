"""ASI-Arch's released files, in both layouts: a clone's ``data/tree.json`` and ``data/106.json``, or a folder with
``tree.json`` and ``gallery-results.json`` (the same list without its text fields).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from archdb.asi_arch.family import paths_of
from archdb.asi_arch.result import ImportedResult
from archdb.asi_arch.rows import Complain, GalleryRow, NodeRow, read_table
from archdb.errors import ArchiveError
from archdb.records import Record

Row = TypeVar("Row", bound=NodeRow)

TREE, GALLERIES = "tree.json", ("106.json", "gallery-results.json")


class NotARelease(ArchiveError):
    """The path does not lead to ASI-Arch's files, or one of them cannot be read."""


class Malformed(Record):
    """Something in a row that could not be taken as it is."""

    file: str
    row: int  # from 1
    why: str

    @property
    def sentence(self) -> str:
        return f"{self.file}, row {self.row}: {self.why}."


class Node(Record):
    """One design of the release."""

    name: str
    score: float | None
    path: tuple[int, ...]  # indexes of its ancestors, root first
    result: ImportedResult
    program: str | None = None
    motivation: str | None = None
    summary: str | None = None


class Release(Record):
    """Everything that was read, parents before their children."""

    files: tuple[str, ...]
    nodes: tuple[Node, ...]
    malformed: tuple[Malformed, ...]


def read_release(path: Path) -> Release:
    """Read a clone of ASI-Arch's repository, its data folder, or a folder with its data.

    Raises:
        NotARelease: there is no tree.json, or a file is not a JSON list. One sentence with the remedy.
    """
    folder = next((one for one in (path / "data", path) if (one / TREE).is_file()), None)
    if folder is None:
        raise NotARelease(
            f"{path} holds no {TREE} of ASI-Arch's release: give a clone of github.com/GAIR-NLP/ASI-Arch, its data "
            f"folder, or a folder with {TREE} and {GALLERIES[1]}."
        )
    files = [folder / TREE, *(folder / one for one in GALLERIES if (folder / one).is_file())][:2]
    malformed: list[Malformed] = []

    def complain(file: Path, row: int, why: str) -> None:
        malformed.append(Malformed(file=file.name, row=row, why=why))

    rows = dict(_known(_rows(files[0]), NodeRow, partial(complain, files[0])))
    places = {row.index: place for place, row in rows.items()}
    gallery: dict[int, tuple[GalleryRow, Complain]] = {}
    for file in files[1:]:
        for place, row in _known(_rows(file), GalleryRow, partial(complain, file)):
            told = partial(complain, file, place)
            if row.index in places:
                gallery[row.index] = row, told
                _compare(rows[places[row.index]], row, told)
            else:
                told(f"its index {row.index} is no node of the tree, so it is left out")
    paths = paths_of(
        {row.index: row.parent for row in rows.values()}, lambda index, why: complain(files[0], places[index], why)
    )
    nodes = [
        _node(row, paths[row.index], partial(complain, files[0], place), *gallery.get(row.index, (None, None)))
        for place, row in rows.items()
    ]
    nodes.sort(key=lambda one: (len(one.path), one.result.index))
    order = [file.name for file in files]
    malformed.sort(key=lambda one: (order.index(one.file), one.row))
    return Release(files=tuple(map(str, files)), nodes=tuple(nodes), malformed=tuple(malformed))


def _rows(file: Path) -> list[Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise NotARelease(f"{file} cannot be read ({reason}): mend it, or clone ASI-Arch anew.") from fault
    if text.startswith("version https://git-lfs"):
        raise NotARelease(f"{file} is a pointer of Git LFS instead of the file: run `git lfs pull` in the clone.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise NotARelease(f"{file} is not JSON ({fault}): clone ASI-Arch anew.") from fault
    rows = found.get("results") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise NotARelease(f"{file} is neither a list of rows nor has one under `results`: clone ASI-Arch anew.")
    return rows


def _known(rows: Iterable[Any], record: type[Row], complain: Callable[[int, str], None]) -> Iterator[tuple[int, Row]]:
    """(place from 1, row) of rows with an index of their own."""
    seen: dict[int, int] = {}
    for place, given in enumerate(rows, 1):
        try:
            row = record.model_validate(given, context=partial(complain, place))
        except ValidationError as fault:
            first = fault.errors()[0]
            where = " ".join(map(str, first["loc"])) or "it"
            complain(place, f"it is left out, since {where} cannot be read ({first['msg']})")
            continue
        if row.index in seen:
            complain(place, f"it is left out, since row {seen[row.index]} has its index {row.index} already")
            continue
        seen[row.index] = place
        yield place, row


def _compare(node: NodeRow, row: GalleryRow, complain: Complain) -> None:
    """The tree has the word; a gallery that says otherwise is told."""
    for field in ("score", "parent"):
        ours, theirs = getattr(node, field), getattr(row, field)
        if theirs is not None and ours != theirs:
            complain(f"its {field} is {theirs}, but {ours} in the tree, which is kept")


def _node(
    row: NodeRow, path: tuple[int, ...], complain: Complain, more: GalleryRow | None, about: Complain | None
) -> Node:
    given = row.name_new or row.name
    name = "".join(sign if sign.isprintable() else "?" for sign in given) if given else f"node {row.index}"
    if not given:
        complain(f"it has no name, so it is called {name}")
    if row.score is None:
        complain("it has no score")
    if more is None or about is None:
        return Node(
            name=name, score=row.score, path=path, result=ImportedResult(index=row.index, name=row.name or name)
        )
    result = more.result or {}
    curve = _steps(read_table(result.get("train"), row.name or "", about), about)
    benchmarks = _accuracies(read_table(result.get("test"), row.name or "", about), about)
    kept = ImportedResult(
        index=row.index,
        name=row.name or name,
        gallery=True,
        parameters=more.parameters,
        curve=tuple((step, loss) for step, loss in curve.items() if loss is not None),
        curve_nan=tuple(step for step, loss in curve.items() if loss is None),
        benchmarks={name: value for name, value in benchmarks.items() if value is not None},
        benchmarks_nan=tuple(name for name, value in benchmarks.items() if value is None),
    )
    texts = more.model_dump(include={"program", "motivation", "summary"})
    return Node(name=name, score=row.score, path=path, result=kept, **texts)


def _steps(table: dict[str, float | None], complain: Complain) -> dict[int, float | None]:
    found: dict[int, float | None] = {}
    for column, loss in table.items():
        if column.isdecimal() and column.isascii() and len(column) < 10:
            found[int(column)] = loss
        else:
            complain(f"the column {column[:40]!r} of its curve is left out: it is no training step")
    return dict(sorted(found.items()))


def _accuracies(table: dict[str, float | None], complain: Complain) -> dict[str, float | None]:
    """Columns whose names can be fields of a document."""
    found: dict[str, float | None] = {}
    for column, value in table.items():
        if column.isidentifier() and column.isascii():
            found[column] = value
        else:
            complain(f"the benchmark {column[:40]!r} is left out: its name is no plain word")
    return found
