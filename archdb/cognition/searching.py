"""Looking things up: by words and by meaning, fused, and every hit says why it came."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import FiniteFloat

from archdb.cognition.embedding import load_embedder
from archdb.cognition.entries import EntryKind
from archdb.cognition.table import open_table, quoted
from archdb.records import Record

DEPTH = 600  # passages that each way of looking may contribute
BEST = 5  # passages of an entry that its rank goes by: one sentence that fits by chance is not enough
SHOWN = 6  # passages of a hit, at most
FLATNESS = 20.0  # of reciprocal rank fusion (Cormack et al., SIGIR 2009): the larger, the less ranks matter
HALF_LIFE = 100.0  # findings after which one is half as fresh: a campaign that pauses or is replayed ages by none
LEAST_WEIGHT, MOST_WEIGHT = 0.9, 1.1  # of a finding that is old or has no evidence, and of the latest with much


class Hit(Record):
    """One entry that retrieval returned, and why."""

    id: str
    kind: EntryKind
    title: str
    text: str  # the passages that fitted, best first
    components: tuple[str, ...]
    evidence: tuple[str, ...]
    effect: FiniteFloat
    score: FiniteFloat
    found_by: str  # "words and meaning", "words" or "meaning"
    words_rank: int | None = None  # among entries that share words with the query, from 1
    meaning_rank: int | None = None  # among entries whose vectors are nearest, from 1
    similarity: FiniteFloat | None = None  # cosine of the nearest passage
    words: tuple[str, ...] = ()  # of the query, as they occur in the entry
    weight: FiniteFloat = 1.0  # of a finding, by evidence and age


def search(
    query: str,
    *,
    limit: int = 5,
    kind: EntryKind | None = None,
    campaign: str | None = None,
    by_words: bool = True,
    by_meaning: bool = True,
) -> list[Hit]:
    """The entries nearest to a query, best first.

    Full text (BM25) and vectors each rank the entries by their five best passages; reciprocal ranks are added up.
    Findings are weighed by how many experiments back them and by age. Where the embedding model is missing, words
    alone decide.

    Args:
        query: the words of a failing experiment ("recall drops beyond 16 keys").
        limit: the most hits to return.
        kind: only papers or only findings.
        campaign: with it, findings of other campaigns are left out.
        by_words: look by full text.
        by_meaning: look by vectors.
    """
    table = open_table()
    narrowed = _conditions(kind, campaign)
    words = _ranked(_by_words(table, query, narrowed)) if by_words else {}
    meaning = _ranked(_by_meaning(table, query, narrowed)) if by_meaning else {}
    ages = {} if kind == "paper" else _ages(table, _conditions("finding", campaign))
    scores = {one: _score(words.get(one), meaning.get(one), ages) for one in dict.fromkeys([*words, *meaning])}
    best = sorted(scores, key=lambda one: (-scores[one], one))[:limit]
    return [_hit(query, words.get(one), meaning.get(one), scores[one], ages) for one in best]


Row = dict[str, Any]
Ages = Mapping[str, int]  # of each finding, in findings that came after it
Found = tuple[float, Row]  # how well a passage fits, and the passage
Passages = tuple[int, list[Found]]  # the entry's rank, and its passages that were found, best first


def _ranked(found: Sequence[Found]) -> dict[str, Passages]:
    """Entries by the mean fit of their best passages. What was not found fits no better than the last that was."""
    by_entry: dict[str, list[Found]] = {}
    for one in sorted(found, key=lambda one: (-one[0], one[1]["row"])):
        by_entry.setdefault(one[1]["entry"], []).append(one)
    least = min((fit for fit, _ in found), default=0.0)

    def fit_of(passages: list[Found]) -> float:
        counted = min(BEST, int(passages[0][1]["passages"]))
        best = [fit for fit, _ in passages[:counted]]
        return (sum(best) + least * (counted - len(best))) / counted

    order = sorted(by_entry, key=lambda entry: (-fit_of(by_entry[entry]), entry))
    return {entry: (rank, by_entry[entry]) for rank, entry in enumerate(order, 1)}


def _by_words(table: Any, query: str, narrowed: str) -> list[Found]:
    request = table.search(plain_words(query), query_type="fts")
    rows = (request.where(narrowed) if narrowed else request).limit(DEPTH).to_list()
    return [(float(row["_score"]), row) for row in rows]


def _by_meaning(table: Any, query: str, narrowed: str) -> list[Found]:
    if load_embedder() is None:
        return []
    request = table.search(_vector(query), vector_column_name="vector").distance_type("cosine")
    rows = (request.where(narrowed) if narrowed else request).limit(DEPTH).to_list()
    return [(1.0 - float(row["_distance"]), row) for row in rows]


@lru_cache(maxsize=16)
def _vector(query: str) -> list[float]:
    """Papers and findings are asked for one after the other with the same words."""
    embed = load_embedder()
    assert embed is not None
    return embed([query])[0]


def _conditions(kind: str | None, campaign: str | None) -> str:
    conditions = [f"kind = '{kind}'"] if kind else []
    if campaign is not None:
        conditions.append(f"(kind = 'paper' OR campaign = '{quoted(campaign)}')")
    return " AND ".join(conditions)


def _ages(table: Any, findings: str) -> Ages:
    """How many findings came after each, of those that are looked at: the same whenever somebody looks."""
    rows = table.search().where(findings).select(["entry", "created_at"]).limit(max(1, table.count_rows())).to_list()
    ordered = sorted(((row["created_at"], row["entry"]) for row in rows), reverse=True)
    return {entry: age for age, (_, entry) in enumerate(ordered)}


def _score(words: Passages | None, meaning: Passages | None, ages: Ages) -> float:
    first = next(found[1][0][1] for found in (words, meaning) if found)
    return _weight(first, ages) * sum(1.0 / (FLATNESS + found[0]) for found in (words, meaning) if found)


def _hit(query: str, words: Passages | None, meaning: Passages | None, score: float, ages: Ages) -> Hit:
    passages = [*(words[1] if words else []), *(meaning[1] if meaning else [])]
    first = passages[0][1]
    text = "\n".join(dict.fromkeys(row["text"] for _, row in passages[:SHOWN]))
    return Hit(
        id=first["entry"],
        kind=first["kind"],
        title=first["title"],
        text=text,
        components=tuple(first["components"]),
        evidence=tuple(first["evidence"]),
        effect=first["effect"],
        score=score,
        found_by=" and ".join(name for name, found in (("words", words), ("meaning", meaning)) if found),
        words_rank=words[0] if words else None,
        meaning_rank=meaning[0] if meaning else None,
        similarity=meaning[1][0][0] if meaning else None,
        words=shared_words(query, text),
        weight=_weight(first, ages),
    )


def _weight(row: Row, ages: Ages) -> float:
    """A paper weighs 1; a finding more, the more experiments back it and the younger it is."""
    if row["kind"] == "paper":
        return 1.0
    backed = 1.0 - 0.5 ** len(row["evidence"])
    fresh = 0.5 ** (ages.get(row["entry"], 0) / HALF_LIFE)
    return float(LEAST_WEIGHT + (MOST_WEIGHT - LEAST_WEIGHT) * backed * fresh)


def plain_words(query: str) -> str:
    """Only letters, digits and spaces: the full-text parser gives other signs a meaning."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in query).split()) or "sequence"


def shared_words(query: str, text: str) -> tuple[str, ...]:
    """The longer words of a query whose beginnings occur in a text, in the query's order."""
    stems = {word[:5].lower() for word in plain_words(text).split() if len(word) > 3}
    words = [word.lower() for word in plain_words(query).split() if len(word) > 3]
    return tuple(dict.fromkeys(word for word in words if word[:5] in stems))
