"""Documents from where text lies: text files, JSON lines, Parquet, or a dataset on the Hugging Face Hub.

All are streams: nothing is ever held whole, and a second pass reads the same documents in the same order.
"""

import gzip
import importlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from evaluation.data.faults import DataError

# A text file is cut at empty lines into documents of about this many characters, because one book must not lie on one
# side of the split as a whole; without any empty line, at the end of a line.
PIECE = 16_384
_SUFFIXES = (".txt", ".jsonl", ".jsonl.gz", ".parquet")


def documents(source: str, text_field: str) -> Iterator[str]:
    """Non-empty documents of ``source``: a file, a folder of files (with its subfolders), or NAME or NAME:CONFIGURATION
    of a dataset on the Hub (its train split).

    ``text_field`` is the field of JSON lines, or the column, that holds the text. Raises DataError.
    """
    path = Path(source).expanduser()
    found = _from_files(path, text_field) if path.exists() else _from_hub(source, text_field)
    return (text for text in map(_encodable, found) if text.strip())


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # JSON can spell halves of surrogate pairs, which are no text


def _from_files(path: Path, text_field: str) -> Iterator[str]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [file for file in files if file.name.endswith(_SUFFIXES) and file.is_file()]
    if not files:
        raise DataError(
            "no_corpus",
            f"There is no {', '.join(_SUFFIXES)} in {path}.",
            "Give a text, JSON lines or Parquet file, or a folder of them.",
        )
    for file in files:
        if file.name.endswith(".txt"):
            yield from _pieces(file)
        elif file.name.endswith(".parquet"):
            yield from _rows(file, text_field)
        else:
            yield from _json_lines(file, text_field)


def _pieces(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        piece: list[str] = []
        size = 0
        for line in _bounded(lines):
            piece.append(line)
            size += len(line)
            if size >= PIECE and (not line.strip() or size >= 4 * PIECE):
                yield "".join(piece)
                piece, size = [], 0
        yield "".join(piece)


def _bounded(lines: TextIO) -> Iterator[str]:
    # A file may be one line of gigabytes.
    while line := lines.readline(4 * PIECE):
        yield line


def _json_lines(file: Path, text_field: str) -> Iterator[str]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as lines:
        try:
            for number in itertools.count(1):
                line = lines.readline()
                if not line:
                    return
                if line.strip():
                    yield _field(json.loads(line), text_field, f"line {number} of {file}")
        except (ValueError, EOFError, OSError, RecursionError) as error:
            raise DataError(
                "no_corpus",
                f"Line {number} of {file} is not JSON in UTF-8 ({type(error).__name__}).",
                "Write one JSON object a line, or mend the file.",
            ) from error


def _rows(file: Path, text_field: str) -> Iterator[str]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(
            "no_corpus", f"Reading {file} needs the package pyarrow.", "Run pip install pyarrow, or give JSON lines."
        ) from error
    try:
        table = parquet.ParquetFile(file)
        columns = table.schema_arrow.names
        if text_field not in columns:
            raise DataError(
                "no_corpus",
                f"{file} has no column {text_field!r} but {', '.join(columns)}.",
                "Name the column that holds the text with --text-field.",
            )
        for batch in table.iter_batches(batch_size=1024, columns=[text_field]):
            for value in batch.column(0).to_pylist():
                yield _text(value, text_field, f"a row of {file}")
    except (OSError, ValueError, NotImplementedError) as error:  # what pyarrow raises for a file derives from these
        raise DataError(
            "no_corpus", f"{file} is not a Parquet file that can be read ({error}).", "Mend or remove it."
        ) from error


def _from_hub(source: str, text_field: str) -> Iterator[str]:
    name, _, configuration = source.partition(":")
    if name.startswith((".", "/", "~")) or name.endswith(_SUFFIXES):
        raise DataError("no_corpus", f"{source} does not exist.", "Give the path of a file or folder that does.")
    try:
        load = importlib.import_module("datasets").load_dataset
    except ImportError as error:
        raise DataError(
            "no_corpus",
            f"{source} is no file or folder here, and the package datasets, which would look for it on the Hugging "
            "Face Hub, is not installed.",
            "Mend the path, or run pip install datasets on a machine with a network.",
        ) from error
    try:
        rows: Iterable[Any] = load(name, configuration or None, split="train", streaming=True)
        for number, row in enumerate(rows, 1):
            yield _field(row, text_field, f"row {number} of {source}")
    except DataError:
        raise
    except Exception as error:  # of the network, the Hub or the dataset's own format: no common base
        raise DataError(
            "no_corpus",
            f"The dataset {source} cannot be streamed from the Hub ({' '.join(str(error).split())[:300]}).",
            "Check its name and the network, or give a local folder of text.",
        ) from error


def _field(row: Any, text_field: str, where: str) -> str:
    if not isinstance(row, dict) or text_field not in row:
        known = ", ".join(map(str, row)) if isinstance(row, dict) else "no fields"
        raise DataError(
            "no_corpus",
            f"There is no field {text_field!r} in {where}, but {known[:200]}.",
            "Name the field that holds the text with --text-field.",
        )
    return _text(row[text_field], text_field, where)


def _text(value: Any, text_field: str, where: str) -> str:
    if value is None:
        return ""  # a null is no document
    if not isinstance(value, str):
        raise DataError(
            "no_corpus",
            f"The field {text_field!r} of {where} is {type(value).__name__}, not text.",
            "Name the field that holds the text with --text-field.",
        )
    return value
