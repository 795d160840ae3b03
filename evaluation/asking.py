"""What scoring children are shown: the held-out questions whole, and again, in another child, with their future hidden.

A sequence model's answers are among its own inputs: the token at t is the target of t - 1. So a child that is shown a
whole sequence could answer from its future, by its code or by reading its own input file. What it cannot do is answer
the same way where the future was never shown. Every row is therefore asked twice: whole, and in a second child either
cut off or with other text after a cut that only the parent knows. Each row has one cut and appears once per child, in
random order, so that no other row of the child holds its future, and neither place nor company of a row is the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array
from evaluation.corpus import Corpus
from evaluation.jobs import Query
from evaluation.probes import PROBES, Tokens
from evaluation.questions import Questions
from evaluation.scales import Plan, Scale

Rng = np.random.Generator
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """Rows of one question set as one child sees them, and whose answers its logits are."""

    name: str  # of the child's arrays
    questions: Questions
    tokens: Tokens  # [R, T]
    positions: Indices  # [N, 2] (row, column) among these rows, in row order
    answers: Indices  # [N], where each position stands among the set's answers
    last: NDArray[np.bool_]  # [N], whether nothing true was shown after the position


def whole(questions: list[Questions], rng: Rng) -> list[Asked]:
    """Every row as it is, in random order; all scored positions."""
    asked = []
    for q in questions:
        rows = rng.permutation(len(q.tokens))
        asked.append(_ask(q.name, q, rows, q.tokens[rows], np.full(len(rows), q.tokens.shape[1])))
    return asked


def blind(scale: Scale, questions: list[Questions], corpus: Corpus, rng: Rng) -> list[Asked]:
    """Every row with its future hidden after a cut of its own; the scored positions before the cut.

    Per task up to ``prefix_lengths`` groups of ``prefix_rows`` rows are cut off, at most half of a set's rows; the
    others go on with training text, or with a probe that was drawn just now.
    """
    asked: list[Asked] = []
    for plan in scale.tasks:
        own = [q for q in questions if q.task == plan.task]
        free = {q.name: rng.permutation(np.flatnonzero(q.scored.any(axis=1))) for q in own}
        for _ in range(scale.prefix_lengths):
            q = own[int(rng.integers(len(own)))]
            length = int(rng.choice(np.flatnonzero(q.scored.any(axis=0)))) + 1
            able = free[q.name][q.scored[free[q.name], length - 1]]
            room = len(free[q.name]) - (len(q.tokens) + 1) // 2
            rows = able[: max(0, min(scale.prefix_rows, room))]
            name = f"{q.name}/{length}"
            if len(rows) and all(name != other.name for other in asked):
                free[q.name] = free[q.name][~np.isin(free[q.name], rows)]
                cuts = np.full(len(rows), length)
                asked.append(_ask(name, q, rows, q.tokens[rows, :length], cuts))
        for q in own:
            rows = rng.permutation(free[q.name])
            cuts = np.array([_draw_cut(q.scored[row], rng) for row in rows])
            hidden = np.arange(q.tokens.shape[1]) >= cuts[:, None]
            tokens = np.where(hidden, _other(plan, q, len(rows), corpus, rng), q.tokens[rows])
            asked.append(_ask(q.name, q, rows, tokens, cuts))
    return asked


def queries(asked: list[Asked]) -> tuple[list[Query], dict[str, Array]]:
    """The child's job and inputs: tokens, and the positions whose logits are wanted."""
    wanted: list[Query] = []
    inputs: dict[str, Array] = {}
    for a in asked:
        inputs[a.name] = a.tokens.astype(np.uint8)
        inputs[f"{a.name}/positions"] = a.positions
        wanted.append(Query(name=a.name, task=a.questions.task, tokens=a.name, positions=f"{a.name}/positions"))
    return wanted, inputs


def _ask(name: str, q: Questions, rows: Indices, tokens: Tokens, cuts: Indices) -> Asked:
    scored = q.scored
    place = np.cumsum(scored).reshape(scored.shape) - 1  # of each scored position among the answers
    wanted = scored[rows] & (np.arange(scored.shape[1]) < cuts[:, None])
    positions = np.argwhere(wanted)
    return Asked(name, q, tokens, positions, place[rows][wanted], positions[:, 1] == cuts[positions[:, 0]] - 1)


def _draw_cut(scored: NDArray[np.bool_], rng: Rng) -> int:
    # Right after a scored position, so that its target is the first thing hidden; the end of a row hides nothing.
    columns = np.flatnonzero(scored)
    return int(rng.choice(columns[columns < len(scored) - 1] if columns[0] < len(scored) - 1 else columns)) + 1


def _other(plan: Plan, q: Questions, rows: int, corpus: Corpus, rng: Rng) -> Tokens:
    length = q.tokens.shape[1]
    if q.task in PROBES:
        return PROBES[q.task](rng, rows, length, q.difficulty)[0]
    text = np.frombuffer(corpus.train, dtype=np.uint8)
    starts = rng.integers(0, len(text) - length, size=rows)
    return np.asarray(text[starts[:, None] + np.arange(length)], dtype=np.int64)
