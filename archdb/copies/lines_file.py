"""A file of JSON lines, compressed as its name's end says (.gz, .xz), of which the last says that it is whole."""

import gzip
import hashlib
import json
import lzma
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from archdb.draft import drafted
from archdb.errors import ArchiveError
from archdb.records import Body


@dataclass(frozen=True)
class Form:
    """What such a file holds: a word for it, which is its command's name too, and the error of one that is unusable."""

    word: str
    unusable: type[ArchiveError]

    @property
    def cut(self) -> ArchiveError:
        return self.unusable(f"is a {self.word} that is cut off or damaged: copy or export it again.")

    @property
    def none(self) -> ArchiveError:
        return self.unusable(f"is no {self.word}: give a file that `archloop {self.word} export` wrote.")


def line(body: Body) -> str:
    """One JSON document without a line break. Keys keep their order: prompts show objectives in theirs."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read_line(text: str) -> Body:
    """The document of a line; an empty one where it is none."""
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def write_lines(form: Form, lines: Iterable[str], file: Path) -> int:
    """Write the lines and a last one about them; returns the bytes. The same lines give the same bytes.

    The file replaces one of that name once it is whole.

    Raises:
        form.unusable: the file cannot be written.
    """
    body = "".join(f"{one}\n" for one in lines)
    end = {"kind": "end", "lines": body.count("\n"), "sha256": hashlib.sha256(body.encode()).hexdigest()}
    data = f"{body}{line(end)}\n".encode()
    if file.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif file.suffix == ".xz":
        data = lzma.compress(data, preset=6)
    try:
        with drafted(file) as draft:
            draft.write_bytes(data)
    except OSError as fault:
        raise form.unusable(f"{file} cannot be written ({fault.strerror or fault}): give another path.") from None
    return len(data)


def read_lines(form: Form, file: Path) -> list[str]:
    """The lines of a file, with nothing said yet of whether it is whole.

    Raises:
        form.unusable: it cannot be read.
    """
    try:
        data = file.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        elif data[:6] == b"\xfd7zXZ\x00":
            data = lzma.decompress(data)
        return data.decode().split("\n")
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile):  # the last one of a wrong checksum
        raise form.cut from None
    except OSError as fault:
        why = fault.strerror or fault
        raise form.unusable(f"cannot be read ({why}): give the path of a {form.word}.") from None
    except UnicodeDecodeError:
        raise form.none from None


def check_end(form: Form, lines: list[str]) -> tuple[list[str], bool]:
    """The lines without the last, and whether they are what that one says.

    Raises:
        form.unusable: there is no such last line.
    """
    if len(lines) < 3 or lines[-1] or read_line(lines[-2]).get("kind") != "end":
        raise form.cut
    body, end = lines[:-2], read_line(lines[-2])
    seen = hashlib.sha256("".join(f"{one}\n" for one in body).encode()).hexdigest()
    return body, (end.get("lines"), end.get("sha256")) == (len(body), seen)
