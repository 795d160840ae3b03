"""A prepared dataset on disk: meta.json, tokenizer.json unless its tokens are bytes, and a folder of shards per part.

A shard is nothing but tokens, uint16 in little-endian order, so that it can be mapped into memory and read anywhere.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt, ValidationError

from evaluation.data.faults import DataError
from evaluation.data.split import PARTS, PartName
from evaluation.data.tokens import BytePairs, ByteVocabulary, Tokens, Vocabulary
from evaluation.reports import Report

META_FILE = "meta.json"
TOKENIZER_FILE = "tokenizer.json"
_ON_DISK = np.dtype("<u2")


class Shard(Report):
    """One file of tokens."""

    file: str  # below the dataset's folder
    tokens: PositiveInt
    sha256: str


class Part(Report):
    """One side of the split."""

    documents: NonNegativeInt = 0
    bytes: NonNegativeInt = 0  # of UTF-8 text
    tokens: NonNegativeInt = 0  # with one end of text per document
    shards: tuple[Shard, ...] = ()


class Dataset(Report):
    """meta.json: what a prepared folder holds."""

    version: Literal[1] = 1
    source: str
    vocabulary: PositiveInt  # as asked for: the number of embeddings that a model needs
    learnt: PositiveInt  # tokens in use; fewer where the text had no more pairs to learn
    end_of_text: NonNegativeInt
    tokenizer_sha256: str = ""  # empty for bytes
    held_share: float
    parts: dict[PartName, Part]

    @property
    def fingerprint(self) -> dict[str, str]:
        """The source and one sha256 per part, for the record."""
        hashes = {
            name: hashlib.sha256("".join(shard.sha256 for shard in self.parts[name].shards).encode()).hexdigest()
            for name in PARTS
        }
        return {"dataset": self.source, "tokenizer": self.tokenizer_sha256} | hashes


def read_dataset(folder: Path) -> Dataset:
    """The description of a prepared folder. Raises DataError."""
    prepare = "Prepare one with archloop data prepare, or python -m evaluation data prepare."
    try:
        text = (folder / META_FILE).read_text("utf-8")
    except OSError as error:
        raise DataError("no_corpus", f"There is no prepared dataset in {folder}.", prepare) from error
    try:
        return Dataset.model_validate_json(text)
    except ValidationError as error:
        raise DataError("damaged_corpus", f"{folder / META_FILE} is not what this version writes.", prepare) from error


def read_vocabulary(folder: Path, dataset: Dataset) -> Vocabulary:
    """The vocabulary of a prepared folder. Raises DataError if it is not the one that was prepared."""
    if not dataset.tokenizer_sha256:
        return ByteVocabulary()
    file = folder / TOKENIZER_FILE
    if not file.is_file() or sha256_of(file) != dataset.tokenizer_sha256:
        raise _damaged(file)
    return BytePairs.read(file)


def require_intact(folder: Path, dataset: Dataset, parts: Sequence[PartName]) -> None:
    """Read every shard of ``parts`` once, at the speed of the disk. Raises DataError that names a damaged one."""
    for name in parts:
        for shard in dataset.parts[name].shards:
            if not (folder / shard.file).is_file() or sha256_of(folder / shard.file) != shard.sha256:
                raise _damaged(folder / shard.file)


def sha256_of(file: Path) -> str:
    """Of a file of any size."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _damaged(file: Path) -> DataError:
    return DataError(
        "damaged_corpus",
        f"{file} is missing, or its sha256 is not the one in {META_FILE}.",
        "Copy it again from where it was prepared, or prepare the dataset again.",
    )


class Stream:
    """The tokens of several shards as one sequence, mapped into memory: nothing is read before it is asked for."""

    def __init__(self, shards: Sequence[tuple[Path, int]]) -> None:
        self._maps = [np.memmap(file, dtype=_ON_DISK, mode="r", shape=(tokens,)) for file, tokens in shards]
        self._ends = np.cumsum([len(one) for one in self._maps]).tolist()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, start: int, count: int) -> Tokens:
        """Tokens [count] from ``start`` on. Raises IndexError outside of the stream."""
        if not 0 <= start <= start + count <= len(self):
            raise IndexError(f"tokens {start} to {start + count} of {len(self)}")
        out = np.empty(count, dtype=np.uint16)
        filled, index = 0, bisect_right(self._ends, start)
        while filled < count:
            offset = start + filled - (self._ends[index - 1] if index else 0)
            piece = self._maps[index][offset : offset + count - filled]
            out[filled : filled + len(piece)] = piece
            filled, index = filled + len(piece), index + 1
        return out


def stream(folder: Path, dataset: Dataset, part: PartName) -> Stream:
    """One part of a prepared folder."""
    return Stream([(folder / shard.file, shard.tokens) for shard in dataset.parts[part].shards])


class PartWriter:
    """Writes one part, document by document, into shards of at most ``most`` tokens."""

    def __init__(self, folder: Path, name: PartName, end_of_text: int, most: int) -> None:
        self._folder, self._name, self._end, self._most = folder, name, end_of_text, most
        self._pending: list[NDArray[np.uint16]] = []
        self._waiting = 0
        self._shards: list[Shard] = []
        self._documents = self._bytes = 0
        (folder / name).mkdir()

    def add(self, tokens: Tokens, size: int) -> None:
        """One document of ``size`` bytes."""
        self._pending += [tokens, np.array([self._end], dtype=np.uint16)]
        self._waiting += len(tokens) + 1
        self._documents += 1
        self._bytes += size
        if self._waiting >= self._most:
            joined = np.concatenate(self._pending)
            whole = len(joined) - len(joined) % self._most
            for start in range(0, whole, self._most):
                self._write(joined[start : start + self._most])
            self._pending, self._waiting = [joined[whole:]], len(joined) - whole

    def close(self) -> Part:
        """Write what is left and describe the part."""
        if self._waiting:
            self._write(np.concatenate(self._pending))
        tokens = sum(shard.tokens for shard in self._shards)
        return Part(documents=self._documents, bytes=self._bytes, tokens=tokens, shards=tuple(self._shards))

    def _write(self, tokens: Tokens) -> None:
        file = f"{self._name}/{len(self._shards):05d}.bin"
        content = tokens.astype(_ON_DISK).tobytes()
        (self._folder / file).write_bytes(content)
        self._shards.append(Shard(file=file, tokens=len(tokens), sha256=hashlib.sha256(content).hexdigest()))
