"""Does the file define the contract's class, importing only what the contract allows? Read as text, never run.

This is triage that saves a process and gives a clear sentence; it is not a security boundary.
"""

import ast

from evaluation.reports import Failure, Verdict

ALLOWED_IMPORTS = ("torch", "math", "typing", "einops", "kernels", "__future__")
_LARGEST_SOURCE = 200_000  # characters
_NAME = "contract"
_SIGNATURE = "class Candidate(nn.Module) with __init__(self, d_model, n_heads, **kwargs) and forward(self, x)"


def judge(source: str) -> tuple[Verdict, Failure | None]:
    """Verdict on the source text."""
    complaint = _complaint(source)
    if complaint is None:
        return Verdict(property=_NAME, verdict="pass", evidence="defines class Candidate; imports are allowed"), None
    message, remedy = complaint
    failure = Failure(kind="no_candidate", message=message, remedy=remedy)
    return Verdict(property=_NAME, verdict="fail", evidence=message, remedy=remedy), failure


def is_adapted(source: str) -> bool:
    """Whether the file keeps ASI-Arch's contract instead of ours."""
    return False


def _complaint(source: str) -> tuple[str, str] | None:
    if len(source) > _LARGEST_SOURCE:
        return (
            f"The file has {len(source)} characters, more than the {_LARGEST_SOURCE} allowed.",
            "Keep the design in one small file.",
        )
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return f"The file is not valid Python: {error.msg} (line {error.lineno}).", "Fix the syntax of that line."
    except (ValueError, RecursionError, MemoryError) as error:
        return f"The file cannot be parsed as Python ({type(error).__name__}).", "Write plain, flat Python text."
    for node in ast.walk(tree):
        for module in _imported(node):
            if module.split(".")[0] not in ALLOWED_IMPORTS:
                return (
                    f"The file imports {module!r} (line {node.lineno}), which the contract does not allow.",  # type: ignore[attr-defined]  # imports have a line
                    f"Import only {', '.join(ALLOWED_IMPORTS[:-1])}.",
                )
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
