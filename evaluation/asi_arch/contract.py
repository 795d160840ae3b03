"""Is a file a design in ASI-Arch's form, and can it be adapted? Read as text, never run, without torch."""

import ast

CLASS_NAME = "DeltaNet"

ALLOWED_IMPORTS = ("fla", "transformers", "functools", "warnings")
"""What such a file may import besides what our own contract allows: what published designs and fla's DeltaNet, their
seed, import. ``fla`` and ``transformers`` are never the real packages: see ``evaluation.asi_arch.imports``."""

WIDTHS = ("hidden_size", "d_model")
"""Names of the constructor's width, the one we prefer first. Published designs have both; the second overrides the
first, and ASI-Arch's own trainer passes the first."""

HEADS = ("num_heads", "n_heads")

_SIGNATURE = f"class {CLASS_NAME}(nn.Module) with __init__(self, hidden_size, num_heads, **kwargs) and forward(self, x)"


def is_asi_arch(tree: ast.Module) -> bool:
    """Whether the file defines a top-level DeltaNet, and no top-level Candidate, which would go first."""
    names = {name for node in tree.body for name in _defined(node)}
    return CLASS_NAME in names and "Candidate" not in names


def complaint(tree: ast.Module) -> tuple[str, str] | None:
    """What keeps the file from being adapted, and what to do about it: one sentence each; None if nothing does.

    Only for a file that ``is_asi_arch``. A constructor or forward that the class inherits is not judged here.
    """
    design = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == CLASS_NAME), None)
    if design is None:
        return None
    methods = {node.name: node for node in design.body if isinstance(node, ast.FunctionDef)}
    if "forward" not in methods and not design.bases:
        return f"{CLASS_NAME} has no forward method and no base class.", f"Define {_SIGNATURE}."
    if "__init__" not in methods:
        return None
    found = methods["__init__"].args
    for what, names in (("width", WIDTHS), ("number of heads", HEADS)):
        if found.kwarg is None and not set(names) & set(_names(found)):
            wanted = " nor ".join(names)
            return (
                f"The constructor of {CLASS_NAME} takes neither {wanted}, so its {what} cannot be set.",
                f"Define {_SIGNATURE}.",
            )
    unknown = [name for name in _required(found) if name not in (*WIDTHS, *HEADS)]
    if unknown:
        return (
            f"The constructor of {CLASS_NAME} requires {unknown[0]!r}, which only its author could choose.",
            "Give every argument other than the width and the number of heads a default.",
        )
    return None


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _names(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]


def _required(arguments: ast.arguments) -> list[str]:
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)][1:]  # without self
    without_default = positional[: max(0, len(positional) - len(arguments.defaults))]
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return without_default + [argument.arg for argument, default in keyword if default is None]
