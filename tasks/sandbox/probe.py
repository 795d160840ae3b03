"""The job of a throw-away child: can a confined child still read Python and our code, and write to its folder?"""

import importlib.util
import os
import sysconfig
from pathlib import Path


def main(mode: str) -> None:
    """Do what every real job will have to do. Raises OSError if a layer went too far."""
    for name in ("colorsys", "evaluation.child", "kernels", "einops", "torch"):
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise OSError(f"{name} is not to be found")
        Path(found.origin).read_bytes()
    if not os.listdir(sysconfig.get_path("purelib")):
        raise OSError("the installed packages cannot be listed")
    Path("written").mkdir()
    Path("written", mode).write_bytes(os.urandom(16))
    os.replace(Path("written", mode), mode)
