"""Walks a design's syntax tree and refuses the first thing that reaches out of it.

A name or chain of attributes that starts at an import is looked up on the real modules. A module may only be the start
of such a chain, never a value: once passed, stored or returned, nobody can say what is done with it.
"""

import ast
from collections.abc import Sequence
from typing import Literal

from evaluation.gate import calls
from evaluation.gate.refused import Refused
from evaluation.gate.scopes import Comprehension, Scope
from evaluation.gate.stores import write
from evaluation.gate.surface import Known, Surface
from evaluation.gate.words import (
    ASSIGNABLE,
    DEFINABLE,
    FORMATS,
    REFUSED_BUILTINS,
    SPECIAL,
    attribute_complaint,
    is_dunder,
)

Place = Literal["value", "base", "type"]  # anywhere; before a dot; where a type is named or called
MOST_DATA = 20_000  # characters of text and digits, docstrings aside
_GENERICS = ("list", "dict", "tuple", "set", "frozenset", "type")


class Reader:
    """Reads one tree, in the order of its lines as far as the tree has it."""

    def __init__(self, surface: Surface, scopes: dict[ast.AST, Scope]) -> None:
        self.surface, self.scopes = surface, scopes
        self.scope = Scope("module")
        self.data = 0

    def read(self, tree: ast.Module) -> None:
        """Raises Refused at the first line that is not allowed."""
        self.scope = self.scopes[tree]
        self.many(tree.body)

    def many(self, nodes: Sequence[ast.AST | None]) -> None:
        """Each of ``nodes``: statements, expressions or parts of them."""
        for node in nodes:
            if isinstance(node, ast.expr):
                self.expression(node)
            elif node is not None:
                self.statement(node)

    def statement(self, node: ast.AST) -> None:
        """Anything that is not an expression."""
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                pass  # judged when names were bound; a docstring, which nothing can read
            case ast.Assign(targets=[ast.Name(id=name) as target], value=value) if self._may_alias(name):
                self.expression(value, "base")
                write(self, target)
            case ast.Assign(targets=targets, value=value):
                self.expression(value)
                for target in targets:
                    write(self, target)
            case ast.AugAssign(target=target, value=value):
                self.expression(value)
                write(self, target)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self.expression(annotation, "type")
                self.many([value])
                write(self, target)
            case ast.Delete(targets=targets):
                for target in targets:
                    write(self, target)
            case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
                self.expression(iterable)
                write(self, target)
                self.many([*node.body, *node.orelse])
            case ast.withitem(context_expr=value, optional_vars=target):
                self.expression(value)
                if target is not None:
                    write(self, target)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case ast.ClassDef():
                self._class(node)
            case ast.ExceptHandler(type=kind, body=body):
                if kind is not None:
                    self.expression(kind, "type")
                self.many(body)
            case ast.MatchClass(cls=kind, kwd_attrs=names):
                self.expression(kind, "type")
                for name in names:
                    self.attribute_name(name, node.lineno, written=False)
                self.many([*node.patterns, *node.kwd_patterns])
            case ast.stmt() if type(node).__name__ == "TypeAlias":
                raise Refused(node.lineno, "uses a type statement, which designs do not need")
            case _:
                self.many(list(ast.iter_child_nodes(node)))

    def _may_alias(self, name: str) -> bool:
        # In a class, a name is an attribute; through a global or nonlocal statement, it is set from afar.
        return self.scope.kind != "class" and name not in self.scope.elsewhere

    def expression(self, node: ast.expr, place: Place = "value") -> list[Known]:
        """What the expression may mean among real objects; empty when only running it could tell."""
        found: list[Known] = []
        match node:
            case ast.Name(id=name):
                self.name(name, node.lineno, place)
                found = self.scope.meanings(name)
            case ast.Attribute():
                found = self._attribute(node)
            case ast.Call():
                found = calls.read(self, node)
            case ast.Constant(value=value):
                self._count(value, node.lineno)
            case ast.Lambda():
                self._nested(node.args, [node.body], self.scopes[node])
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node)
            case ast.Subscript(value=base, slice=index):
                known = self.expression(base, "type")
                generic = any(one.name.startswith("typing.") for one in known)
                generic = generic or (isinstance(base, ast.Name) and base.id in _GENERICS)
                self.expression(index, "type" if generic or place == "type" else "value")
            case ast.Tuple(elts=parts) | ast.List(elts=parts) if place == "type":
                for part in parts:
                    self.expression(part, "type")
            case ast.BinOp(left=left, op=ast.BitOr(), right=right) if place == "type":
                self.expression(left, "type")
                self.expression(right, "type")
            case ast.Compare(left=left, comparators=others):
                for side in (left, *others):
                    self.expression(calls.type_argument(self, side) or side, "type")
            case ast.FormattedValue(value=value, format_spec=spec):
                self.expression(calls.type_argument(self, value) or value)
                self.many([spec])
            case ast.NamedExpr(target=target, value=value):
                self.expression(value)
                write(self, target)
            case _:
                self.many(list(ast.iter_child_nodes(node)))
        if place != "base":
            self._require_value(found, node.lineno, place)
        return found

    def _require_value(self, found: list[Known], line: int, place: Place) -> None:
        for known in found:
            if known.is_module:
                raise Refused(line, f"uses the module {known.name} as a value, so that its use cannot be followed")
            if known.is_shared_class and place == "value":
                raise Refused(line, f"passes the class {known.name} around, and a change to it would change all layers")

    def attribute_of(self, bases: list[Known], name: str, line: int) -> list[Known]:
        """``name`` read from each of ``bases``, or from something unknown if there are none."""
        if not bases:
            self.attribute_name(name, line)
        return [self.surface.attribute(base, name, line) for base in bases]

    def _attribute(self, node: ast.Attribute) -> list[Known]:
        base = node.value
        if node.attr == "__name__":  # type(x).__name__ and x.__class__.__name__ are only text
            base = calls.type_argument(self, base) or base
            if isinstance(base, ast.Attribute) and base.attr == "__class__":
                base = base.value
        if node.attr in FORMATS:
            calls.require_plain_format(node)
        return self.attribute_of(self.expression(base, "base"), node.attr, node.lineno)

    def attribute_name(self, name: str, line: int, written: bool = True) -> None:
        """Refuse what may not be read from, or set on, anything. ``written``: as x.name, where format is judged."""
        if name in FORMATS and not written:
            raise Refused(line, f"reaches .{name}, by which a text can read any attribute; write an f-string")
        complaint = attribute_complaint(name)
        if complaint is not None:
            raise Refused(line, f"uses .{name}, which {complaint}")

    def name(self, name: str, line: int, place: Place = "value") -> None:
        """Refuse names of builtins that reach out, used or bound where they could mean the builtin."""
        if name.startswith("__") and not is_dunder(name):
            raise Refused(line, f"uses the name {name}, which means another one inside a class")
        if name in ("__name__", *ASSIGNABLE) or self.scope.is_local(name):
            return
        if is_dunder(name):
            raise Refused(line, f"uses {name}, a double-underscore name that leads out of the design")
        if name in REFUSED_BUILTINS:
            raise Refused(line, f"uses the builtin {name}, which reaches out of the design")
        if name in SPECIAL and not (name == "type" and place == "type"):
            raise Refused(line, f"uses the builtin {name} other than by calling it, so that its use cannot be followed")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if self.scope.kind != "class":
            self.name(node.name, node.lineno)
        elif is_dunder(node.name) and node.name not in DEFINABLE:
            raise Refused(node.lineno, f"defines {node.name}, which changes how Python or torch treat the object")
        self._no_type_parameters(node)
        self.many(node.decorator_list)
        if node.returns is not None:
            self.expression(node.returns, "type")
        self._nested(node.args, node.body, self.scopes[node])

    def _class(self, node: ast.ClassDef) -> None:
        self.name(node.name, node.lineno)
        if is_dunder(node.name):
            raise Refused(node.lineno, f"defines {node.name}, a double-underscore name that designs do not need")
        self._no_type_parameters(node)
        self.many(node.decorator_list)
        for base in node.bases:
            known = self.expression(base, "type")
            if any(one.is_tensor_class for one in known) or (isinstance(base, ast.Name) and base.id == "type"):
                raise Refused(
                    node.lineno, f"derives {node.name} from {ast.unparse(base)}, whose behaviour it could change"
                )
        if node.keywords:
            raise Refused(node.lineno, f"gives the class {node.name} an argument, which changes how it is made")
        outer, self.scope = self.scope, self.scopes[node]
        self.many(node.body)
        self.scope = outer

    def _nested(self, given: ast.arguments, body: Sequence[ast.AST], inner: Scope) -> None:
        self.many([*given.defaults, *given.kw_defaults])
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
            if argument is not None and argument.annotation is not None:
                self.expression(argument.annotation, "type")
        outer, self.scope = self.scope, inner
        self.many(body)
        self.scope = outer

    def _comprehension(self, node: Comprehension) -> None:
        outer = self.scope
        for generator in node.generators:
            self.expression(generator.iter)  # the first one outside
            self.scope = self.scopes[node]
            write(self, generator.target)
            self.many(generator.ifs)
        self.many([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.scope = outer

    def _no_type_parameters(self, node: ast.stmt) -> None:
        if getattr(node, "type_params", None):
            raise Refused(node.lineno, "uses type parameters, which designs do not need")

    def _count(self, value: object, line: int) -> None:
        if isinstance(value, str | bytes):
            self.data += len(value)
        elif isinstance(value, int | float | complex):
            self.data += value.bit_length() // 4 + 1 if isinstance(value, int) else 8
        if self.data > MOST_DATA:
            raise Refused(
                line, f"passes {MOST_DATA} characters of written-out data, but a design is code, not its data"
            )
