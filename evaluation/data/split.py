"""Which part a document belongs to: decided by its own text, so that copies of it can never be on two sides."""

import hashlib
from typing import Literal

PartName = Literal["train", "validation", "holdout"]
PARTS: tuple[PartName, ...] = ("train", "validation", "holdout")


def part_of(text: str, held_share: float) -> PartName:
    """The part of one document. ``held_share`` of all documents go to validation, and as many to hold-out.

    Case and white space do not count: copies on the web differ by them.
    """
    key = " ".join(text.split()).casefold().encode("utf-8", "replace")
    draw = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64
    if draw < held_share:
        return "holdout"
    return "validation" if draw < 2 * held_share else "train"
