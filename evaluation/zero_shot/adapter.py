"""A trained design as lm-eval knows a language model. Imports lm-eval, and so is imported only when the suite runs."""

from pathlib import Path
from typing import Any

import numpy as np
from lm_eval.api.model import LM
from lm_eval.evaluator import evaluate

from evaluation.data.tokens import Vocabulary
from evaluation.zero_shot.asking import Asker
from evaluation.zero_shot.definitions import load
from evaluation.zero_shot.rows import Row, encoded_pairs, rows_of
from evaluation.zero_shot.tasks import Task


class DesignLM(LM):
    """Log-probabilities of texts. lm-eval hands over the requests of all tasks at once, so one pair of children answers
    the whole suite.
    """

    def __init__(self, asker: Asker, vocabulary: Vocabulary, length: int) -> None:
        super().__init__()
        self._asker, self._vocabulary, self._length = asker, vocabulary, length

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        """Of each (context, continuation): nats of the continuation, and whether greedy decoding would give it."""
        return self._answers(
            requests, [(context, continuation) for context, continuation in (r.args for r in requests)]
        )

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        """Of each text: nats of all its tokens, from the end of another document on."""
        return [nats for nats, _ in self._answers(requests, [("", *request.args) for request in requests])]

    def generate_until(self, requests: list[Any]) -> list[str]:
        """Refused: raises NotImplementedError."""
        raise NotImplementedError(
            "Designs are asked for the probabilities of given texts: choose tasks of lm-eval that generate nothing."
        )

    def _answers(self, requests: list[Any], pairs: list[tuple[str, str]]) -> list[tuple[float, bool]]:
        items: dict[tuple[object, object], int] = {}
        rows: list[Row] = []
        owners: list[int] = []
        for index, (context, continuation) in enumerate(encoded_pairs(pairs, self._vocabulary)):
            item = items.setdefault((requests[index].task_name, requests[index].doc_id), len(items))
            own = rows_of(context, continuation, self._vocabulary.end_of_text, self._length, item)
            rows += own
            owners += [index] * len(own)
        nats, greedy = np.zeros(len(requests)), np.ones(len(requests), dtype=np.bool_)  # an empty text is certain
        if rows:
            tasks = [str(requests[owner].task_name) for owner in owners]
            for owner, likelihoods, best in zip(owners, *self._asker.likelihoods(rows, tasks), strict=True):
                nats[owner] += likelihoods.sum()
                greedy[owner] &= best.all()
        return list(zip(nats.tolist(), greedy.tolist(), strict=True))


def run_suite(model: DesignLM, tasks: tuple[Task, ...], limit: int | None, into: Path) -> dict[str, Any]:
    """lm-eval's own results and items (its "results" and "samples"); ``limit`` takes the first items of each task.

    Raises ValueError for data that is not there, and Unanswered.
    """
    # Standard errors of means have a formula; for them any number of resamplings will do, but 0 leaves them out.
    found: dict[str, Any] = evaluate(model, load(tasks, into), limit=limit, bootstrap_iters=1)
    return found
