"""Loading a candidate's class inside a child."""

import sys
import traceback
import types
from pathlib import Path
from typing import NoReturn

import torch
from torch import nn

from evaluation import compiling
from evaluation.asi_arch import imports
from evaluation.asi_arch.contract import ALLOWED_IMPORTS, CLASS_NAME, is_asi_arch
from evaluation.asi_arch.dtypes import mixed_types
from evaluation.asi_arch.layer import adapt
from evaluation.gate import refusal
from evaluation.jobs import CANDIDATE_FILE, DESIGN_RAISED, NO_CANDIDATE, REFUSED
from evaluation.parsing import parse_program

MODULE_NAME = "archloop_candidate"


def load_candidate(folder: Path) -> type[nn.Module]:
    """The class Candidate of ``folder``/candidate.py, or its DeltaNet in ASI-Arch's form, adapted.

    Ends the process with NO_CANDIDATE if there is neither, and with REFUSED if the static gate refuses the text.
    """
    path = folder / CANDIDATE_FILE
    source = path.read_text("utf-8", "replace")
    adapted = _is_adapted(source)
    if adapted:
        imports.install()
    if not torch.cuda.is_available():
        compiling.leave_uncompiled(MODULE_NAME)
    refused = refusal(source, ALLOWED_IMPORTS if adapted else ())
    if refused is not None:
        stop(REFUSED, refused)
    module = types.ModuleType(MODULE_NAME)
    module.__file__ = str(path)
    sys.modules[MODULE_NAME] = module
    try:
        exec(compile(source, path, "exec"), vars(module))  # the text that was read, not whatever the file holds now
    except Exception as error:
        stop(NO_CANDIDATE, f"Importing the file raised {describe(error, path)}")
    candidate = getattr(module, CLASS_NAME if adapted else "Candidate", None)
    if not (isinstance(candidate, type) and issubclass(candidate, nn.Module)):
        stop(NO_CANDIDATE, "The file defines no class Candidate(nn.Module) at its top level.")
    return adapt(candidate) if adapted else candidate


def _is_adapted(source: str) -> bool:
    try:
        return is_asi_arch(parse_program(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # importing it will say what is wrong


def describe(error: BaseException, path: Path) -> str:
    """The exception in one line, with the deepest line of the candidate's own file that led to it.

    One over mixed types ends with the cast that caused it, and is kept short enough for that to be read.
    """
    reason = mixed_types(error, path.read_text("utf-8", "replace"))
    text = f"{type(error).__name__}: {' '.join(str(error).split())[: 120 if reason else 400]}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    if frames:
        text += f" ({path.name} line {frames[-1].lineno}: {frames[-1].line})"
    return f"{text}; {reason}" if reason else text


def stop(code: int, sentence: str) -> NoReturn:
    """End the child with its last words on stderr, where the parent looks for them."""
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(code)


def design_raised(where: str, error: BaseException, folder: Path) -> NoReturn:
    """End the child because the design raised."""
    stop(DESIGN_RAISED, f"{where} raised {describe(error, folder / CANDIDATE_FILE)}")
