"""How long the chunked ops take on a CPU by steps a chunk: ``python -m kernels.bench.chunks``.

Forward and backward of 2,048 steps and 256 channels in heads of 16 to 128, one thread, float32: the least CPU
time of several calls, since what disturbs a call only makes it longer. ``kernels.cpu.chunks.chunk_size`` is marked.
"""

import argparse
from unittest.mock import patch

import torch

from kernels.bench.cases import Case, Shape, cases
from kernels.bench.timing import forward_backward, timed
from kernels.cpu import chunked, chunks

SIZES, WIDTHS = (16, 32, 64), (16, 32, 64, 128)
LENGTH, CHANNELS = 2048, 256


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m kernels.bench.chunks", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("--budget", type=float, default=1.0, metavar="S", help="seconds of timing for each number")
    budget = parser.parse_args().budget
    torch.set_num_threads(1)
    chosen = chunks.chunk_size
    print("milliseconds by steps a chunk; * is what chunk_size takes, < the least")
    print(f"{'op':18s}{'D':>5s}" + "".join(f"{size:>10d}" for size in SIZES))
    for width in WIDTHS:
        shape = Shape(1, LENGTH, CHANNELS // width, width)
        for case in cases(shape, "cpu", torch.float32):
            if not case.mixes:
                continue
            times = {size: _seconds(case, size, budget) for size in SIZES}
            shown = "".join(
                f"{1e3 * one:8.1f}{'*' if size == chosen(width) else ' '}{'<' if one == min(times.values()) else ' '}"
                for size, one in times.items()
            )
            print(f"{case.name:18s}{width:5d}{shown}", flush=True)


def _seconds(case: Case, size: int, budget: float) -> float:
    with patch.object(chunked, "chunk_size", lambda width: size):
        return timed(forward_backward(case.ours, case.tensors), "cpu", budget).low


if __name__ == "__main__":
    main()
