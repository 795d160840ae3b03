"""Bytes that the Triton kernels of the chunked ops move, without a GPU: ``python -m kernels.bench.traffic``.

The kernels run in Triton's interpreter. Every element that a launch loads is counted once, since caches serve it again,
and every element that it stores once: room of a program's own, which it overwrites chunk after chunk, stays in the
cache. Such room is as large for a long sequence as for a short one, so the longer the sequence, the less it adds. One
vec is one vector of D half-type elements for each step and head: reading q once is one vec. The floor reads every
argument and writes every result once. fla's counts are of version 0.6.0, made by hand from its kernels for the same
ops.

Backward is counted in the form that many heads take (``kernels.gpu.tiles.fuses``), states again and then one launch;
with --few-heads in that of three launches.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

if __name__ == "__main__" and os.environ.get("TRITON_INTERPRET") != "1":  # triton reads it when it is imported
    os.execve(sys.executable, sys.orig_argv, os.environ | {"TRITON_INTERPRET": "1"})

import numpy as np
import torch
from torch import Tensor
from triton.runtime import interpreter

from kernels.gpu import chunked, tiles

FLA = {"Gated DeltaNet": (18.5, 45.0), "GLA": (27.0, 64.0)}
HALF = torch.float16


@contextmanager
def counted() -> Iterator[list[int]]:
    """The bytes that kernels run inside load and store, in a list of one number."""
    builder, total = interpreter.interpreter_builder, [0]
    load, store, run = builder.create_masked_load, builder.create_masked_store, interpreter.GridExecutor.__call__
    touched: dict[tuple[str, int], list[np.ndarray]] = {}

    def counting_load(pointers: Any, mask: Any, *rest: Any) -> Any:
        touched.setdefault(("loaded", _element_bytes(pointers)), []).append(pointers.data[mask.data])
        return load(pointers, mask, *rest)

    def counting_store(pointers: Any, value: Any, mask: Any, *rest: Any) -> Any:
        touched.setdefault(("stored", _element_bytes(pointers)), []).append(pointers.data[mask.data])
        return store(pointers, value, mask, *rest)

    def counting_run(*arguments: Any, **named: Any) -> None:
        touched.clear()
        run(*arguments, **named)
        total[0] += sum(size * len(np.unique(np.concatenate(found))) for (_, size), found in touched.items())

    with (
        patch.object(builder, "create_masked_load", counting_load),
        patch.object(builder, "create_masked_store", counting_store),
        patch.object(interpreter.GridExecutor, "__call__", counting_run),
    ):
        yield total


def _element_bytes(pointers: Any) -> int:
    return int(pointers.get_element_ty().primitive_bitwidth) // 8


def traffic(
    delta: bool, form: str, width: int, length: int, few_heads: bool = False
) -> tuple[float, float, float, float]:
    """Vecs of a forward and of a backward pass, and the floors of both: one head of ``width`` over ``length`` steps."""
    q, k, v = (torch.randn(1, length, 1, width).to(HALF) / width**0.5 for _ in range(3))
    beta = torch.rand(1, length, 1).to(HALF) if delta else None
    shape = {"none": None, "head": (1, length, 1), "channel": (1, length, 1, width)}[form]
    decay = None if shape is None else -torch.rand(shape).to(HALF)
    given = (q, k, v, beta, decay)
    # As with many heads, where a program takes many value channels and backward is fused.
    with patch.object(tiles, "ENOUGH_PROGRAMS", tiles.ENOUGH_PROGRAMS if few_heads else 1):
        with counted() as forward:
            o, final, saved = chunked.forward(*given, 1.0, None, None)
        with counted() as backward:
            chunked.backward(o, torch.zeros_like(final), *given, 1.0, None, None, saved)
    vec = q.numel() * q.element_size()
    arguments = sum(_bytes(x) for x in given) / vec
    return forward[0] / vec, backward[0] / vec, arguments + 1, 2 * arguments + 1


def _bytes(x: Tensor | None) -> int:
    return 0 if x is None else x.numel() * x.element_size()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m kernels.bench.traffic", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("--width", type=int, default=128, help="channels a head (default 128)")
    parser.add_argument("--length", type=int, default=512, help="steps (default 512)")
    parser.add_argument("--few-heads", action="store_true", help="as where few heads would leave a GPU idle")
    given = parser.parse_args()
    torch.manual_seed(0)
    backward_form = "three launches (few heads)" if given.few_heads else "fused, two launches (many heads)"
    print(f"D {given.width}, T {given.length}, {HALF}; vecs moved; backward: {backward_form}")
    print(f"{'op':18s}{'forward':>9s}{'fla':>7s}{'floor':>7s}{'backward':>10s}{'fla':>7s}{'floor':>7s}")
    for name, delta, form in (
        ("linear attention", False, "none"),
        ("Mamba-2, RetNet", False, "head"),
        ("GLA", False, "channel"),
        ("DeltaNet", True, "none"),
        ("Gated DeltaNet", True, "head"),
        ("KDA", True, "channel"),
    ):
        forward, backward, least, least_backward = traffic(delta, form, given.width, given.length, given.few_heads)
        fla = FLA.get(name)
        shown = ["-", "-"] if fla is None else [f"{x:.1f}" for x in fla]
        print(
            f"{name:18s}{forward:9.1f}{shown[0]:>7s}{least:7.1f}{backward:10.1f}{shown[1]:>7s}{least_backward:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
