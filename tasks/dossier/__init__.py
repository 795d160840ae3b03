"""Dossiers: a campaign as one file from which somebody else recomputes what it claims (docs/dossier.md)."""
