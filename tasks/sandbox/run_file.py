"""A job that is a program: ``main(mode)`` runs the file ``mode`` of the folder, whatever it holds.

The probe of a new fork server is such a program, and so are the attacks by which the sandbox is tested: what they do is
up to the layers alone, as no static gate reads them first.
"""

import sys
from pathlib import Path


def main(mode: str) -> None:
    """Run the program. What it raises propagates."""
    path = Path(mode)
    exec(compile(path.read_bytes(), path, "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(sys.argv[1])
