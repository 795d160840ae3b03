"""torch.compile as the identity for a candidate's own code: on a CPU it costs minutes and tells nothing about it."""

import sys
from typing import Any

import torch

_original = torch.compile


def leave_uncompiled(module: str) -> None:
    """From now on torch.compile returns what it is given when code of ``module`` calls it, as function or decorator.

    Anybody else, such as a check of whether a design compiles, still gets the real one.
    """

    def compile(model: Any = None, **options: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__") != module:
            return _original(model, **options)
        return _same if model is None else model

    torch.compile = compile


def _same(model: Any) -> Any:
    return model
