"""Which items a prepared dataset's training text holds, looked up once per dataset and set of items.

Reading 15B tokens takes an hour of one core, and every design that is trained on them is asked the same items.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from evaluation.data.shards import Dataset, read_vocabulary, stream
from evaluation.reports import Report
from evaluation.zero_shot.overlap import Told, seen

KEPT_FILE = "overlap.json"  # beside meta.json; of the last items that were looked for


class _Kept(Report):
    key: str
    met: tuple[bool | None, ...]


def met_in(folder: Path, dataset: Dataset, items: Sequence[Sequence[str]], told: Told | None) -> list[bool | None]:
    """``seen`` for the training text of the dataset in ``folder``, kept there if the folder can be written."""
    text = json.dumps([dataset.fingerprint["train"], dataset.tokenizer_sha256, items])
    key = hashlib.sha256(text.encode()).hexdigest()
    file = folder / KEPT_FILE
    with contextlib.suppress(OSError, ValidationError):
        kept = _Kept.model_validate_json(file.read_text("utf-8"))
        if kept.key == key:
            return list(kept.met)
    found = seen(items, stream(folder, dataset, "train"), read_vocabulary(folder, dataset), told)
    with contextlib.suppress(OSError):
        partial = file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(_Kept(key=key, met=tuple(found)).model_dump_json(), "utf-8")
        os.replace(partial, file)
    return found
