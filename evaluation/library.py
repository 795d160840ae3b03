"""What designs may call besides torch: the public functions of ``kernels`` and what their docstrings say of them.

Read from the source text, so that nobody who only wants to read has to load torch.
"""

import ast
import importlib.util
from functools import cache
from pathlib import Path

from evaluation.parsing import parse_program
from evaluation.reports import Report

PACKAGE = "kernels"


class Documented(Report):
    """A public function."""

    name: str
    signature: str  # with its types
    text: str  # the docstring: what it computes, then shapes and limits

    @property
    def summary(self) -> str:
        """The docstring's first paragraph."""
        return self.text.split("\n\n")[0]


@cache
def library() -> tuple[Documented, ...]:
    """The public functions, in the order of their names."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The package {PACKAGE} is not installed: install archloop as a whole.")
    face = parse_program(Path(found.origin).read_text(encoding="utf-8"))
    homes = {
        alias.name: Path(found.origin).parent / f"{node.module.removeprefix(PACKAGE + '.').replace('.', '/')}.py"
        for node in face.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    return tuple(_documented(name, home) for name, home in sorted(homes.items()))


def _documented(name: str, home: Path) -> Documented:
    body = parse_program(home.read_text(encoding="utf-8")).body
    function = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    text = ast.get_docstring(function) or ""
    return Documented(name=name, signature=f"{name}({ast.unparse(function.args)}){returns}", text=text)
