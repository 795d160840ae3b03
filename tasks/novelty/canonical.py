"""The canonical form of a program: a row of tokens that says what it does, not how it is written.

Layout, comments, docstrings, annotations, the style of imports, messages of errors, definitions that nothing reaches
and the order of definitions leave no trace, and names that are the program's own choice become numbers. Constants,
operators, and the names of whatever was imported stay: they are what the program is.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evaluation import parse_program
from tasks.novelty.names import ROOTS, Names, dotted, is_receiver, read_names, registered_name
from tasks.novelty.scopes import COMPREHENSIONS, Function, Scope, all_arguments, read_scopes
from tasks.novelty.statements import effective, module_parts

FIRST = ("__init__", "forward", "step", "init_state")
SILENT = {"ctx", "annotation", "returns", "type_comment", "type_ignores", "type_params", "kind", "simple"}


class Unreadable(ValueError):
    """The text is no Python program, or one too deep to be read."""


class Token(NamedTuple):
    """``exact`` numbers the names that are free, and tells how many children follow; ``blank`` forgets both."""

    exact: str
    blank: str


def canonical(source: str) -> list[Token]:
    """The canonical form of a program.

    Raises:
        Unreadable: it has no such form.
    """
    try:
        tree = parse_program(source)
        return _Writer(tree).write()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise Unreadable(f"No program can be read from the text ({type(fault).__name__}).") from fault


class _Writer:
    """Writes a program from its root on; what is referred to follows in the order of the first reference."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.scopes = read_scopes(tree)
        self.module = self.scopes[tree]
        self.names: Names = read_names(self.scopes)
        self.tokens: list[Token] = []
        self.numbers: dict[tuple[object, str], int] = {}
        self.counts: dict[str, int] = {}
        self.waiting: list[ast.stmt] = []  # definitions of the module that something refers to
        self.methods: list[str] = []  # of the class at hand that something refers to
        self.definitions, self.effects = module_parts(tree, self.module)
        self.root = next((name for name in ROOTS if name in self.definitions), None)

    def write(self) -> list[Token]:
        self.block(self.effects, self.module)
        first = self.definitions if self.root is None else (self.root,)
        for name in first:
            self.refer(name)
        done = 0
        while done < len(self.waiting):
            one = self.waiting[done]
            done += 1
            if isinstance(one, ast.ClassDef):
                self.a_class(one, self.module)
            elif isinstance(one, Function):
                self.function(one, self.module)
            else:
                self.node(one, self.module)
        return self.tokens

    # names

    def add(self, exact: str, blank: str | None = None) -> None:
        self.tokens.append(Token(exact, exact if blank is None else blank))

    def number(self, kind: str, owner: object, name: str) -> None:
        key = (owner, name)
        if key not in self.numbers:
            self.numbers[key] = self.counts[kind] = self.counts.get(kind, 0) + 1
        self.add(f"{kind}{self.numbers[key]}", kind)

    def refer(self, name: str) -> None:
        if self.definitions[name] not in self.waiting:
            self.waiting.append(self.definitions[name])

    def name(self, name: str, scope: Scope) -> None:
        owner = scope.find(name)
        if owner is None:
            self.add(f"g:{name}")
        elif name in owner.imports:
            self.add(f"g:{owner.imports[name]}")
        elif owner.is_class:
            self.add(f"c:{name}")
        elif owner is self.module and name in self.definitions:
            self.defined(name)
        elif name in owner.arguments and self.kept(name, owner):
            self.add(f"k:{name}")
        else:
            self.number("self" if owner.receiver == name else "v", owner, name)

    def defined(self, name: str) -> None:
        there = self.definitions[name]
        value = there.value if isinstance(there, ast.Assign | ast.AnnAssign) else None
        if value is not None and _scalar(value):
            self.node(value, self.module)
        elif name == self.root:
            self.add("root")
        else:
            self.refer(name)
            self.number("d", self.module, name)

    def kept(self, name: str, owner: Scope) -> bool:
        """Whether an argument can be passed by its name: somewhere here, or by whoever builds and calls the root."""
        if name in self.names.keywords:
            return True
        node, around = owner.node, owner.parent
        if not isinstance(node, Function) or around is None or getattr(around.node, "name", None) != self.root:
            return False
        if around.parent is not self.module or node.name not in FIRST or name == owner.receiver:
            return False
        return node.name == "__init__" or name not in _without_default(node.args)

    def attribute(self, name: str) -> None:
        if name in self.names.attributes:
            if name in self.names.methods:
                self.methods.append(name)
            self.number("a", "attribute", name)
        else:
            self.add(f".{name}")

    # statements

    def block(self, statements: Sequence[ast.stmt], scope: Scope) -> None:
        kept = list(effective(statements, scope))
        self.add(f"block/{len(kept)}", "block")
        for one in kept:
            self.node(one, scope)

    def function(self, node: Function | ast.Lambda, around: Scope) -> None:
        scope, given = self.scopes[node], node.args
        plain = (len(given.posonlyargs), len(given.args), len(given.kwonlyargs))
        shape = (*plain, given.vararg is not None, given.kwarg is not None, len(given.defaults))
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        self.add(f"{type(node).__name__}/{shape}/{len(decorators)}", type(node).__name__)
        self.all(decorators, around)
        for one in all_arguments(given):
            self.name(one.arg, scope)
        self.all(given.defaults, around)
        for default in given.kw_defaults:
            self.add("required") if default is None else self.node(default, around)
        if isinstance(node, ast.Lambda):
            self.node(node.body, scope)
        else:
            self.block(node.body, scope)

    def a_class(self, node: ast.ClassDef, around: Scope) -> None:
        scope, outer = self.scopes[node], self.methods
        self.methods = []
        self.add(f"class/{len(node.bases)}/{len(node.keywords)}/{len(node.decorator_list)}", "class")
        self.all(node.decorator_list, around)
        self.all(node.bases, around)
        self.keywords(node.keywords, around)
        own = [one for one in node.body if isinstance(one, Function)]
        self.block([one for one in node.body if not isinstance(one, Function)], scope)
        fixed = [one for one in own if one.name not in self.names.methods]
        rank = {name: index for index, name in enumerate(FIRST)}
        for one in sorted(fixed, key=lambda one: (rank.get(one.name, len(FIRST)), one.name)):
            self.add(f".{one.name}")
            self.function(one, scope)
        free = {one.name: one for one in own if one.name in self.names.methods}
        written: set[str] = set()
        while (name := next((name for name in self.methods if name in free and name not in written), None)) is not None:
            written.add(name)
            self.number("a", "attribute", name)
            self.function(free[name], scope)
        self.add("end of class", "end")
        self.methods = outer

    # everything else

    def all(self, nodes: Iterable[ast.AST], scope: Scope) -> None:
        for one in nodes:
            self.node(one, scope)

    def keywords(self, given: list[ast.keyword], scope: Scope) -> None:
        named = all(one.arg for one in given)
        for one in sorted(given, key=lambda one: one.arg or "") if named else given:
            self.add(f"{one.arg or '**'}=")
            self.node(one.value, scope)

    def node(self, node: ast.AST, scope: Scope) -> None:
        path = dotted(node, scope)
        if path is not None:
            self.add(f"g:{path}")
        elif isinstance(node, ast.Name):
            self.name(node.id, scope)
        elif isinstance(node, ast.Constant):
            self.add(f"{type(node.value).__name__}:{node.value!r}")
        elif isinstance(node, ast.Attribute):
            if is_receiver(node.value, scope):
                self.attribute(node.attr)
            else:
                self.add(f".{node.attr}")
            self.node(node.value, scope)
        elif isinstance(node, ast.Call):
            self.call(node, scope)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.name(node.name, scope)
            self.function(node, scope)
        elif isinstance(node, ast.Lambda):
            self.function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self.name(node.name, scope)
            self.a_class(node, scope)
        elif isinstance(node, COMPREHENSIONS):
            self.comprehension(node, scope)
        elif isinstance(node, ast.AnnAssign):
            self.add("Assign/1" if node.value else "field", "Assign" if node.value else "field")
            self.all([node.target, *([node.value] if node.value else [])], scope)
        elif isinstance(node, ast.Raise | ast.Assert):
            self.add(type(node).__name__)  # what an error says does not matter
            self.all([node.test] if isinstance(node, ast.Assert) else [], scope)
        else:
            self.plain(node, scope)

    def call(self, node: ast.Call, scope: Scope) -> None:
        args = [] if _is_own_super(node, scope) else node.args
        self.add(f"Call/{len(args)}/{len(node.keywords)}", "Call")
        self.node(node.func, scope)
        name = registered_name(node, scope)
        if name is not None and name in self.names.attributes:
            self.number("a", "attribute", name)
            args = args[1:]
        self.all(args, scope)
        self.keywords(node.keywords, scope)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, around: Scope) -> None:
        scope = self.scopes[node]
        self.add(f"{type(node).__name__}/{len(node.generators)}", type(node).__name__)
        for index, one in enumerate(node.generators):
            self.add(f"for/{len(one.ifs)}/{one.is_async}", "for")
            self.node(one.iter, scope if index else around)
            self.node(one.target, scope)
            self.all(one.ifs, scope)
        self.all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt], scope)

    def plain(self, node: ast.AST, scope: Scope) -> None:
        """A node without rules of its own: its kind, then what lies in it."""
        kind = type(node).__name__
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in SILENT]
        shape = ",".join(str(len(value) if isinstance(value, list) else int(value is not None)) for _, value in fields)
        self.add(f"{kind}/{shape}", kind)
        for field, value in fields:
            if isinstance(value, list) and field in ("body", "orelse", "finalbody"):
                self.block(value, scope)
            elif isinstance(value, list):
                for one in value:
                    self.node(one, scope) if isinstance(one, ast.AST) else self.add(f"={one}")
            elif isinstance(value, ast.AST):
                self.node(value, scope)
            elif isinstance(value, str) and field in ("name", "rest") and not isinstance(node, ast.alias):
                self.name(value, scope)
            elif value is not None:
                self.add(f"={value}")


def _scalar(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    return isinstance(inner, ast.Constant)


def _without_default(given: ast.arguments) -> set[str]:
    positional = [*given.posonlyargs, *given.args]
    return {one.arg for one in positional[: len(positional) - len(given.defaults)]}


def _is_own_super(node: ast.Call, scope: Scope) -> bool:
    """``super(Candidate, self)`` inside Candidate is ``super()``."""
    if not isinstance(node.func, ast.Name) or node.func.id != "super" or len(node.args) != 2:
        return False
    of, instance = node.args
    owner = scope.find(instance.id) if isinstance(instance, ast.Name) else None
    around = owner.parent if owner is not None and is_receiver(instance, scope) else None
    return around is not None and isinstance(of, ast.Name) and getattr(around.node, "name", None) == of.id
