"""Which real objects a name may mean at a place in a design: imports and plain aliases, in Python's own scopes.

A name may be bound several times in a scope; what it may mean is the union, whatever order the lines run in.
"""

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from evaluation.gate.refused import Refused
from evaluation.gate.surface import Known, Surface
from evaluation.gate.words import is_dunder

Kind = Literal["module", "class", "function"]
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_MOST_ROUNDS = 20

Binding = Known | ast.expr | None  # a known object, the chain that an alias stands for, or anything else


@dataclass(eq=False)
class Scope:
    """One Python scope: the names bound in it, and the scope around it. A comprehension or lambda is a function."""

    kind: Kind
    parent: "Scope | None" = None
    comprehension: bool = False
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: dict[str, "Scope"] = field(default_factory=dict)  # global and nonlocal names
    known: dict[str, list[Known]] = field(default_factory=dict)  # what the bindings come to; filled in at the end

    def bind(self, name: str, binding: Binding) -> None:
        """Add one meaning of ``name``, in the scope that the name belongs to."""
        owner = self.elsewhere.get(name, self)
        owner.bindings.setdefault(name, []).append(binding)

    def owners(self, name: str) -> Iterator["Scope"]:
        """The scopes whose bindings of ``name`` may be meant here, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            visible = scope is self or scope.kind != "class"  # methods do not see the names of their class
            if visible and name in scope.elsewhere:
                scope = scope.elsewhere[name]
            if visible and name in scope.bindings:
                yield scope
                if scope.kind == "function":
                    return  # bound here and nowhere else; class and module bodies may also see what lies around them
            scope = scope.parent

    def meanings(self, name: str) -> list[Known]:
        """The real objects that ``name`` may stand for here."""
        return [known for owner in self.owners(name) for known in owner.known.get(name, [])]

    def is_local(self, name: str) -> bool:
        """Whether a function around this place binds the name, so that it cannot mean a builtin."""
        return any(owner.kind == "function" for owner in self.owners(name))


def scopes_of(tree: ast.Module, surface: Surface) -> dict[ast.AST, Scope]:
    """The scope that each module, class, function, lambda and comprehension of ``tree`` opens. Raises Refused."""
    found: dict[ast.AST, Scope] = {tree: Scope("module")}
    _Binder(surface, found, found[tree]).many(tree.body)
    _follow_aliases([*found.values()], surface)
    return found


def _follow_aliases(scopes: list[Scope], surface: Surface) -> None:
    # Again and again until nothing new is found: aliases may stand in any order, and in circles.
    for scope in scopes:
        scope.known = {name: [b for b in given if isinstance(b, Known)] for name, given in scope.bindings.items()}
    aliases = [
        (scope, name, binding)
        for scope in scopes
        for name, given in scope.bindings.items()
        for binding in given
        if isinstance(binding, ast.expr)
    ]
    for _ in range(_MOST_ROUNDS):
        found = False
        for scope, name, chain in aliases:
            own = scope.known[name]
            for meaning in _chain(chain, scope, surface):
                if not any(meaning.value is other.value for other in own):
                    own.append(meaning)
                    found = True
        if not found:
            return
    raise Refused(aliases[0][2].lineno, "begins a tangle of names for names; write what is meant where it is used")


def _chain(node: ast.expr, scope: Scope, surface: Surface) -> list[Known]:
    # What is refused here is refused again, aloud, when the line of the alias is read.
    match node:
        case ast.Name(id=name):
            return scope.meanings(name)
        case ast.Attribute(value=base, attr=name):
            found = []
            for known in _chain(base, scope, surface):
                with contextlib.suppress(Refused):
                    found.append(surface.attribute(known, name, node.lineno))
            return found
        case ast.Call(args=[base, ast.Constant(value=str(name)), *_]):  # getattr
            return _chain(ast.Attribute(base, name, lineno=node.lineno), scope, surface)
    return []


def _is_chain(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(value=base):
            return _is_chain(base)
        case ast.Call(func=ast.Name(id="getattr"), args=[base, ast.Constant(value=str()), *_]):
            return _is_chain(base)
    return False


class _Binder:
    def __init__(self, surface: Surface, found: dict[ast.AST, Scope], scope: Scope) -> None:
        self.surface, self.found, self.scope = surface, found, scope

    def many(self, nodes: list[ast.stmt] | list[ast.expr]) -> None:
        for node in nodes:
            self.one(node)

    def one(self, node: ast.AST) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_chain(value):
                self.scope.bind(name, value)
                self.one(value)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                for name in names:
                    self.scope.elsewhere[name] = self._outer(name, isinstance(node, ast.Global))
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self.scope.bind(name, None)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                owner = self.scope
                while owner.comprehension and owner.parent is not None:
                    owner = owner.parent
                owner.bind(name, None)
                self.one(value)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node)
            case ast.ClassDef():
                self.scope.bind(node.name, None)
                self.many([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
                self._inside(node, "class").many(node.body)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node)
            case _:
                for name in _captured(node):
                    if is_dunder(name):
                        raise Refused(node.lineno, f"sets {name}, a double-underscore name that designs do not need")  # type: ignore[attr-defined]  # these have a line
                    self.scope.bind(name, None)
                for child in ast.iter_child_nodes(node):
                    self.one(child)

    def _inside(self, node: ast.AST, kind: Kind, comprehension: bool = False) -> "_Binder":
        self.found[node] = Scope(kind, self.scope, comprehension)
        return _Binder(self.surface, self.found, self.found[node])

    def _outer(self, name: str, module: bool) -> Scope:
        scope = self.scope.parent or self.scope
        while scope.parent is not None and (module or scope.kind == "class" or name not in scope.bindings):
            scope = scope.parent
        return scope

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        given = node.args
        self.many([default for default in (*given.defaults, *given.kw_defaults) if default is not None])
        inside = self._inside(node, "function")
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
            if argument is not None:
                inside.scope.bind(argument.arg, None)
                if argument.annotation is not None:
                    self.one(argument.annotation)
        if isinstance(node, ast.Lambda):
            inside.one(node.body)
            return
        self.scope.bind(node.name, None)
        self.many(node.decorator_list)
        if node.returns is not None:
            self.one(node.returns)
        inside.many(node.body)

    def _comprehension(self, node: Comprehension) -> None:
        self.one(node.generators[0].iter)  # evaluated outside
        inside = self._inside(node, "function", comprehension=True)
        for number, generator in enumerate(node.generators):
            inside.one(generator.target)
            inside.many([*([generator.iter] if number else []), *generator.ifs])
        inside.many([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if self.scope.kind == "class":
            raise Refused(node.lineno, "imports inside a class, which makes the module an attribute; import above it")
        for alias in node.names:
            name = alias.asname or alias.name
            if name in self.scope.elsewhere or name.startswith("__"):
                raise Refused(
                    node.lineno, f"imports into {name}, a name that means different things in different places"
                )
        if isinstance(node, ast.Import):
            for alias in node.names:
                found = self.surface.module(alias.name, node.lineno)
                top = alias.name.split(".")[0]
                if alias.asname is None and found is not None:
                    found = self.surface.module(top, node.lineno)
                self.scope.bind(alias.asname or top, found)
            return
        if node.level:
            raise Refused(node.lineno, "imports by a relative path, but a design is one file")
        if node.module == "__future__":
            return
        base = self.surface.module(node.module or "", node.lineno)
        for alias in node.names:
            if alias.name == "*":
                raise Refused(node.lineno, f"imports everything from {node.module}; name what is used")
            found = None if base is None else self.surface.imported(base, alias.name, node.lineno)
            self.scope.bind(alias.asname or alias.name, found)


def _captured(node: ast.AST) -> list[str]:
    # Names that are bound as plain text in the tree: except clauses and match patterns.
    match node:
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
    return []
