"""Files that reach out of a design. Each sets ``reached`` to something true if it got there, when nothing stops it.

Nothing here does harm: most reach a module or a builtin and stop. They are executed, in a process of their own, only to
show that what the gate refuses are real attempts. ``#!`` marks the line that the gate must name, where it is not the
first after the imports.
"""

from tests.evaluation.evasions.modules import MODULES
from tests.evaluation.evasions.names import NAMES
from tests.evaluation.evasions.outside import OUTSIDE
from tests.evaluation.evasions.shared import SHARED

HEAD = "import torch\nimport typing\nfrom torch import nn\nimport torch.nn.functional as F\n"  # lines 1 to 4
_BODIES = MODULES | NAMES | SHARED | OUTSIDE


def _marked(source: str) -> int:
    marked = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("#!")]
    return marked[0] if marked else HEAD.count("\n") + 1


EVASIONS: dict[str, tuple[int, str]] = {
    name: (_marked(source), source)
    for name, source in ((name, f"{HEAD}{body.strip()}\n") for name, body in _BODIES.items())
} | {
    "code hidden by the file's encoding": (1, "# -*- coding: utf-7 -*-\n# +AAo-import os+AAo-reached = os.getpid()\n"),
}
"""Name -> (line that the gate must name, source)."""

NOT_EXECUTED = ("relative import",)  # it fails without a package around it, which a design never has
