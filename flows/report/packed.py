"""What a page need not show at once, packed into it: deflated JSON in base64, which its script unpacks when asked for.

Thousands of designs are 30 MB of markup, which a browser would parse, lay out and keep before it shows anything.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence

from markupsafe import Markup

WHOLE = 60  # designs up to which a page holds everything as it is, so that it reads without a script and prints
CHUNK = 40  # designs that are unpacked together
ROWS = 100  # of the leaderboard, that a page shows at first


def pack(value: object) -> Markup:
    """The value, which JSON has to be able to hold, as text for an inert element of the page."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(base64.b64encode(zlib.compress(text.encode(), 9)).decode())


def chunked(designs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Markup]]:
    """(name, packed) of every chunk of (anchor, markup) pairs: ``designs-0``, ``designs-1``, ..."""
    for start in range(0, len(designs), CHUNK):
        yield f"designs-{start // CHUNK}", pack(dict(designs[start : start + CHUNK]))
