"""``data prepare``: documents into a folder of token shards, in two passes: learn the vocabulary, then write."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from evaluation.data.faults import DataError
from evaluation.data.shards import META_FILE, TOKENIZER_FILE, Dataset, PartWriter, sha256_of
from evaluation.data.sources import documents
from evaluation.data.split import PARTS, part_of
from evaluation.data.tokens import BYTES, LARGEST, BytePairs, ByteVocabulary, learn

Told = Callable[[str, int], None]  # what is being done, and the bytes of text that it has read so far

_SAMPLE = 100_000_000  # bytes of training text, the first ones, from which byte pairs are learnt
_SHARD = 100_000_000  # tokens: files of 200 MB
_AT_ONCE = 4_000_000  # characters that are encoded together, on all cores


def prepare(
    source: str,
    into: Path,
    vocabulary: int,
    text_field: str = "text",
    *,
    held_share: float = 0.01,
    sample_bytes: int = _SAMPLE,
    shard_tokens: int = _SHARD,
    on_progress: Told | None = None,
) -> Dataset:
    """Prepare ``source`` (see ``documents``) into the new folder ``into``.

    ``vocabulary`` 257 means bytes; more means byte pairs, learnt from training documents alone. ``held_share`` of the
    documents become validation text, and as many hold-out. The folder appears only when it is complete: an
    interrupted run leaves nothing but, if it was killed, a folder NAME.partial-* beside it.
    Raises DataError for a source without usable text, and ValueError for other arguments that make no sense.
    """
    if not BYTES <= vocabulary <= LARGEST:
        raise ValueError(
            f"A vocabulary of {vocabulary} tokens is not possible: choose {BYTES} (bytes) to {LARGEST} (16 bits)."
        )
    if not 0 < held_share < 0.5:
        raise ValueError(f"A held-out share of {held_share} leaves a part empty: choose one between 0 and 0.5.")
    if into.exists():
        raise ValueError(f"{into} exists already: name another folder, or remove it if you do not need it.")
    into.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{into.name}.partial-", dir=into.parent))
    try:
        dataset = _fill(partial, source, vocabulary, text_field, held_share, sample_bytes, shard_tokens, on_progress)
        partial.chmod(0o755)  # mkdtemp's folder is for its owner alone
        os.rename(partial, into)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return dataset


def _fill(
    folder: Path,
    source: str,
    vocabulary: int,
    text_field: str,
    held_share: float,
    sample_bytes: int,
    shard_tokens: int,
    on_progress: Told | None,
) -> Dataset:
    tokenizer = ""
    codes: ByteVocabulary | BytePairs = ByteVocabulary()
    if vocabulary != BYTES:
        sample = _sample(source, text_field, held_share, sample_bytes)
        codes = learn(_telling(sample, "learning byte pairs", on_progress), vocabulary)
        codes.write(folder / TOKENIZER_FILE)
        tokenizer = sha256_of(folder / TOKENIZER_FILE)
    writers = {name: PartWriter(folder, name, codes.end_of_text, shard_tokens) for name in PARTS}
    for texts in _together(_telling(documents(source, text_field), "writing tokens", on_progress)):
        for text, tokens in zip(texts, codes.encode(texts), strict=True):
            writers[part_of(text, held_share)].add(tokens, len(text.encode()))
    parts = {name: writer.close() for name, writer in writers.items()}
    for name, part in parts.items():
        if not part.tokens:
            total = sum(one.documents for one in parts.values())
            raise DataError(
                "corpus_too_short",
                f"Of {total} documents in {source} none fell into {name} at a held-out share of {held_share:g}.",
                "Give more text, or a larger --held-share.",
            )
    dataset = Dataset(
        source=source,
        vocabulary=vocabulary,
        learnt=len(codes.byte_lengths()),
        end_of_text=codes.end_of_text,
        tokenizer_sha256=tokenizer,
        held_share=held_share,
        parts=parts,
    )
    (folder / META_FILE).write_text(dataset.model_dump_json(indent=1) + "\n", "utf-8")
    return dataset


def _sample(source: str, text_field: str, held_share: float, most: int) -> Iterator[str]:
    # Held-out text must not shape the vocabulary either.
    taken = 0
    for text in documents(source, text_field):
        if part_of(text, held_share) == "train":
            yield text
            taken += len(text.encode())
            if taken >= most:
                return


def _together(texts: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _telling(texts: Iterator[str], doing: str, on_progress: Told | None) -> Iterator[str]:
    read = 0
    for text in texts:
        yield text
        read += len(text.encode())
        if on_progress is not None:
            on_progress(doing, read)
