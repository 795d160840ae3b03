"""What is trained: a network of one hidden layer, on three sets of data, of which no child sees any.

A rule may know this file: it is published, and can be installed. So everything is drawn from a key that lies in the
data folder, where no child can look. Results compare where the key is the same.
"""

from contextlib import suppress
from functools import cache
from secrets import token_hex

import numpy as np
from numpy.typing import NDArray

from archdb import home, prepare_home
from evaluation import Corpus, Objective, Report

Numbers = NDArray[np.float64]
HIDDEN, ROWS, BATCH, SPLITS = 12, 512, 32, ("train", "validation", "holdout")
METHOD = (
    "Every rule trains the same networks from the same starts, on the same batches and for as many steps: it is "
    "told gradients, and gives steps. The supervising process computes gradients and every value, on held-out data."
)
PROBLEMS = {  # the function to learn, and how large its three inputs are
    "waves": (lambda x: np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2], (1, 1, 1)),
    "ring": (lambda x: np.sign(np.hypot(x[:, 0], x[:, 1]) - 1.2), (1, 1, 1)),
    "uneven": (lambda x: x @ [0.1, 10, 1] + np.tanh(10 * x[:, 1]), (10, 0.1, 1)),
}


class Scale(Report):
    """How long a network is trained."""

    name: str
    steps: int
    tasks: tuple[str, ...] = ()  # the corpus says all there is to say of the data

    @property
    def reference_parameters(self) -> int:
        return self.steps  # what scales are ordered by


def scale(name: str) -> Scale:
    known = {"tiny": 60, "nano": 600}
    if name not in known:
        raise ValueError(f"Update rules have no scale {name}: choose one of {', '.join(known)}.")
    return Scale(name=name, steps=known[name])


def objectives_of(scale_name: str) -> dict[str, Objective]:
    scale(scale_name)
    about = {"unit": "log10 of squared error", "better": "lower"}
    return {f"{one}_loss": Objective(name=f"{one}_loss", title=one.capitalize(), task=one, **about) for one in PROBLEMS}


def key() -> int:
    """What this laboratory draws from; made when it is first asked for."""
    file = home() / "update-rules.key"
    if not file.exists():
        draft = prepare_home() / f"{file.name}.{token_hex(4)}"
        draft.touch(0o600)
        draft.write_text(token_hex(16))
        with suppress(FileExistsError):  # another process was faster
            file.hardlink_to(draft)
        draft.unlink()
    return int(file.read_text(), 16)


def data(problem: str, split: str) -> tuple[Numbers, Numbers]:
    """Inputs and noisy targets of a split."""
    return _drawn(key(), problem, split)


@cache
def _drawn(drawn_from: int, problem: str, split: str) -> tuple[Numbers, Numbers]:
    target, sizes = PROBLEMS[problem]
    rng = np.random.default_rng([drawn_from, list(PROBLEMS).index(problem), SPLITS.index(split)])
    x = np.round(rng.normal(size=(ROWS, 3)) * sizes, 6)
    return x, np.round(target(x) + 0.1 * rng.normal(size=ROWS), 6)


def corpus() -> Corpus:
    """All data, so that their hashes are recorded with every result."""
    held = {split: b"".join(part.tobytes() for one in PROBLEMS for part in data(one, split)) for split in SPLITS}
    return Corpus("update-rules-1", **held, works={})


def start(rng: np.random.Generator) -> Numbers:
    """Parameters of a network: three inputs to tanh units, and these to one output, each with a bias."""
    return np.concatenate([rng.normal(size=HIDDEN * 4) / 2, rng.normal(size=HIDDEN + 1) / HIDDEN**0.5])


@np.errstate(over="ignore", invalid="ignore")  # of a rule that diverges; whoever asks judges the loss
def loss_and_gradient(weights: Numbers, x: Numbers, y: Numbers) -> tuple[float, Numbers]:
    """Mean squared error, and its derivative."""
    first, last = weights[: HIDDEN * 4].reshape(HIDDEN, 4), weights[HIDDEN * 4 :]
    hidden = np.tanh(x @ first[:, :3].T + first[:, 3])
    wrong = hidden @ last[:-1] + last[-1] - y
    back = 2 * wrong / len(y)
    inner = np.outer(back, last[:-1]) * (1 - hidden**2)
    of_first = np.column_stack([inner.T @ x, inner.sum(0)])
    return float(np.mean(wrong**2)), np.concatenate([of_first.ravel(), hidden.T @ back, [back.sum()]])
