"""Why a design cannot run in float32: it casts to another type inside and mixes that with its own. Reads text only."""

import ast

from evaluation.parsing import parse_program

_HALF = ("bfloat16", "float16", "half")
_SINGLE = ("float32", "float")
_MISMATCH = ("dtype", "scalar type", "should be the same", "not implemented for")


def mixed_types(error: BaseException, source: str) -> str | None:
    """One clause for an exception that torch raised over types, naming the cast in ``source`` and the way out.

    None when the exception is not about types, or the source casts to nothing that explains it. Torch words it in many
    ways ("mat1 and mat2 must have the same dtype", "expected scalar type BFloat16 but found Float", ...).
    """
    text = str(error)
    if not isinstance(error, RuntimeError) or not any(words in text for words in _MISMATCH):
        return None
    lower = text.lower()
    for kinds, meant, named in (
        (_HALF, "a half type", "bfloat16" in lower or "half" in lower),
        (_SINGLE, "float32", "double" in lower and "float" in lower),
    ):
        lines = _casts(source, kinds)
        if lines and (named or kinds is _HALF):
            where = f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:3]))}"
            others = "float32" if kinds is _HALF else "float64"
            return (
                f"the design casts to {meant} inside ({where}) and mixes that with {others}, so it cannot run in "
                f"{others}: remove the cast, or cast back to the input's type before mixing"
            )
    return None


def _casts(source: str, kinds: tuple[str, ...]) -> list[int]:
    """Lines that name torch.<kind> or call .<kind>(), in order."""
    try:
        tree = parse_program(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return sorted({node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in kinds})
