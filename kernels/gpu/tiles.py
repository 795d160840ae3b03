"""Tile sizes, warps and pipeline stages of the chunked kernels, chosen by rule.

Never from the sequence length, so that a new length compiles nothing; and without timing candidates on first use, so
that a first call may lie inside a CUDA graph's capture. The rules keep the kernels for half types within Hopper's 255
registers a thread, with one exception; most of those for float32 spill (``tests/kernels/gpu/chunked_cases`` has the
bytes). Eight warps halve a tile's registers, but the two warp groups then repeat part of each product of 64 steps, so
four come first.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.gpu.gates import CHANNEL, HEAD, NONE

ENOUGH_PROGRAMS = 128
"""About as many as a Hopper GPU has multiprocessors."""


def decay_form(decay: Tensor | None) -> int:
    """NONE, HEAD or CHANNEL, as the kernels count them."""
    forms = {None: NONE, 3: HEAD, 4: CHANNEL}
    return int(forms[None if decay is None else decay.dim()].value)


def padded(width: int) -> int:
    """A head size as the tensor cores take it: a power of two, at least 16."""
    return max(16, 1 << (width - 1).bit_length())


def product_type(*tensors: Tensor) -> torch.dtype:
    """The type of products' operands: the inputs' own, float32 where they differ."""
    types = {x.dtype for x in tensors}
    return types.pop() if len(types) == 1 else torch.float32


def chunk_size(dtype: torch.dtype) -> int:
    """Steps a chunk: 64 fills the tensor cores; float32's tiles are twice as large."""
    return 32 if dtype == torch.float32 else 64


def pairs(constants: dict[str, Any]) -> dict[str, int]:
    """What ``pairs_kernel`` wants beside the shared constants: key channels at a time, and Triton's options."""
    narrow = constants["DECAY"] == CHANNEL.value or _single(constants)
    return {"PAIR_K": min(padded(constants["K"]), 32 if narrow else 64), "num_warps": 4, "num_stages": 1}


def passes(constants: dict[str, Any], heads: int) -> dict[str, int]:
    """The same for ``state_pass_kernel`` and ``reverse_pass_kernel``, with the value channels of a program.

    ``heads`` counts the value heads of all sequences. Tiles are narrower where few heads would leave processors idle.
    """
    key_tile, value_tile = padded(constants["K"]), padded(constants["V"])
    channel = constants["DECAY"] == CHANNEL.value
    crowded = key_tile > 64 and channel and constants["DELTA"]
    if _single(constants):
        value_tile, warps = 16, 4
    elif heads * triton.cdiv(value_tile, 64) < ENOUGH_PROGRAMS or crowded:
        value_tile, warps = min(value_tile, 32), 8 if key_tile > 64 and channel else 4
    else:
        value_tile, warps = min(value_tile, 64), 8 if key_tile > 64 else 4
    return {"BK": key_tile, "BV": value_tile, "num_warps": warps, "num_stages": 2}


def one_chunk(constants: dict[str, Any]) -> dict[str, int]:
    """The same for ``state_pass_kernel`` where it does the work of ``pairs_kernel`` as well."""
    key_tile, value_tile = padded(constants["K"]), padded(constants["V"])
    single = _single(constants)
    if not single and key_tile <= 64 and constants["DECAY"] != CHANNEL.value:
        return {"BK": key_tile, "BV": min(value_tile, 64), "num_warps": 4, "num_stages": 2}
    narrow = single or key_tile > 64
    return {"BK": key_tile, "BV": min(value_tile, 16 if narrow else 32), "num_warps": 8, "num_stages": 2}


def fuses(heads: int) -> bool:
    """Whether one program a value head takes all gradients of a sequence, chunk by chunk (``fused_pass``).

    ``heads`` as for ``passes``. Where they are few, most processors would idle: there all chunks go side by side.
    """
    return heads >= ENOUGH_PROGRAMS


def fused(constants: dict[str, Any]) -> dict[str, int]:
    """The same for ``fused_pass_kernel``: value channels at a time, then key channels at a time."""
    key_tile, value_tile = padded(constants["K"]), padded(constants["V"])
    narrow = _single(constants) or (key_tile > 64 and constants["DELTA"])
    light = key_tile <= 64 and constants["DECAY"] + constants["DELTA"] <= 1 and not _single(constants)
    return {
        "BK": key_tile,
        "BV": min(value_tile, 16 if narrow else 32),
        "WHOLE_V": value_tile,
        "GRAD_K": 16 if narrow else gradients(constants)["GRAD_K"],
        "num_warps": 4 if light else 8,
        "num_stages": 2,
    }


def gradients(constants: dict[str, Any]) -> dict[str, int]:
    """The same for ``gradients_kernel``: all value channels, and key channels at a time."""
    load = constants["DECAY"] + constants["DELTA"] + (constants["K"] > 64)  # what adds registers
    crowded = constants["DECAY"] == CHANNEL.value and constants["DELTA"]
    return {
        "WHOLE_V": padded(constants["V"]),
        "GRAD_K": min(padded(constants["K"]), 16 if crowded or _single(constants) else 32),
        "num_warps": 8 if load >= 3 or _single(constants) else 4,
        "num_stages": 1,
    }  # fmt: skip


def _single(constants: dict[str, Any]) -> bool:
    return bool(constants["TYPE"] == tl.float32)
