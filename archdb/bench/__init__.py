"""How long the store's queries take as a campaign grows, on campaigns that are drawn at random."""

from archdb.bench.campaign import NAME, bytes_needed, populate
from archdb.bench.study import CLAIM, CLAIM_MS, QUERIES, QUERY_MS, SLOPE, Study, Timing, steps, study

__all__ = [
    "CLAIM",
    "CLAIM_MS",
    "NAME",
    "QUERIES",
    "QUERY_MS",
    "SLOPE",
    "Study",
    "Timing",
    "bytes_needed",
    "populate",
    "steps",
    "study",
]
