"""Tile sizes, warps and pipeline stages of the chunked kernels, chosen from types and head sizes alone.

Never from the sequence length, so that a new length compiles nothing; and by rule, without timing candidates on first
use, so that a first call may lie inside a CUDA graph's capture.
"""

from typing import Any

import torch
import triton
from torch import Tensor

from kernels.gpu.gates import CHANNEL, HEAD, NONE


def decay_form(decay: Tensor | None) -> int:
    """NONE, HEAD or CHANNEL, as the kernels count them."""
    forms = {None: NONE, 3: HEAD, 4: CHANNEL}
    return int(forms[None if decay is None else decay.dim()].value)


def padded(width: int) -> int:
    """A head size as the tensor cores take it: a power of two, at least 16."""
    return max(16, triton.next_power_of_2(width))


def product_type(*tensors: Tensor) -> torch.dtype:
    """The type of products' operands: the inputs' own, float32 where they differ."""
    types = {x.dtype for x in tensors}
    return types.pop() if len(types) == 1 else torch.float32


def chunk_size(dtype: torch.dtype) -> int:
    """Steps a chunk: 64 fills the tensor cores; float32's tiles are twice as large."""
    return 32 if dtype == torch.float32 else 64


def pairs(constants: dict[str, Any]) -> dict[str, int]:
    """What ``pairs_kernel`` wants beside the shared constants: key channels at a time, and Triton's options."""
    return {"PAIR_K": _key_tile(constants), "num_warps": 4, "num_stages": 1}


def state_pass(constants: dict[str, Any]) -> dict[str, int]:
    """The same for ``state_pass_kernel``, with the value channels of a program."""
    return {"BK": padded(constants["K"]), "BV": min(padded(constants["V"]), 64), "num_warps": 4, "num_stages": 2}


def reverse_pass(constants: dict[str, Any]) -> dict[str, int]:
    """The same for ``reverse_pass_kernel``."""
    return {"BK": padded(constants["K"]), "BV": min(padded(constants["V"]), 64), "num_warps": 4, "num_stages": 2}


def gradients(constants: dict[str, Any]) -> dict[str, int]:
    """The same for ``gradients_kernel``."""
    return {
        "WHOLE_V": padded(constants["V"]), "GRAD_K": min(padded(constants["K"]), 32), "num_warps": 4, "num_stages": 1,
    }  # fmt: skip


def _key_tile(constants: dict[str, Any]) -> int:
    return min(padded(constants["K"]), 32 if constants["DECAY"] == CHANNEL.value else 64)
