"""What designs may call besides torch: the public functions of ``kernels`` and what their docstrings say of them.

Read from the source text, so that nobody who only wants to read has to load torch.
"""

import ast
from functools import cache

from evaluation.installed import homes_of_kernels, text_of
from evaluation.parsing import parse_program
from evaluation.reports import Report


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
    return tuple(_documented(name, home) for name, home in sorted(homes_of_kernels().items()))


def _documented(name: str, home: str) -> Documented:
    body = parse_program(text_of(home)).body
    function = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    text = ast.get_docstring(function) or ""
    return Documented(name=name, signature=f"{name}({ast.unparse(function.args)}){returns}", text=text)
