"""Sequence-mixing primitives: chunked recurrences, scans, short convolutions, norms, windows and rotary positions.

Everything is causal, differentiable, and keeps the floating-point type it is given. On a CPU the ops run in torch
(``kernels.cpu``), where half types compute in float32, on a CUDA device in Triton (``kernels.gpu``), where the chunked
ops multiply half types as they are and add up in float32; ``kernels.backends`` can force one. The slow float64
definitions that these are tested against are in ``kernels.recurrence``.
"""

from kernels.chunk_delta import chunk_delta
from kernels.chunk_linear import chunk_linear
from kernels.conv import short_conv
from kernels.decode import conv_step, delta_step, linear_step, scan_step
from kernels.norm import l2_norm, rms_norm_gate
from kernels.rotary import rotary
from kernels.scan import linear_scan
from kernels.window import window_attention

__all__ = [
    "chunk_delta",
    "chunk_linear",
    "conv_step",
    "delta_step",
    "l2_norm",
    "linear_scan",
    "linear_step",
    "rms_norm_gate",
    "rotary",
    "scan_step",
    "short_conv",
    "window_attention",
]
