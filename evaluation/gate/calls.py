"""Calls whose meaning is in their arguments: getattr and its kin, type(x), "...".format, torch.compile."""

import ast
import string
from typing import TYPE_CHECKING

from evaluation.gate.refused import Refused
from evaluation.gate.stores import store
from evaluation.gate.surface import Known
from evaluation.gate.words import safe_computed

if TYPE_CHECKING:
    from evaluation.gate.reading import Reader

_TAKE_TYPES = ("isinstance", "issubclass", "print", "repr", "str")  # builtins that may be given type(x)
_BACKENDS = ("inductor", "eager", "aot_eager")


def read(reader: "Reader", node: ast.Call) -> list[Known]:
    """Judge a call. Returns the real objects that its result may be, which only getattr gives. Raises Refused."""
    name = _builtin(reader, node.func)
    if name in ("getattr", "hasattr", "setattr", "delattr"):
        return _attribute_call(reader, node, name)
    if name == "type":
        raise Refused(node.lineno, "uses type() other than to compare or name a type, and a class could be changed so")
    if name != "super":
        inner = type_argument(reader, node.func)  # type(x)(...)
        known = reader.expression(inner) if inner is not None else reader.expression(node.func, "type")
        compiles = isinstance(node.func, ast.Attribute) and node.func.attr == "compile"
        if compiles or any(one.name.endswith(".compile") for one in known):
            _require_known_backend(node)
    kinds = name in ("isinstance", "issubclass")
    for number, argument in enumerate(node.args):
        inner = type_argument(reader, argument) if name in _TAKE_TYPES else None
        reader.expression(inner or argument, "type" if kinds and number else "value")
    reader.many([keyword.value for keyword in node.keywords])
    return []


def type_argument(reader: "Reader", node: ast.expr) -> ast.expr | None:
    """x if ``node`` is type(x)."""
    if isinstance(node, ast.Call) and _builtin(reader, node.func) == "type" and len(node.args) == 1:
        return None if node.keywords or isinstance(node.args[0], ast.Starred) else node.args[0]
    return None


def require_plain_format(node: ast.Attribute) -> None:
    """Refuse str.format unless the text is written out and reads no attribute or item that could lead anywhere."""
    text = node.value.value if isinstance(node.value, ast.Constant) else None
    if node.attr == "format_map" or not isinstance(text, str):
        raise Refused(node.lineno, f"uses .{node.attr}, by which a text can read any attribute; write an f-string")
    _require_plain_fields(text, node.lineno)


def _require_plain_fields(text: str, line: int) -> None:
    for _, field, spec, _ in string.Formatter().parse(text):
        if field is not None and ("." in field or "[" in field):
            raise Refused(line, f"formats the field {{{field}}}, by which a text reads attributes; write an f-string")
        if spec:
            _require_plain_fields(spec, line)


def _builtin(reader: "Reader", node: ast.expr) -> str | None:
    # A name that a module or class binds may still mean the builtin, before or after; one of a function may not.
    if isinstance(node, ast.Name) and not reader.scope.is_local(node.id):
        return node.id
    return None


def _attribute_call(reader: "Reader", node: ast.Call, function: str) -> list[Known]:
    if len(node.args) < 2 or any(isinstance(argument, ast.Starred) for argument in node.args) or node.keywords:
        raise Refused(node.lineno, f"calls {function} without naming what it is asked for")
    base, name, *rest = node.args
    bases = reader.expression(base, "base")
    reader.many([name, *rest])
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        if function == "getattr":
            reader.attribute_name(name.value, node.lineno, written=False)
            return reader.attribute_of(bases, name.value, node.lineno)
        if function != "hasattr":
            store(reader, bases, name.value, node.lineno)
    elif bases or not (function == "hasattr" or safe_computed(name)):
        raise Refused(
            node.lineno,
            f"calls {function} with a computed name, which could be any; write the name, begin or end it with "
            'text as in f"conv_{i}", or use a dictionary',
        )
    return []


def _require_known_backend(node: ast.Call) -> None:
    for keyword in node.keywords:
        named = isinstance(keyword.value, ast.Constant) and keyword.value.value in _BACKENDS
        if keyword.arg is None or (keyword.arg == "backend" and not named):
            raise Refused(node.lineno, "compiles with a backend of its own, which could run other code than is written")
