"""Rows of ASI-Arch's files, read leniently: a field that makes no sense is left out and complained of."""

import ast
import csv
import io
import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from archdb.records import Record

Complain = Callable[[str], None]
_SIZES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}
_NOTHING = ("", "none", "null", "nan")  # texts that stand for an absent value


def _or_nothing(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """The field, or None and a complaint. Complaints go where the validation's context says."""
    try:
        return read(None if isinstance(value, str) and value.strip().lower() in _NOTHING else value)
    except ValidationError as fault:
        shown = repr(value)[:60]
        complain: Complain = info.context  # type: ignore[assignment]  # typed as a dictionary, and may be anything
        complain(f"{info.field_name} {shown} is left out: {fault.errors()[0]['msg']}")
        return None


def _size(value: Any) -> Any:
    """474.88M as a number."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMB]?)\s*", value) if isinstance(value, str) else None
    return round(float(found[1]) * _SIZES[found[2]]) if found else value


def _dictionary(value: Any) -> Any:
    """A dictionary that was written as Python text."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as fault:
        raise ValueError("it is no Python dictionary") from fault


def _text(value: str) -> str:
    """JSON can name halves of signs, which are no text that could be stored."""
    value.encode()  # a UnicodeEncodeError is a ValueError
    return value


Text = Annotated[str, AfterValidator(_text)]
Lenient = WrapValidator(_or_nothing)
Index = Annotated[int, Field(ge=0, lt=10**9)]


class NodeRow(Record):
    """One row of tree.json. Without a usable ``index`` a row cannot be kept."""

    index: Index
    name: Annotated[Text | None, Lenient] = None
    name_new: Annotated[Text | None, Lenient] = None
    parent: Annotated[Index | None, Lenient] = None
    score: Annotated[float | None, Field(ge=0.0, le=3.0, allow_inf_nan=False), Lenient] = None


class GalleryRow(NodeRow):
    """One row of 106.json."""

    parameters: Annotated[
        Annotated[int, Field(gt=0, lt=10**15), BeforeValidator(_size)] | None,
        Lenient,
    ] = None
    result: Annotated[Annotated[dict[str, Any], BeforeValidator(_dictionary)] | None, Lenient] = None
    program: Annotated[Text | None, Lenient] = None
    motivation: Annotated[Text | None, Lenient] = None
    summary: Annotated[Text | None, Lenient] = None


def read_table(text: object, name: str, complain: Complain) -> dict[str, float | None]:
    """One row of numbers under its header, as pandas writes a frame of one row; None stands for nan.

    Args:
        text: the CSV; its first column holds names.
        name: whose row to take where there are several.
        complain: is told what could not be read.
    """
    if text is None:
        return {}
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(text)) if row] if isinstance(text, str) else []
        row = next((row for row in rows if row[0] == name), rows[0])
    except (ValueError, IndexError, csv.Error):
        complain(f"its table {str(text)[:40]!r} is left out: a header and a row of numbers are expected")
        return {}
    if len(row) != len(header):
        complain(f"its table is left out: {len(header)} columns, but {len(row)} cells")
        return {}
    found: dict[str, float | None] = {}
    for column, cell in zip(header[1:], row[1:], strict=True):
        try:
            value = float(cell or "nan")
        except ValueError:
            complain(f"the cell {cell[:40]!r} under {column[:40]!r} is left out: it is no number")
            continue
        if math.isinf(value):
            complain(f"the cell {cell[:40]!r} under {column[:40]!r} is left out: it is not finite")
        else:
            found[column] = None if math.isnan(value) else value
    return found
