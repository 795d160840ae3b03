"""The retrieval bar: questions in the words of a failing experiment, with the papers that answer them.

One half may be looked at while retrieval is tuned; the other was written before and is kept apart: it is only measured.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from archdb.cognition.searching import search
from archdb.records import Record

FOLDER = Path(__file__).parent / "questions"
Half = Literal["tuning", "kept-apart"]
HALVES: tuple[Half, ...] = ("tuning", "kept-apart")
BAR = 0.9  # of the questions kept apart shall have an answer among the first three
WAYS = {"fused": (True, True), "words alone": (True, False), "meaning alone": (False, True)}
MOST = 5


class Asked(Record):
    """A question, and the ids of the papers that a specialist would accept as answers.

    ``also``: what two readers of all entries, who saw neither these answers nor what retrieval returns, both accept.
    """

    ask: str = Field(min_length=20)
    answers: tuple[str, ...] = Field(min_length=1)
    also: tuple[str, ...] = ()


class Answered(Record):
    """Where the first right answer to each question stood, one way of looking."""

    half: Half
    way: str
    places: tuple[int | None, ...]  # from 1; None: not among the first MOST
    first_written: tuple[int | None, ...]  # the same, of the answers that came with the questions alone

    def within(self, place: int) -> int:
        """How many questions had an answer by this place."""
        return _within(self.places, place)

    def first_written_within(self, place: int) -> int:
        """How many had one of the answers that came with them."""
        return _within(self.first_written, place)


def read_questions(half: Half) -> list[Asked]:
    """The questions of one half."""
    found = tomllib.loads((FOLDER / f"{half}.toml").read_text(encoding="utf-8"))
    return [Asked.model_validate(one) for one in found["question"]]


def measure(half: Half, way: str) -> Answered:
    """Ask the questions of one half in one of the WAYS, among papers only."""
    by_words, by_meaning = WAYS[way]
    places, first_written = [], []
    for one in read_questions(half):
        hits = search(one.ask, limit=MOST, kind="paper", by_words=by_words, by_meaning=by_meaning)
        found = [hit.id for hit in hits]
        places.append(_place(found, one.answers + one.also))
        first_written.append(_place(found, one.answers))
    return Answered(half=half, way=way, places=tuple(places), first_written=tuple(first_written))


def _within(places: Sequence[int | None], place: int) -> int:
    return sum(found is not None and found <= place for found in places)


def _place(found: Sequence[str], answers: Sequence[str]) -> int | None:
    return next((place for place, one in enumerate(found, 1) if one in answers), None)
