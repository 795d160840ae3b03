"""Whether a design is new: the same program, one that is near, or the same idea again.

``canonical`` says what a program is apart from names and layout, ``fingerprint`` how two are compared, ``motivations``
how two ideas are, ``verdict`` what is concluded of code, and ``repeats`` what of a proposal. Programs are read here and
never run.
"""

from tasks.novelty.repeats import Likeness, repeated_idea
from tasks.novelty.verdict import COUNTED, NEAR, NEAR_IDEA, Novelty, duplicate, judge, keep_fingerprint

__all__ = [
    "COUNTED",
    "NEAR",
    "NEAR_IDEA",
    "Likeness",
    "Novelty",
    "duplicate",
    "judge",
    "keep_fingerprint",
    "repeated_idea",
]
