"""What a serving child is asked: prefill at several lengths, then decoding."""

from collections.abc import Generator

import numpy as np

from evaluation.efficiency.conversation import (
    REPEATS,
    STEPS,
    Conversation,
    Disagreement,
    Found,
    Sequence,
    Talk,
    Timed,
)
from evaluation.efficiency.energy import Counter
from evaluation.jobs import Request

Asking = Generator[Request | None, Timed, Timed]


def conversation(
    rng: np.random.Generator, vocabulary: int, lengths: tuple[int, ...], joules: Counter | None, found: Found
) -> Conversation:
    """A conversation that writes what it learns into ``found``. ``lengths`` rise."""
    return Conversation(_talk(rng, vocabulary, lengths, joules, found), found)


def _talk(
    rng: np.random.Generator, vocabulary: int, lengths: tuple[int, ...], joules: Counter | None, found: Found
) -> Talk:
    hello = yield None
    found.ready = True
    warm = Sequence(rng, vocabulary, lengths)
    timed = yield from _ask(warm, "prefill", 0, lengths[0])
    found.resident_bytes = timed.used.resident_bytes
    sequences = [Sequence(rng, vocabulary, lengths) for _ in range(REPEATS)]
    before = joules() if joules is not None else 0.0
    for sequence in sequences:
        for length in lengths:
            found.echo.setdefault(length, []).append((yield from _ask(sequence, "echo", 0, length)))
            timed = yield from _ask(sequence, "prefill", 0, length)
            found.prefill.setdefault(length, []).append(timed)
            found.gpu_peak_bytes = max(found.gpu_peak_bytes, timed.reply.gpu_peak_bytes)
    if joules is not None:
        found.joules = (joules() - before) / (REPEATS * sum(lengths))
    again = sequences[int(rng.integers(REPEATS))]  # at a length that no layer can foresee, and untimed
    # An odd one: work that is skipped at multiples of anything that divides the timed lengths is then missed.
    yield from _ask(again, "prefill", 0, int(rng.integers(lengths[-2], lengths[-1]) | 1))
    found.prefilled = True
    if not hello.reply.decoding:
        found.no_decoding = "The layer offers no init_state and step."
        return
    yield from _decode(sequences[0], lengths[1], found)


def _decode(sequence: Sequence, tokens: int, found: Found) -> Generator[Request | None, Timed, None]:
    for start in range(0, tokens, STEPS):
        idle = yield from _ask(sequence, "echo", start, start + STEPS)
        try:
            timed = yield from _ask(sequence, "decode", start, start + STEPS)
        except Disagreement as error:
            found.no_decoding = str(error)
            return
        spent = Timed(
            timed.reply, timed.cpu_seconds - idle.cpu_seconds, timed.wall_seconds - idle.wall_seconds, timed.used
        )
        found.decode.append((start + STEPS, spent))


def _ask(sequence: Sequence, kind: str, start: int, end: int) -> Asking:
    timed = yield sequence.request(kind, start, end)
    if timed.reply.error:
        # A child's own words: kept to one printable line.
        said = "".join(sign if sign.isprintable() else " " for sign in timed.reply.error)[:300]
        raise Disagreement(f"{kind} raised {said}")
    if kind != "echo":
        sequence.agree(timed.reply, start, end)
    return timed
