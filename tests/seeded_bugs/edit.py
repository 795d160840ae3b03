"""A seeded bug, or a right change that looks like one: a few lines put into each of the base layers."""

import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

BASES = ("gated_linear", "moving_average")
HOOKS = ("top", "init", "stream", "mixed", "outputs", "methods", "step_writes", "step_reads")
_INDENTS = {"top": 0, "methods": 1}  # in steps of four spaces; all others are lines of a method


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Lines for the places that both bases offer; in all of them x, h, o and y are [B, T, D].

    ``says`` is one sentence on what the lines do.
    """

    name: str
    says: str
    top: str = ""  # of the module, before the class
    init: str = ""  # at the end of __init__, which has d_model and n_heads
    stream: str = ""  # may change h, the normalised input
    mixed: str = ""  # may change o, what the memory gave back, before the gate and the output projection
    outputs: str = ""  # may change y, which forward returns next
    methods: str = ""  # of the class
    decoding: bool = False  # keep the base's init_state and step; they do not know of changes to forward
    step_writes: str = ""  # in step: may change kept (the decay), written, weight, and the state: above, below
    step_reads: str = ""  # in step: may change o, which is total / share, and the state: recent, above, below
    full: bool = False  # check it in the full tier


@dataclass(frozen=True, kw_only=True)
class Bug(Edit):
    """What a check must say of it: the verdict on one of ``expects``, each a property or the kind of a failure."""

    expects: tuple[str, ...]
    verdict: Literal["fail", "warn"] = "fail"
    endless: bool = False  # runs until the time limit ends it


@dataclass(frozen=True, kw_only=True)
class Control(Edit):
    """A right change that looks wrong: no verdict may be fail."""

    silent: bool = False  # nor warn


PLAIN = Control(name="plain", says="The base as it stands.", silent=True)
DECODING = Control(name="plain_decoding", says="The base with its step().", decoding=True, silent=True)
FULL = Control(name="plain_in_the_full_tier", says="The base as it stands, as a finalist.", full=True, silent=True)


def source_of(edit: Edit, base: str) -> str:
    """The text of one candidate file: ``base`` with the lines of ``edit``."""
    text = _base(base)
    whole, marker, _ = text.partition("    # here: decoding\n")
    text = text.replace(marker, "\n") if edit.decoding else whole
    for hook in HOOKS:
        indent = "    " * _INDENTS.get(hook, 2)
        lines = textwrap.indent(textwrap.dedent(getattr(edit, hook)).strip("\n"), indent)
        text = text.replace(f"{indent}# here: {hook}\n", f"{lines}\n" if lines else "")
    return text


@cache
def _base(name: str) -> str:
    return (Path(__file__).parent / "bases" / f"{name}.py").read_text("utf-8")
