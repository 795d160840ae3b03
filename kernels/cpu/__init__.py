"""The ops in torch alone, their backward passes written out: for CPUs, and wherever Triton cannot run.

Every module offers forward and backward as plain functions of tensors; ``kernels`` makes operators of them.
"""

from kernels.cpu import chunked, conv, norm, scan

__all__ = ["chunked", "conv", "norm", "scan"]
