"""Copies of a store or a campaign: backups, cassettes and dossiers, each a file that is whole or refused."""

from archdb.copies.backup import read_backup, write_backup
from archdb.copies.cassette_file import read_cassette, write_cassette
from archdb.copies.cassettes import (
    Cassette,
    HeldCall,
    HeldEvaluation,
    Settings,
    find_cassette,
    keep_cassette,
    sha256_of_cassette,
)
from archdb.copies.copying import Take, Totals, read_whole, readable_version, write_whole
from archdb.copies.dossier import Dossier, read_dossier_of
from archdb.copies.dossier_audit import check_events
from archdb.copies.dossier_file import read_dossier, write_dossier

__all__ = [
    "Cassette",
    "Dossier",
    "HeldCall",
    "HeldEvaluation",
    "Settings",
    "Take",
    "Totals",
    "check_events",
    "find_cassette",
    "keep_cassette",
    "read_backup",
    "read_cassette",
    "read_dossier",
    "read_dossier_of",
    "read_whole",
    "readable_version",
    "sha256_of_cassette",
    "write_backup",
    "write_cassette",
    "write_dossier",
    "write_whole",
]
