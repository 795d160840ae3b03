"""The LanceDB table: one row for each passage, found by words and by meaning. One writer at a time may change it."""

import hashlib
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from archdb.cognition.embedding import DIMENSIONS, model_name
from archdb.cognition.entries import Entry
from archdb.cognition.stored_vectors import vectors_of
from archdb.home import home

SHAPE = 3  # of the rows: a table of another shape is left alone and a new one is filled
UNTIDY = 200  # rows outside of the full-text index
RETAINED = timedelta(minutes=10)  # versions younger than this may still be read by other workers


def place() -> str:
    """The LanceDB URI: ARCHLOOP_COGNITION_URI, or a folder of the data folder."""
    return os.environ.get("ARCHLOOP_COGNITION_URI") or str(home() / "cognition")


def table_name() -> str:
    """Names the embedding model and the shape of the rows, so that vectors of two models never meet."""
    return "cognition-" + hashlib.sha256(f"{SHAPE}/{model_name()}".encode()).hexdigest()[:8]


def open_table() -> Any:
    """The table, created if it is not there."""
    import lancedb
    import pyarrow as pa
    from lancedb.index import FTS

    database = lancedb.connect(place(), read_consistency_interval=timedelta(0))
    texts = [pa.field(name, pa.string()) for name in ("row", "entry", "sha256", "kind", "title", "text", "campaign")]
    schema = pa.schema(
        [
            *texts,
            pa.field("components", pa.list_(pa.string())),
            pa.field("evidence", pa.list_(pa.string())),
            pa.field("effect", pa.float64()),
            pa.field("passages", pa.int32()),
            pa.field("created_at", pa.float64()),
            pa.field("vector", pa.list_(pa.float32(), DIMENSIONS)),
        ]
    )
    table = database.create_table(table_name(), schema=schema, exist_ok=True)
    if not table.list_indices():
        table.create_index("text", config=FTS())
    return table


def put_entries(table: Any, entries: Sequence[Entry]) -> None:
    """Let the table have exactly these passages of these entries. Idempotent, also when it is cut off in between."""
    rows = [row for entry in entries for row in _rows(entry)]
    vectors = vectors_of([row["text"] for row in rows])
    fresh = [{**row, "vector": vector} for row, vector in zip(rows, vectors, strict=True)]
    table.merge_insert("row").when_matched_update_all().when_not_matched_insert_all().execute(fresh)
    for entry in entries:
        left = " AND ".join(f"row != '{quoted(row['row'])}'" for row in _rows(entry))
        table.delete(f"entry = '{quoted(entry.id)}' AND {left}")


def tidy(table: Any) -> None:
    """Once many rows have come: take them into the full-text index, and drop old versions that nobody reads any more.

    Rows outside of the index are found all the same. Tidying writes table and index anew, and what it replaces stays
    for RETAINED: doing it for each finding would fill the folder with copies.
    """
    indexed = [table.index_stats(one.name) for one in table.list_indices()]
    if any(one is None or one.num_unindexed_rows >= UNTIDY for one in indexed):
        table.optimize(cleanup_older_than=RETAINED)


def quoted(text: str) -> str:
    """Text for a filter, between single quotes."""
    return text.replace("'", "''")


def _rows(entry: Entry) -> list[dict[str, Any]]:
    return [
        {
            "row": f"{entry.id}#{number}",
            "entry": entry.id,
            "sha256": entry.sha256,
            "kind": entry.kind,
            "title": entry.title,
            "text": passage,
            "campaign": entry.campaign,
            "components": list(entry.components),
            "evidence": list(entry.evidence),
            "effect": entry.effect,
            "passages": len(entry.passages),
            "created_at": entry.created_at,
        }
        for number, passage in enumerate(entry.passages)
    ]
