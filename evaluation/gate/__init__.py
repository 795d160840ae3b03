"""The static gate: reads a design's text before it is executed and refuses what reaches out of it.

This is triage, not a boundary: it saves a run and gives the author a sentence. What holds against a design that gets
past it is the sandbox, and that the parent alone judges and scores. It runs inside the child, on real modules.
"""

import io
import tokenize

from evaluation.gate.reading import Reader
from evaluation.gate.refused import Refused
from evaluation.gate.scopes import scopes_of
from evaluation.gate.surface import Surface
from evaluation.parsing import parse_program


def refusal(source: str, extra_imports: tuple[str, ...] = ()) -> str | None:
    """One sentence that names the line, what is not allowed there and why; None if nothing was found.

    ``extra_imports`` are packages that an adapter for another contract offers besides torch, math, typing, einops and
    kernels; they are imported, so only trusted ones may be named.
    """
    try:
        _require_utf8(source)
        tree = parse_program(source)
        surface = Surface(extra_imports)
        Reader(surface, scopes_of(tree, surface)).read(tree)
    except Refused as refused:
        return str(refused)
    except SyntaxError as error:
        return f"Line {error.lineno or 1} is not valid Python: {error.msg}."
    except (ValueError, RecursionError, MemoryError) as error:
        return f"The file cannot be read as Python ({type(error).__name__}); write plain, flat text."
    return None


def _require_utf8(source: str) -> None:
    # With another encoding declared, Python would execute another text than the one that is read here.
    encoding, lines = tokenize.detect_encoding(io.BytesIO(source.encode()).readline)
    if encoding not in ("utf-8", "ascii"):
        raise Refused(len(lines), f"declares the encoding {encoding}, which hides what is executed; write UTF-8")
