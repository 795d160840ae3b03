"""Scaling of a search: how discoveries grow with compute, and where scores flatten."""

from evaluation.scaling.discovery import LEAST as LEAST_DISCOVERIES
from evaluation.scaling.discovery import Ahead, Discovery, FittedLaw, discovery_law, rate_interval
from evaluation.scaling.flattening import LEAST as LEAST_SCORES
from evaluation.scaling.flattening import Flattening, flattening

__all__ = [
    "LEAST_DISCOVERIES",
    "LEAST_SCORES",
    "Ahead",
    "Discovery",
    "FittedLaw",
    "Flattening",
    "discovery_law",
    "flattening",
    "rate_interval",
]
