"""Python's parser for programs that are read in several threads.

CPython 3.11 counts how deep a syntax tree is in one place for all threads: where two parse at a time, one of them may
be told that the count is wrong, and nothing is wrong with its tree. So ours take turns; whoever compiles something else
in that moment, as an import does, can still disturb it, and then it is parsed once more.
"""

import ast
import contextlib
import threading

TRIES = 5
_turn = threading.Lock()


def parse_program(source: str) -> ast.Module:
    """The tree of a program.

    Raises:
        SyntaxError: it is none.
        ValueError: it holds null bytes.
        RecursionError, MemoryError: it is nested too deeply.
        SystemError: other threads have disturbed the parser at every try.
    """
    with _turn:
        for _ in range(TRIES - 1):
            with contextlib.suppress(SystemError):
                return ast.parse(source)
        return ast.parse(source)
