"""One conversation with a serving child: what it is asked, and how long each answer took it.

The child learns a sequence only when it is to work on it, and each is new, so nothing can be computed ahead or kept
from before. What it answers must agree with what it answered for the same tokens at other lengths, and with decoding: a
layer that skips work where it is timed gives other outputs there.
"""

import base64
import secrets
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evaluation.jobs import Reply, Request
from evaluation.launch import Used

REPEATS = 6  # of each length, each with a sequence of its own
STEPS = 16  # decoded between two looks at the clock
_COLUMNS = 16  # symbols whose logits are compared
_TOLERANCE = 1e-2  # of the largest logit; float32 sums in another order differ by 1e-5
_END = ""

Row = NDArray[np.float32]


class Disagreement(Exception):
    """The child's answers contradict each other, or are none. The text is one sentence."""


@dataclass(frozen=True)
class Timed:
    """One reply and what it cost since the request was sent."""

    reply: Reply
    cpu_seconds: float
    wall_seconds: float
    used: Used


@dataclass
class Found:
    """What the conversation brought to light so far."""

    ready: bool = False
    prefill: dict[int, list[Timed]] = field(default_factory=dict)  # by length
    echo: dict[int, list[Timed]] = field(default_factory=dict)  # the same requests without the model's work
    decode: list[tuple[int, Timed]] = field(default_factory=list)  # position after STEPS tokens
    resident_bytes: int = 0  # of the child, with the model loaded and used once
    gpu_peak_bytes: int = 0
    joules: float | None = None
    prefilled: bool = False  # at all lengths, and the answers agreed
    wrong: str = ""  # why it is not
    no_decoding: str = ""  # why decoding was not, or not wholly, measured


Talk = Generator[Request | None, Timed, None]


class Conversation:
    """Drives a ``Talk``: pass ``answer`` to a launch."""

    def __init__(self, talk: Talk, found: Found) -> None:
        self.talk, self.found = talk, found
        next(talk)
        self.expected, self.sent, self.before = 0, time.perf_counter(), 0.0

    def answer(self, line: str, used: Used) -> str | None:
        """The next request, or the end. Lines that are no reply to the last request are what a design printed."""
        heard = time.perf_counter()
        try:
            reply = Reply.model_validate_json(line)
        except ValidationError:
            return None
        if reply.number != self.expected:
            return None
        timed = Timed(reply, used.cpu_seconds - self.before, heard - self.sent, used)
        try:
            request = self.talk.send(timed)
        except StopIteration:
            request = None
        except Disagreement as error:
            self.found.wrong, request = str(error), None
        if request is None:
            return _END
        asked = request.model_dump_json(exclude_defaults=True)
        self.expected, self.before, self.sent = request.number, used.cpu_seconds, time.perf_counter()
        return asked


class Sequence:
    """Random tokens, where to look at the answers, and what they were."""

    def __init__(self, rng: np.random.Generator, vocabulary: int, lengths: tuple[int, ...]) -> None:
        self.tokens = rng.integers(vocabulary, size=lengths[-1], dtype=np.int32)
        self.columns = tuple(int(one) for one in rng.integers(vocabulary, size=_COLUMNS))
        starts = (0, *lengths)
        inside = [int(rng.integers(low, high - 1)) for low, high in zip(starts, lengths, strict=False)]
        self.places = sorted({*inside, *(length - 1 for length in lengths)})
        self.known: dict[int, Row] = {}

    def request(self, kind: str, start: int, end: int) -> Request:
        """Ask for the tokens from ``start`` to ``end``."""
        return Request.model_validate(
            {
                "number": secrets.randbits(52) + 1,
                "kind": kind,
                "tokens": base64.b64encode(self.tokens[start:end].astype("<i4").tobytes()).decode(),
                "places": tuple(place - start for place in self.places if start <= place < end),
                "columns": self.columns,
                "fresh": start == 0,
            }
        )

    def agree(self, reply: Reply, start: int, end: int) -> None:
        """Raises Disagreement unless the logits are what they were whenever these places were asked for before."""
        places = [place for place in self.places if start <= place < end]
        try:
            rows = np.frombuffer(base64.b64decode(reply.logits), dtype="<f4").reshape(len(places), _COLUMNS)
        except ValueError as error:
            raise Disagreement("The answers were not the logits that were asked for.") from error
        for place, row in zip(places, rows, strict=True):
            known = self.known.setdefault(place, row)
            size = max(1.0, float(np.abs(known).max()))
            if not np.abs(row - known).max() <= _TOLERANCE * size:
                raise Disagreement(
                    f"The same tokens gave other logits at position {place + 1} when {end} of them were shown, or when "
                    "they were decoded: what was timed is not the layer's work."
                )
