"""Search and replace on a source text. What does not fit is told so that it can be mended."""

import difflib
from collections.abc import Sequence

from tasks.agents.openai.shapes import Edit
from tasks.models import NoAnswer

LIKE = 0.5  # similarity from which lines are told as the nearest
MOST_SHOWN = 12  # lines of a passage, in a message


class Misfit(ValueError):
    """An edit could not be made. The text says which, and what stands in the source instead."""


class NoDraft(NoAnswer):
    """The Engineer's edits fit no source, told what was wrong or not."""

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)
        self.kind, self.message, self.remedy = "edits_failed", message, "choose another model for the engineer"


def edited(source: str, edits: Sequence[Edit]) -> str:
    """The source after all edits, one after the other.

    Raises:
        Misfit: a passage is not there, or more than once.
    """
    for number, edit in enumerate(edits, start=1):
        search, replace = edit.search.strip("\n"), edit.replace.strip("\n")
        if not search.strip():
            raise Misfit(f"Edit {number} has nothing to search for: copy the lines that it replaces.")
        count = source.count(search)
        if count > 1:
            raise Misfit(f"Edit {number} is ambiguous: its lines occur {count} times, at {_lines(source, search)}.")
        if not count:
            raise Misfit(
                f"Edit {number} does not match: its lines do not occur in the source.{_nearest(source, search)}"
            )
        source = source.replace(search, replace)
    return source


def unfenced(source: str) -> str:
    """A source without the fence of backticks that models like to put around one."""
    lines = source.strip().splitlines()
    if len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip() == "```":
        lines = lines[1:-1]
    return "\n".join(lines) + "\n"


def _lines(source: str, search: str) -> str:
    places: list[str] = []
    at = source.find(search)
    while at >= 0 and len(places) < MOST_SHOWN:
        places.append(f"line {source.count(chr(10), 0, at) + 1}")
        at = source.find(search, at + 1)
    return ", ".join(places)


def _nearest(source: str, search: str) -> str:
    """The passage of as many lines that is most like what was searched for, where one is like it."""
    lines, count = source.splitlines(), len(search.splitlines())
    passages = {"\n".join(lines[at : at + count]): at for at in range(max(1, len(lines) - count + 1))}
    close = difflib.get_close_matches(search, passages, n=1, cutoff=LIKE)
    if not close:
        return " No lines are like them."
    told = "\n".join(close[0].splitlines()[:MOST_SHOWN])
    return f" Most like them, from line {passages[close[0]] + 1}:\n{told}"
