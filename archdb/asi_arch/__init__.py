"""ASI-Arch's released results as a campaign that can be browsed and drawn parents from.

Liu et al., "AlphaGo Moment for Model Architecture Discovery" (2025, arXiv:2507.18074), published a tree of 1,772
designs with a score each, and for 106 of them loss curves, benchmark accuracies and programs. Their scores are theirs:
see ``CAVEAT``. evaluation/asi_arch lets their programs be checked and trained here.
"""

from archdb.asi_arch.keep import Imported, import_release, imported_result
from archdb.asi_arch.release import NotARelease, Release, read_release
from archdb.asi_arch.result import CAVEAT, ORIGIN, SCORE, SCORE_TITLE, ImportedResult

__all__ = [
    "CAVEAT",
    "ORIGIN",
    "SCORE",
    "SCORE_TITLE",
    "Imported",
    "ImportedResult",
    "NotARelease",
    "Release",
    "import_release",
    "imported_result",
    "read_release",
]
