"""A composed candidate's text, read back as the design that it declares."""

import ast
import functools

from pydantic import ValidationError

from evaluation import parse_program
from tasks.agents.grammar.space import Design, canonical


@functools.lru_cache(maxsize=1024)
def read_design(source: str) -> Design | None:
    """The design that ``source`` declares in its ``DESIGN`` constant; None if it declares none that is valid."""
    try:
        tree = parse_program(source)
    except (SyntaxError, ValueError):
        return None
    for statement in reversed(tree.body):
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["DESIGN"]:
            try:
                return canonical(Design.model_validate(ast.literal_eval(statement.value)))
            except (ValueError, TypeError, ValidationError):
                return None
    return None
