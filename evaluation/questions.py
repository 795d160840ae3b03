"""The held-out questions of a scale and their answers, which the parent keeps.

Question seeds are derived from held-out text that no child can read, so a child cannot rebuild them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.corpus import Corpus, Split
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
    def scored(self) -> NDArray[np.bool_]:
        """Where something is scored [B, T]."""
        return np.asarray(self.targets != IGNORED)

    @property
    def answers(self) -> NDArray[np.int64]:
        """Targets at the scored positions [N], row by row."""
        return self.targets[self.scored]


def require_text(scale: Scale, corpus: Corpus) -> None:
    """Raise CorpusError unless the corpus is large enough for every task that reads it."""
    for plan in scale.tasks:
        if plan.task not in PROBES:
            corpus.require(plan.batch, plan.rows, plan.length)


def held_out(scale: Scale, corpus: Corpus, split: Split) -> list[Questions]:
    """The same questions for every design: evenly spaced windows of text, and a ladder of difficulties per probe."""
    text = np.frombuffer(getattr(corpus, split), dtype=np.uint8)
    questions = []
    for plan in scale.tasks:
        if plan.task not in PROBES:
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
    return Questions(plan.task, 0, windows[:, :-1], windows[:, 1:])
