"""What each probe asks, said a second time: solvers in plain Python that see only the tokens up to a position.

A solver returns the answer at the last token that it is given, or None where nothing should be asked.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from evaluation import probes

Solver = Callable[[Sequence[int]], int | None]


def recalls(past: Sequence[int]) -> int | None:
    known = {key: value for key, value in pairwise(past) if key < probes.recall.KEYS <= value}
    return known.get(past[-1]) if len(past) % 2 else None


def recalls_through_noise(past: Sequence[int]) -> int | None:
    known = {
        key: value
        for key, value in pairwise(past)
        if key < probes.recall.KEYS <= value < probes.noisy_recall.FIRST_NOISE
    }
    return known.get(past[-1])


def recalls_pairs(past: Sequence[int]) -> int | None:
    known = {
        key: value
        for key, value in pairwise(past)
        if key < probes.multi_query.KEYS <= value < probes.multi_query.FILLER
    }
    return known.get(past[-1])


def recalls_words(past: Sequence[int]) -> int | None:
    known = {}
    for start in range(0, len(past) - probes.fuzzy_recall.SPAN, probes.fuzzy_recall.SPAN):
        known[tuple(past[start : start + 2])] = past[start + 2 : start + 4]
    place = (len(past) - 1) % probes.fuzzy_recall.SPAN  # of the last letter in its pair
    begun = len(past) - 1 - place
    value = known.get(tuple(past[begun : begun + 2]))
    return value[place - 1] if value and place in (1, 2) else None


def copies(past: Sequence[int]) -> int | None:
    said = 0
    items: list[int] = []
    studying = True
    for token in past:
        if token == probes.copying.START:
            studying, said = False, 0
        elif not studying and said + 1 < len(items):
            said += 1
        elif not studying:
            studying, items = True, []
        if studying and token != probes.copying.FILLER:
            items.append(token)
    return None if studying else items[said]


def knows(past: Sequence[int]) -> int | None:
    if len(past) % 2:
        return None
    return int(probes.memorisation.VALUE_OF[past[-2] * probes.memorisation.LETTERS + past[-1]])


def decompresses(past: Sequence[int]) -> int | None:
    passage = list(past[len(past) - 1 - list(past[::-1]).index(probes.compression.OPEN) + 1 :])
    if probes.compression.CLOSE not in passage:
        return None
    end = passage.index(probes.compression.CLOSE)
    return passage[len(passage) - 1 - end]


def counts(past: Sequence[int]) -> int | None:
    run = list(past[len(past) - list(past[::-1]).index(len(probes.parity.TABLE)) :])
    return sum(run) % 2 if run else None


def shuffles(past: Sequence[int]) -> int | None:
    run = past[len(past) - list(past[::-1]).index(len(probes.permutations.ELEMENTS)) :]
    things = [0, 1, 2]
    for element in run:
        things = [things[source] for source in probes.permutations.ELEMENTS[element]]
    return probes.permutations.ELEMENTS.index((things[0], things[1], things[2])) if run else None


SOLVERS: dict[str, Solver] = {
    "recall": recalls,
    "copy": copies,
    "mqar": recalls_pairs,
    "fuzzy_recall": recalls_words,
    "noisy_recall": recalls_through_noise,
    "memorisation": knows,
    "compression": decompresses,
    "parity": counts,
    "s3": shuffles,
}
