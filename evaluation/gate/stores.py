"""Where a design assigns or deletes: only on what is its own."""

import ast
from typing import TYPE_CHECKING

from evaluation.gate.refused import Refused
from evaluation.gate.surface import Known
from evaluation.gate.words import ASSIGNABLE, METHODS, is_dunder

if TYPE_CHECKING:
    from evaluation.gate.reading import Reader


def write(reader: "Reader", node: ast.expr) -> None:
    """Judge the target of an assignment, a deletion, a loop or a with statement. Raises Refused."""
    match node:
        case ast.Name(id=name):
            if is_dunder(name) and name not in ASSIGNABLE:
                raise Refused(node.lineno, f"sets {name}, a double-underscore name that designs do not need")
            reader.name(name, node.lineno)
        case ast.Attribute(value=base, attr=name):
            store(reader, reader.expression(base, "base"), name, node.lineno)
        case ast.Subscript(value=base, slice=index):
            known = reader.expression(base, "type")
            if known:
                raise Refused(node.lineno, f"changes {known[0].name}, which is not the design's own")
            reader.expression(index)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                write(reader, part)
        case ast.Starred(value=part):
            write(reader, part)


def store(reader: "Reader", bases: list[Known], name: str, line: int) -> None:
    """Judge setting or deleting ``name`` on each of ``bases``, or on something unknown if there are none."""
    if bases:
        raise Refused(line, f"changes {bases[0].name}.{name}, which is not the design's own")
    if is_dunder(name):
        raise Refused(line, f"sets .{name}, a double-underscore name that designs do not need")
    if name in METHODS:
        raise Refused(line, f"replaces the method .{name} by assignment; define it in the class instead")
    reader.attribute_name(name, line)
