"""What a child prints, cut into lines of untrusted text."""

import os
from collections.abc import Callable

LONGEST = 65536  # bytes of one line; of a longer one only the end is kept


class Lines:
    """Reads a child's output from a descriptor that it owns; counts the bytes and hands on each whole line."""

    def __init__(self, descriptor: int, on_line: Callable[[str], None]) -> None:
        self.descriptor, self.on_line = descriptor, on_line
        self.size = 0
        self.ended = False
        self._rest = b""

    def fileno(self) -> int:
        return self.descriptor

    def read(self) -> None:
        """Take in what is there; blocks if nothing is."""
        data = os.read(self.descriptor, LONGEST)
        self.ended = not data
        self.size += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LONGEST:]
        for line in whole:
            self.on_line(line.decode(errors="replace"))

    def close(self) -> None:
        os.close(self.descriptor)
