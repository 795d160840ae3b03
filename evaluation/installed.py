"""Where our own modules lie, and which of kernels' defines what: read as text, since importing kernels loads torch."""

import ast
import importlib.util
from functools import cache
from pathlib import Path

from evaluation.parsing import parse_program

KERNELS = "kernels"
ROOMS = ("evaluation", KERNELS)


def file_of(module: str) -> Path | None:
    """The file of a module in one of these rooms; None if there is no such module.

    Raises:
        ModuleNotFoundError: the room is not installed.
    """
    top, *inner = module.split(".")
    if top not in ROOMS:
        return None
    found = importlib.util.find_spec(top)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The package {top} is not installed: install archloop as a whole.")
    at = Path(found.origin).parent.joinpath(*inner)
    for file in (at / "__init__.py", at.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def text_of(module: str) -> str:
    """The source of a module in one of these rooms.

    Raises:
        ModuleNotFoundError: there is none.
    """
    file = file_of(module)
    if file is None:
        raise ModuleNotFoundError(f"The module {module} is not installed: install archloop as a whole.")
    return file.read_text(encoding="utf-8")


@cache
def homes_of_kernels() -> dict[str, str]:
    """Public function of kernels -> the module that defines it."""
    return {
        alias.name: node.module
        for node in parse_program(text_of(KERNELS)).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
