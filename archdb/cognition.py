"""The cognition base in LanceDB: papers and the laboratory's own findings, found by words and by meaning together.

MongoDB holds the findings and the literature files hold the papers; the table is an index of both that can be rebuilt.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo.errors

from archdb.embedding import DIMENSIONS, load_embedder
from archdb.home import home
from archdb.literature_files import Paper, read_literature
from archdb.patience import patient
from archdb.records import Finding, Record, document
from archdb.store import Store

TABLE = "cognition"
_writing = threading.Lock()
INDEXES = {"findings": (("campaign", "created_at"),)}


class Hit(Record):
    """One entry that retrieval returned, and why."""

    id: str
    kind: str  # "paper" or "finding"
    title: str
    text: str
    components: tuple[str, ...]
    evidence: tuple[str, ...]
    effect: float
    score: float
    found_by: str  # "words and meaning" or "words"


def place() -> str:
    """The LanceDB URI: ARCHLOOP_COGNITION_URI, or a folder of the data folder."""
    return os.environ.get("ARCHLOOP_COGNITION_URI") or str(home() / "cognition")


def index_literature() -> int:
    """Add the papers that the table lacks. Returns how many entries the table holds."""
    return _add([_paper_row(paper) for paper in read_literature()])


@patient
def record_findings(store: Store, findings: Sequence[Finding]) -> None:
    """Keep findings in MongoDB under their ids and index them. Repeating it changes nothing."""
    for finding in findings:
        with contextlib.suppress(pymongo.errors.DuplicateKeyError):
            store.findings.insert_one(document(finding))
    _add([_finding_row(finding) for finding in findings])


@patient
def list_findings(store: Store, campaign: str) -> list[Finding]:
    """The findings of a campaign, oldest first."""
    found = list(store.findings.find({"campaign": campaign}).sort("created_at", 1))
    return [Finding.model_validate(one) for one in found]


def search(query: str, *, limit: int = 5, kind: str | None = None, campaign: str | None = None) -> list[Hit]:
    """The entries nearest to a query, best first: full text and vectors, fused by reciprocal rank.

    Args:
        query: the words of a failing experiment ("recall drops beyond 16 keys").
        limit: the most hits to return.
        kind: only "paper" or only "finding".
        campaign: with it, findings of other campaigns are left out.
    """
    from lancedb.rerankers import RRFReranker

    table = _open_table()
    embed = load_embedder()
    words = _plain_words(query)
    if embed is None:
        request, found_by = table.search(words, query_type="fts"), "words"
    else:
        hybrid = table.search(query_type="hybrid").vector(embed([query])[0]).text(words)
        request, found_by = hybrid.rerank(RRFReranker()), "words and meaning"
    conditions = [f"kind = '{kind}'"] if kind in ("paper", "finding") else []
    if campaign is not None:
        conditions.append("(kind = 'paper' OR campaign = '{}')".format(campaign.replace("'", "''")))
    if conditions:
        request = request.where(" AND ".join(conditions))
    hits: dict[str, Hit] = {}
    for row in request.limit(limit * 2).to_list():
        hits.setdefault(
            row["id"],
            Hit(
                id=row["id"],
                kind=row["kind"],
                title=row["title"],
                text=row["text"],
                components=tuple(row["components"]),
                evidence=tuple(row["evidence"]),
                effect=row["effect"],
                score=float(row.get("_relevance_score", row.get("_score", 0.0))),
                found_by=found_by,
            ),
        )
    return list(hits.values())[:limit]


def _plain_words(query: str) -> str:
    """Only letters, digits and spaces: the full-text parser gives other signs a meaning."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in query).split()) or "sequence"


def _paper_row(paper: Paper) -> dict[str, Any]:
    return {
        "id": paper.id,
        "kind": "paper",
        "title": paper.title,
        "text": paper.text,
        "components": list(paper.components),
        "evidence": [],
        "effect": 0.0,
        "campaign": "",
    }


def _finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "kind": "finding",
        "title": finding.text[:90],
        "text": finding.text,
        "components": list(finding.components),
        "evidence": list(finding.evidence),
        "effect": finding.effect,
        "campaign": finding.campaign,
    }


def _open_table() -> Any:
    import lancedb
    import pyarrow as pa
    from lancedb.index import FTS

    database = lancedb.connect(place(), read_consistency_interval=timedelta(0))
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("kind", pa.string()),
            ("title", pa.string()),
            ("text", pa.string()),
            ("components", pa.list_(pa.string())),
            ("evidence", pa.list_(pa.string())),
            ("effect", pa.float64()),
            ("campaign", pa.string()),
            ("vector", pa.list_(pa.float32(), DIMENSIONS)),
        ]
    )
    table = database.create_table(TABLE, schema=schema, exist_ok=True)
    if not table.list_indices():
        table.create_index("text", config=FTS())
    return table


def _add(rows: Sequence[dict[str, Any]]) -> int:
    """Add the rows whose id is not in the table yet; one writer of this data folder at a time."""
    with _writing, _one_process():
        table = _open_table()
        known = set(table.search().select(["id"]).limit(None).to_arrow()["id"].to_pylist())
        fresh = [row for row in rows if row["id"] not in known]
        if fresh:
            embed = load_embedder()
            vectors = embed([row["text"] for row in fresh]) if embed else [[0.0] * DIMENSIONS] * len(fresh)
            table.add([{**row, "vector": vector} for row, vector in zip(fresh, vectors, strict=True)])
        return len(known) + len(fresh)


@contextlib.contextmanager
def _one_process() -> Iterator[None]:
    home().mkdir(parents=True, exist_ok=True)
    with Path(home() / "cognition.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
