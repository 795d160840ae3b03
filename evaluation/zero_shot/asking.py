"""Children answer rows, and a second child tells whether the first one lied.

The logits of a suite would be terabytes, so a child is given the tokens to predict and returns the log-probability of
each, and whether it was the most probable one. It never learns which choice is right, and rows come to it in random
order, because in some tasks the right choice has a fixed place. But these are a design's own claims: it could claim
certainty for every last word of LAMBADA, where nothing but the right answer is asked. So of every task some rows are
cut off before a token drawn at random, one row per item, and a fresh child returns whole logits for what comes next. It
cannot know which token is meant; the parent looks up what it was told before, which must agree.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array, Malformed, read_arrays
from evaluation.benchmarking import LOSS_TOLERANCE
from evaluation.endings import failure_of, invalid
from evaluation.jobs import OUTPUTS_FILE, WEIGHTS_FILE
from evaluation.large.jobs import CHILD, GREEDY, LENGTHS, LIKELIHOODS, LOGITS, SCORED, TOKENS, RowsJob
from evaluation.large.ready import Ready
from evaluation.launch import Exit, Launch
from evaluation.losses import cross_entropy
from evaluation.reports import Failure, Verdict
from evaluation.workspace import workspace
from evaluation.zero_shot.rows import Row

ASKED_AGAIN = 32  # items of each task
_TOKENS_AT_ONCE = 8192  # with 32,768 tokens, logits of 1 GB
_STAGE = "zero-shot suite"
_PROPERTY = "claims about hidden tokens"

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Unanswered(Exception):
    """A child failed or lied: ``failure`` says how. lm-eval lets it pass through to whoever called it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Asker:
    """A trained design that answers rows; every answer costs two children, so ask for many rows at once."""

    def __init__(
        self, source: str, ready: Ready, mlp_hidden: int, weights: bytes, folder: Path, launch: Launch
    ) -> None:
        self._source, self._weights, self._folder, self._launch = source, weights, folder, launch
        self._ready, self._mlp_hidden = ready, mlp_hidden
        self.endings: list[Exit] = []
        self.verdicts: list[Verdict] = []

    def likelihoods(self, rows: Sequence[Row], tasks: Sequence[str]) -> tuple[list[Floats], list[Flags]]:
        """Per row, log-probabilities in nats of its scored tokens and whether each was the most probable.

        ``tasks`` names the task of each row, for the sample that is asked again. Raises Unanswered.
        """
        order = np.random.default_rng(secrets.randbits(128)).permutation(len(rows))
        shuffled = [rows[index] for index in order]
        sizes = np.array([row.scored for row in shuffled])
        total = int(sizes.sum())
        answers = self._ask(
            shuffled,
            "likelihoods",
            {LIKELIHOODS: ((total,), np.dtype(np.float32)), GREEDY: ((total,), np.dtype(np.uint8))},
            {SCORED: sizes.astype(np.int64)},
        )
        claimed = answers[LIKELIHOODS].astype(np.float64)
        if claimed.max(initial=0) > 1e-6:
            raise Unanswered(invalid(_STAGE, "probabilities of single tokens are above 1."))
        borders = np.cumsum(sizes)[:-1]
        likelihoods: list[Floats] = [np.empty(0)] * len(rows)
        greedy: list[Flags] = [np.empty(0, np.bool_)] * len(rows)
        for index, own, best in zip(
            order, np.split(claimed, borders), np.split(answers[GREEDY] != 0, borders), strict=True
        ):
            likelihoods[index], greedy[index] = own, best
        self._ask_again(rows, tasks, likelihoods, greedy)
        return likelihoods, greedy

    def _ask_again(
        self, rows: Sequence[Row], tasks: Sequence[str], likelihoods: list[Floats], greedy: list[Flags]
    ) -> None:
        rng = np.random.default_rng(secrets.randbits(128))
        sample = _sample(rows, tasks, rng)
        asked = [(rows[index], int(rng.integers(rows[index].scored))) for index in sample]
        cuts = [len(row.tokens) - row.scored + place for row, place in asked]
        hidden = [Row(row.tokens[:cut], 0, row.item) for (row, _), cut in zip(asked, cuts, strict=True)]
        shape = (len(sample), self._ready.scale.vocabulary)
        logits = self._ask(hidden, "logits", {LOGITS: (shape, np.dtype(np.float32))}, {})[LOGITS].astype(np.float32)
        targets = np.array([int(row.tokens[cut]) for (row, _), cut in zip(asked, cuts, strict=True)])
        told = np.array([likelihoods[index][place] for index, (_, place) in zip(sample, asked, strict=True)])
        best = np.array([greedy[index][place] for index, (_, place) in zip(sample, asked, strict=True)])
        lead = logits[np.arange(len(sample)), targets] - _without(logits, targets).max(1)
        change = np.abs(told + cross_entropy(logits, targets))
        # Where two tokens are as probable as each other, rounding decides which is the first.
        wrong = (change > LOSS_TOLERANCE) | (best & (lead < -LOSS_TOLERANCE)) | (~best & (lead > LOSS_TOLERANCE))
        if wrong.any():
            kinds = sorted({tasks[index] for index, bad in zip(sample, wrong, strict=True) if bad})
            message = (
                f"What the trained model says of a token changes when the token is hidden from it: {int(wrong.sum())} "
                f"of {len(sample)} answers, by up to {change.max():.1e} nats (in {', '.join(kinds)})."
            )
            remedy = "Let output t read inputs 0..t only, in eval mode too, for any batch size, length and padding."
            self.verdicts.append(Verdict(property=_PROPERTY, verdict="fail", evidence=message, remedy=remedy))
            raise Unanswered(Failure(kind="not_causal", message=message, remedy=remedy))
        evidence = (
            f"{len(sample)} answers were given again, to {change.max():.0e} nats, by a child that did not see the token"
        )
        self.verdicts.append(Verdict(property=_PROPERTY, verdict="pass", evidence=evidence))

    def _ask(
        self,
        rows: Sequence[Row],
        wanted: Literal["likelihoods", "logits"],
        expected: dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]],
        more: dict[str, Array],
    ) -> dict[str, Array]:
        """What a fresh child wrote, judged for names, shapes, types and finiteness. Raises Unanswered."""
        scale = self._ready.scale
        job = RowsJob(
            scale=scale,
            mlp_hidden=self._mlp_hidden,
            device=self._ready.device,
            wanted=wanted,
            tokens_at_once=min(_TOKENS_AT_ONCE, scale.run.micro_batch * scale.run.length),
        )
        lengths = np.array([len(row.tokens) for row in rows], dtype=np.int64)
        inputs = {TOKENS: np.concatenate([row.tokens for row in rows]), LENGTHS: lengths, **more}
        with workspace(self._folder, f"zero-shot-{wanted}", self._source, job, inputs) as place:
            (place / WEIGHTS_FILE).write_bytes(self._weights)
            ending = self._launch(CHILD, "rows", folder=place, limits=scale.score, profile="train")
            self.endings.append(ending)
            failure = failure_of(ending, scale.score, _STAGE)
            if failure is not None:
                raise Unanswered(failure)
            try:
                found = read_arrays(place / OUTPUTS_FILE, scale.score.output_bytes)
            except Malformed as error:
                raise Unanswered(invalid(_STAGE, str(error))) from error
        for name, (shape, dtype) in expected.items():
            got = found.get(name)
            if got is None or got.shape != shape or got.dtype != dtype:
                what = "nothing" if got is None else f"{list(got.shape)} {got.dtype}"
                raise Unanswered(invalid(_STAGE, f"{name} should be {list(shape)} {dtype} but is {what}."))
            if not np.isfinite(got).all():
                raise Unanswered(
                    Failure(
                        kind="non_finite",
                        message=f"The trained model's {name} in the {_STAGE} hold NaN or infinite values.",
                        remedy="Bound decays, normalise keys or outputs, or start with smaller weights.",
                    )
                )
        return found


def _sample(rows: Sequence[Row], tasks: Sequence[str], rng: np.random.Generator) -> list[int]:
    """Rows to ask again: of each task up to ASKED_AGAIN items, and of each item one row, drawn at random.

    The rows of an item share text, so one of them could show what is hidden in another.
    """
    seen: dict[str, set[int]] = {}
    chosen = []
    for index in rng.permutation(len(rows)):
        items = seen.setdefault(tasks[index], set())
        if rows[index].item not in items and len(items) < ASKED_AGAIN:
            items.add(rows[index].item)
            chosen.append(int(index))
    return chosen


def _without(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float32]:
    others = logits.copy()
    others[np.arange(len(targets)), targets] = -np.inf
    return others
