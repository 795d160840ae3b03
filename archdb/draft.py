"""A file that is there under its name only once it is whole."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def drafted(file: Path, *, anew: bool = False) -> Iterator[Path]:
    """A place beside a file to write it to. What lies there at the end gets the file's name; after a fault it is gone.

    Args:
        file: is replaced if it exists.
        anew: it is not to be replaced.

    Raises:
        FileExistsError: it exists, and is to be a new one.
        OSError: the draft cannot get the file's name.
    """
    draft = file.with_name(f".{file.name}.draft")
    try:
        yield draft
        if anew:
            _take_name(draft, file)
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _take_name(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)  # which fails where somebody else was faster
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        file.touch(exist_ok=False)
        draft.replace(file)
