"""The held-out questions of a scale, their answers (kept by the parent), and the prefixes that are asked again.

Question seeds are derived from held-out text that no child can read, so a child cannot rebuild them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array
from evaluation.corpus import Corpus, Split
from evaluation.jobs import Query
from evaluation.losses import IGNORED
from evaluation.probes import PROBES
from evaluation.scales import Plan, Scale


@dataclass(frozen=True)
class Questions:
    """One task at one difficulty (0 for text): tokens [B, T] and targets [B, T], IGNORED where nothing is scored."""

    task: str
    difficulty: int
    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Name of the arrays that hold these questions."""
        return f"{self.task}/{self.difficulty}"

    @property
    def positions(self) -> NDArray[np.int64]:
        """Scored (row, column) pairs [N, 2], in row order."""
        return np.argwhere(self.targets != IGNORED)

    @property
    def answers(self) -> NDArray[np.int64]:
        """Targets at ``positions`` [N]."""
        return np.extract(self.targets != IGNORED, self.targets)


@dataclass(frozen=True)
class Prefix:
    """Some sequences of one question set cut after ``length`` tokens, to be run again without their future."""

    questions: Questions
    length: int
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Name of the arrays that hold this prefix."""
        return f"{self.questions.name}/{self.length}"


def held_out(scale: Scale, corpus: Corpus, split: Split) -> list[Questions]:
    """The same questions for every design: evenly spaced windows of text, and a ladder of difficulties per probe."""
    text = np.frombuffer(getattr(corpus, split), dtype=np.uint8)
    questions = []
    for plan in scale.tasks:
        if plan.task == "text":
            questions.append(_windows(plan, text))
        for difficulty in plan.ladder:
            key = hashlib.sha256(f"{scale.name} {plan.task} {difficulty}".encode() + text.tobytes()).digest()
            rng = np.random.default_rng(int.from_bytes(key, "big"))
            tokens, targets = PROBES[plan.task](rng, plan.rows, plan.length, difficulty)
            questions.append(Questions(plan.task, difficulty, tokens, targets))
    return questions


def _windows(plan: Plan, text: NDArray[np.uint8]) -> Questions:
    starts = np.linspace(0, len(text) - plan.length - 1, plan.rows).astype(np.int64)
    windows = text[starts[:, None] + np.arange(plan.length + 1)].astype(np.int64)
    return Questions("text", 0, windows[:, :-1], windows[:, 1:])


def draw_prefixes(scale: Scale, questions: list[Questions], rng: np.random.Generator) -> list[Prefix]:
    """Cuts after scored positions: ``prefix_lengths`` per task, ``prefix_rows`` rows each."""
    prefixes: dict[str, Prefix] = {}
    for plan in scale.tasks:
        own = [q for q in questions if q.task == plan.task]
        for _ in range(scale.prefix_lengths):
            chosen = own[int(rng.integers(len(own)))]
            scored = chosen.targets != IGNORED
            length = int(rng.choice(np.flatnonzero(scored.any(axis=0)))) + 1
            rows = np.flatnonzero(scored[:, length - 1])
            rows = np.sort(rng.choice(rows, size=min(scale.prefix_rows, len(rows)), replace=False))
            prefix = Prefix(chosen, length, rows)
            prefixes[prefix.name] = prefix
    return list(prefixes.values())


def full_queries(questions: list[Questions]) -> tuple[list[Query], dict[str, Array]]:
    """What the first child gets: whole sequences and the positions whose logits are wanted."""
    queries: list[Query] = []
    inputs: dict[str, Array] = {}
    for q in questions:
        inputs[q.name] = q.tokens.astype(np.uint8)
        inputs[f"{q.name}/positions"] = q.positions
        queries.append(Query(name=q.name, task=q.task, tokens=q.name, positions=f"{q.name}/positions"))
    return queries, inputs


def prefix_queries(prefixes: list[Prefix]) -> tuple[list[Query], dict[str, Array]]:
    """What the second child gets: truncated sequences, and their last position."""
    queries: list[Query] = []
    inputs: dict[str, Array] = {}
    for p in prefixes:
        last = np.full(len(p.rows), p.length - 1)
        inputs[p.name] = p.questions.tokens[p.rows, : p.length].astype(np.uint8)
        inputs[f"{p.name}/positions"] = np.stack([np.arange(len(p.rows)), last], axis=1)
        queries.append(Query(name=p.name, task=p.questions.task, tokens=p.name, positions=f"{p.name}/positions"))
    return queries, inputs
