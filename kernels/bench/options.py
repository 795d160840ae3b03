"""The bench's command line. What cannot be done is refused here, before anything is timed."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from kernels.bench.cases import ATTENTION, LARGE, Shape, cases, search_shapes


@dataclass(frozen=True)
class Options:
    """What to time, and where to write it."""

    device: str
    dtype: torch.dtype
    ops: tuple[str, ...]
    """Their names in the table; none for all."""
    shapes: tuple[Shape, ...]
    budget: float
    """Seconds of timing for each number."""
    model: bool
    """Also train a small model."""
    plot: Path | None
    json: Path | None


def options(description: str) -> Options:
    """This process's. Misuse ends it with one sentence."""
    parser = argparse.ArgumentParser(prog="python -m kernels.bench", description=description)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--op", action="append", metavar="NAME", help="only this op, as the table names it; repeatable")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--shapes", choices=("search", "large", "all"), default="all")
    sizes.add_argument("--shape", action="append", type=_shape, metavar="B,T,H,D", help="this one instead; repeatable")
    parser.add_argument("--budget", type=float, default=1.0, metavar="S", help="seconds of timing for each number")
    parser.add_argument("--model", action=argparse.BooleanOptionalAction, default=True, help="also train a small model")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios into this PNG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number into this file")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no CUDA device here")
    dtype = torch.bfloat16 if given.device == "cuda" else torch.float32
    shapes = tuple(given.shape or ())
    if not shapes:
        shapes += () if given.shapes == "large" else search_shapes(given.device)
        shapes += () if given.shapes == "search" else LARGE[given.device]
    small = [case for shape in shapes for case in cases(Shape(1, shape.length, 1, 1), given.device, dtype)]
    known = [*dict.fromkeys(case.name for case in small), ATTENTION]
    for op in given.op or ():
        if op not in known:
            parser.error(f"--op knows no {op!r}, but these: {'; '.join(known)}")
    for file in (given.plot, given.json):
        if file and not file.absolute().parent.is_dir():
            parser.error(f"the folder of {file} does not exist")
    if given.plot and not any(case.compared for case in small if not given.op or case.name in given.op):
        parser.error(f"--plot draws ratios, and here nothing is compared with {' or '.join(given.op)}")
    model = given.model and not given.op and not given.shape
    return Options(given.device, dtype, tuple(given.op or ()), shapes, given.budget, model, given.plot, given.json)


def _shape(text: str) -> Shape:
    try:
        batch, length, heads, width = (int(number) for number in text.split(","))
    except ValueError:
        batch = length = heads = width = 0
    if min(batch, length, heads, width) < 1 or width > 128:
        raise argparse.ArgumentTypeError(f"{text!r} is not four positive numbers B,T,H,D with D at most 128")
    return Shape(batch, length, heads, width)
