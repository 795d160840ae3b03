"""The cognition base: papers and the laboratory's own findings, looked up by words and by meaning together."""

from archdb.cognition.adding import Added, add_entries, record_findings
from archdb.cognition.asi_arch import read_asi_arch
from archdb.cognition.entries import Entry, essence, find_entries, list_findings, paper_entry
from archdb.cognition.index import index_cognition
from archdb.cognition.papers import Paper, read_literature, read_paper
from archdb.cognition.searching import Hit, search

__all__ = [
    "Added",
    "Entry",
    "Hit",
    "Paper",
    "add_entries",
    "essence",
    "find_entries",
    "index_cognition",
    "list_findings",
    "paper_entry",
    "read_asi_arch",
    "read_literature",
    "read_paper",
    "record_findings",
    "search",
]
