"""Vectors of the papers that ship with archloop, so that a new table is filled in a second: embedding them takes a
processor minutes. A passage whose text changed is embedded again; ``python -m archdb.cognition.stored_vectors``
writes the file anew.
"""

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy
from safetensors.numpy import load, save_file

from archdb.cognition.embedding import DIMENSIONS, load_embedder, model_name
from archdb.cognition.papers import FOLDER

FILE = FOLDER / "vectors.safetensors"
KEY_BYTES = 16  # of a passage's sha256


def vectors_of(texts: Sequence[str]) -> list[list[float]]:
    """A unit vector for each text; zeros where the embedding model is not installed."""
    embed = load_embedder()
    if embed is None:
        return [[0.0] * DIMENSIONS] * len(texts)
    known = _stored()
    lacking = [text for text in dict.fromkeys(texts) if _key(text) not in known]
    fresh = dict(zip(lacking, embed(lacking), strict=True))
    return [fresh[text] if text in fresh else known[_key(text)] for text in texts]


def store_vectors(texts: Sequence[str]) -> None:
    """Write the vectors of these texts, and of no others."""
    vectors = numpy.array(vectors_of(texts), dtype=numpy.float16)
    keys = numpy.frombuffer(b"".join(map(_key, texts)), dtype=numpy.uint8).reshape(-1, KEY_BYTES)
    save_file({"keys": keys.copy(), "vectors": vectors}, FILE, {"model": model_name()})


@cache
def _stored() -> dict[bytes, list[float]]:
    """Vectors by the hash of their text, none if they are of another model."""
    if not FILE.exists():
        return {}
    content = FILE.read_bytes()
    length = int.from_bytes(content[:8], "little")
    if f'"{model_name()}"'.encode() not in content[8 : 8 + length]:
        return {}
    held = load(content)
    rows = held["vectors"].astype(numpy.float32).tolist()
    return {bytes(key): row for key, row in zip(held["keys"], rows, strict=True)}


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:KEY_BYTES]


if __name__ == "__main__":
    from archdb.cognition.entries import shipped

    store_vectors([passage for entry in shipped().values() for passage in entry.passages])
