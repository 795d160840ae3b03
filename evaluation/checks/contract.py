"""Does the file define the contract's class, importing only what the contract allows? Read as text, never run.

This is triage that saves a process and gives a clear sentence; it is not a security boundary. Files in ASI-Arch's form
are adapted: see ``evaluation.asi_arch``.
"""

import ast

from evaluation.asi_arch import contract as asi_arch
from evaluation.checks.plan import Judgement, failed, passed
from evaluation.parsing import parse_program

ALLOWED_IMPORTS = ("torch", "math", "typing", "einops", "kernels", "__future__")
_LARGEST_SOURCE = 200_000  # characters
NAME = "contract"
_SIGNATURE = "class Candidate(nn.Module) with __init__(self, d_model, n_heads, **kwargs) and forward(self, x)"


def judge(source: str) -> Judgement:
    """Verdict on the source text."""
    complaint = _complaint(source)
    if complaint is not None:
        return failed(NAME, "no_candidate", *complaint)
    if is_adapted(source):
        return passed(NAME, f"defines class {asi_arch.CLASS_NAME} in ASI-Arch's form, which is adapted")
    return passed(NAME, "defines class Candidate; imports are allowed")


def is_adapted(source: str) -> bool:
    """Whether the file keeps ASI-Arch's contract instead of ours. It must parse."""
    return asi_arch.is_asi_arch(parse_program(source))


def _complaint(source: str) -> tuple[str, str] | None:
    if len(source) > _LARGEST_SOURCE:
        return (
            f"The file has {len(source)} characters, more than the {_LARGEST_SOURCE} allowed.",
            "Keep the design in one small file.",
        )
    try:
        tree = parse_program(source)
    except SyntaxError as error:
        return f"The file is not valid Python: {error.msg} (line {error.lineno}).", "Fix the syntax of that line."
    except (ValueError, RecursionError, MemoryError) as error:
        return f"The file cannot be parsed as Python ({type(error).__name__}).", "Write plain, flat Python text."
    adapted = asi_arch.is_asi_arch(tree)
    allowed = ALLOWED_IMPORTS + (asi_arch.ALLOWED_IMPORTS if adapted else ())
    for node in ast.walk(tree):
        for module in _imported(node):
            if module.split(".")[0] not in allowed:
                return (
                    f"The file imports {module!r} (line {node.lineno}), which the contract does not allow.",  # type: ignore[attr-defined]  # imports have a line
                    f"Import only {', '.join(name for name in allowed if name != '__future__')}.",
                )
    if adapted:
        return asi_arch.complaint(tree)
    found = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Candidate"), None)
    if found is None:
        return "The file defines no class named Candidate at its top level.", f"Define {_SIGNATURE}."
    methods = {node.name for node in found.body if isinstance(node, ast.FunctionDef)}
    if "forward" not in methods and not found.bases:
        return "Candidate has no forward method and no base class.", f"Define {_SIGNATURE}."
    return None


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return []
