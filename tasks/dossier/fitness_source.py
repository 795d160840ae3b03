"""The text of the code that computes scores, fitness and verdicts, as it is installed.

It is found from the functions themselves: the modules that define them, and what those import of the same packages.
Means over seeds, which `tasks` takes, and libraries are not among it.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

import evaluation
from evaluation import parse_program
from tasks.domain import domain_of

OF_THE_DOMAIN = ("objectives_of", "benchmark", "fitness", "compare")
OF_EVALUATION = (  # what stages use whatever the domain
    "objectives_from", "best_baseline", "fitness_of_seeds", "fresh_seeds", "verify", "promote", "component_effect",
)  # fmt: skip


def fitness_source(domain: str) -> dict[str, str]:
    """Module -> its text: the modules of the domain and of `evaluation` behind scores, fitness, intervals and verdicts.

    The faces of packages (``__init__``) are left out, and so is whatever lies in other packages.
    """
    found = [getattr(domain_of(domain), name) for name in OF_THE_DOMAIN]
    found += [getattr(evaluation, name) for name in OF_EVALUATION]
    left, texts = sorted({str(one.__module__) for one in found}), dict[str, str]()
    packages = {name.partition(".")[0] for name in left}
    while left:
        name = left.pop()
        place = _file(name) if name not in texts and name.partition(".")[0] in packages else None
        if place is not None:
            texts[name] = place.read_text(encoding="utf-8")
            left += list(_imports(texts[name]))
    return dict(sorted(texts.items()))


def _file(name: str) -> Path | None:
    """Where a module within a package lies. The face of a package is left out: it imports all there is."""
    if "." not in name:
        return None
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # it names something inside a module
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def _imports(text: str) -> Iterator[str]:
    for node in ast.walk(parse_program(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def sha256_of_source(texts: Mapping[str, str]) -> str:
    """One hash over all modules and their texts."""
    whole = "".join(f"{name}\n{hashlib.sha256(text.encode()).hexdigest()}\n" for name, text in sorted(texts.items()))
    return hashlib.sha256(whole.encode()).hexdigest()
