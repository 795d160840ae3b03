"""Keys of endpoints: read when a request is made, and taken out of whatever a server sends back."""

import json
import os
from urllib.parse import quote

from tasks.faults import ModelUnusable

SHORTEST = 8  # signs; what is shorter is a placeholder, and would be found in ordinary text
HIDDEN = "[key]"

_used: set[str] = set()  # by this process


def read_key(variable: str) -> str:
    """The key in this environment variable; a placeholder where no variable is named, as for local servers.

    Raises:
        ModelUnusable: the variable is not set, or holds what no key can.
    """
    if not variable:
        return "none"
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ModelUnusable(f"No key for the model endpoint: set {variable}, or name another key_variable.")
    if not key.isascii() or not key.isprintable():
        raise ModelUnusable(f"{variable} holds signs that no key can have: set it anew.")
    if len(key) >= SHORTEST:
        _used.update({key, json.dumps(key)[1:-1], quote(key, safe="")})
    return key


def without_keys(text: str) -> str:
    """The text with every key that this process has used taken out."""
    for key in sorted(_used, key=len, reverse=True):
        text = text.replace(key, HIDDEN)
    return text
