"""The Python files of a package: the design, the laboratory's model around it, and what it calls of kernels."""

import ast
import importlib.metadata
import sys

from evaluation.asi_arch.contract import is_asi_arch
from evaluation.export.relocating import INSTEAD, Unmovable, face, place, relocated
from evaluation.installed import KERNELS, text_of
from evaluation.parsing import parse_program

MODEL = "evaluation.export.inside.modeling"
_OPERATORS = '"archloop::'  # how kernels names torch's operators, of which a process has one of each name
_APART = """f"archloop_{__name__.replace('.', '_')}::"""


def package_modules(source: str, name: str) -> dict[str, str]:
    """File name -> text of every module that the package needs, the design's own included.

    Args:
        source: the design's program, which is read and never run.
        name: what it is called, for complaints and in the files.

    Raises:
        Unmovable: the design cannot be taken out of the laboratory; the sentence says why.
    """
    try:
        tree = parse_program(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise Unmovable(f"{name} is no Python program ({fault}): export one that was trained.") from fault
    if is_asi_arch(tree):
        raise Unmovable(
            f"{name} is in ASI-Arch's form, whose imports only the laboratory provides: write it as a class Candidate, "
            "and evaluate that."
        )
    design, needed = relocated(source, name)
    # Two lines: Python takes a file's encoding from a comment there, which the laboratory does not.
    head = f"# The program of {name} as it was trained.\n# Changed: imports of kernels are relative.\n"
    files = {"candidate": head + design}
    left = needed | {MODEL}
    while left:
        module = min(left)  # not whichever comes first: each export writes the same
        left.remove(module)
        module = INSTEAD.get(module, module)
        if place(module) not in files:
            moved, more = relocated(face(source) if module == KERNELS else text_of(module), module)
            files[place(module)] = _notice(module) + moved
            left |= more
    files[place(MODEL)] += _naming(sorted(files.keys() - {place(MODEL)}))
    return {f"{file}.py": _apart(file, text) for file, text in sorted(files.items())}


def packages_of(source: str) -> tuple[str, ...]:
    """What has to be installed beside Python where a design's package is loaded."""
    tops: set[str] = set()
    for node in ast.walk(parse_program(source)):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            tops.add(node.module.partition(".")[0])
    return tuple(sorted(tops - sys.stdlib_module_names - {KERNELS} | {"torch", "transformers"}))


def _naming(files: list[str]) -> str:
    """Lines that name all files of a package. The loader of transformers copies what the model's own file imports, in
    this form, and of some releases nothing else.
    """
    lines = "".join(f"from .{file} import __name__ as _{file}  # noqa: E402, F401\n" for file in files)
    return f"\n# All files, for the loader that copies what is named here.\n{lines}"


def _notice(module: str) -> str:
    whence = f"{module} of archloop {_version()}"
    return (
        f"# {whence}, licensed under the Apache License, Version 2.0: see LICENSE and NOTICE.\n"
        "# Changed: imports are relative, and torch's operators have names of their own.\n"
    )


def _apart(name: str, text: str) -> str:
    """The same with operators named after the module that it becomes: defining one a second time breaks the first."""
    return text if name == "candidate" else text.replace(_OPERATORS, _APART)


def _version() -> str:
    """Of the installed archloop."""
    try:
        return importlib.metadata.version("archloop")
    except importlib.metadata.PackageNotFoundError:
        return "that is not installed"
