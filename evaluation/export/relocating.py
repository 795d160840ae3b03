"""Python modules moved into one flat folder, where imports among them become relative: transformers copies such a
folder to a place of its own, and loads what it finds there.

Texts are parsed and edited, never run.
"""

import ast

from evaluation.installed import KERNELS, ROOMS, file_of, homes_of_kernels
from evaluation.parsing import parse_program

RENAMED = {
    "evaluation.baselines.linear_attention": "candidate",  # where the design takes the place of a baseline
    "evaluation.decoding": "decoding",
    "evaluation.export.inside.backends": "kernels_backends",
    "evaluation.export.inside.configuration": "configuration_archloop",
    "evaluation.export.inside.modeling": "modeling_archloop",
    "evaluation.export.inside.state": "state",
    "evaluation.model": "frame",
    "evaluation.scales.frame": "configuration_archloop",
}
INSTEAD = {
    "evaluation.scales.frame": "evaluation.export.inside.configuration",
    "kernels.backends": "evaluation.export.inside.backends",
}
"""Module -> the one that takes its place, in a file of the same name."""


class Unmovable(Exception):
    """An import that has no relative form here. One sentence with the remedy."""


def relocated(text: str, name: str = "the design") -> tuple[str, set[str]]:
    """The text with imports of our own rooms made relative, and the modules that it then needs.

    Args:
        text: a module's source.
        name: what the text is, for complaints.

    Raises:
        Unmovable: it imports what a package cannot hold.
    """
    tree = parse_program(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [f"{line}\n".encode() for line in text.split("\n")]  # as ast counts: bytes, and no other ends of lines
    needed: set[str] = set()
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in sorted(found, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        statement = _mended(node, needed, name)
        if statement is not None:
            _replace(lines, node, statement.encode())
    return b"".join(lines).decode().rstrip("\n") + "\n", needed


def place(module: str) -> str:
    """The name of a module's file in a package, without ``.py``."""
    return RENAMED.get(module, module.replace(".", "_"))


def face(text: str) -> str:
    """``kernels`` with only those of its public functions that a text imports.

    If the text takes the module itself: with all functions, and the modules that define them, as its attributes.

    Raises:
        Unmovable: it has no function of a name.
    """
    homes, names = homes_of_kernels(), _taken(text)
    unknown = names - homes.keys()
    if unknown:
        raise Unmovable(
            f"The design imports {', '.join(sorted(unknown))} from kernels, which has no such name: mend it."
        )
    chosen = sorted(names or homes)
    imports = "".join(f"from {homes[one]} import {one}\n" for one in chosen)
    if not names:
        modules = {home.removeprefix(f"{KERNELS}.") for home in homes.values()} - homes.keys()
        imports += f"from {KERNELS} import {', '.join(sorted(modules))}\n"
    return (
        f'"""The functions of archloop\'s ``kernels`` that this design calls."""\n\n{imports}\n__all__ = {chosen!r}\n'
    )


def _taken(text: str) -> set[str]:
    """The functions that a text imports from ``kernels``; none if it takes the module itself."""
    names: set[str] = set()
    for node in ast.walk(parse_program(text)):
        if isinstance(node, ast.Import) and any(alias.name == KERNELS for alias in node.names):
            return set()
        if isinstance(node, ast.ImportFrom) and node.module == KERNELS:
            names |= {alias.name for alias in node.names if _module(KERNELS, alias.name) is None}
    return set() if "*" in names else names


def _mended(node: ast.Import | ast.ImportFrom, needed: set[str], name: str) -> str | None:
    """The statements in the place of an import; None where it stays as it is."""
    if isinstance(node, ast.ImportFrom):
        if node.level or (node.module or "").partition(".")[0] not in ROOMS:
            return None
        return "; ".join(_from(str(node.module), node.names, needed))
    if not any(alias.name.partition(".")[0] in ROOMS for alias in node.names):
        return None
    statements = []
    for alias in node.names:
        if alias.name.partition(".")[0] not in ROOMS:
            statements.append(f"import {_spelt(alias)}")
        elif "." in alias.name:
            raise Unmovable(f"Line {node.lineno} of {name} is `import {alias.name}`: write `from kernels import ...`.")
        else:
            statements += _from("", [alias], needed)
    return "; ".join(statements)


def _from(module: str, names: list[ast.alias], needed: set[str]) -> list[str]:
    plain: list[str] = []
    statements: list[str] = []
    for alias in names:
        inner = _module(module, alias.name)
        if inner is not None:
            needed.add(inner)
            statements.append(f"from . import {place(inner)} as {alias.asname or alias.name}")
        else:
            plain.append(_spelt(alias))
    if plain:
        needed.add(module)
        statements.insert(0, f"from .{place(module)} import {', '.join(plain)}")
    return statements


def _module(module: str, name: str) -> str | None:
    """The module that ``from module import name`` gives; None if it is something that this module defines."""
    if module == KERNELS and name in homes_of_kernels():
        return None  # a function; some have the name of their module
    inner = f"{module}.{name}" if module else name
    return None if file_of(inner) is None else inner


def _spelt(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _replace(lines: list[bytes], node: ast.stmt, statement: bytes) -> None:
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    tail = lines[last][node.end_col_offset :]
    lines[first : last + 1] = [lines[first][: node.col_offset] + statement + tail]
