"""fla.modules.ShortConvolution in plain torch: a depthwise causal convolution that can go on from a cache."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evaluation.asi_arch.packing import each_sequence
from kernels import short_conv


class ShortConvolution(nn.Conv1d):
    """y_t = activation(sum_j weight[:, 0, W-1-j] * x_{t-j} + bias); weight [D, 1, W], bias [D] if asked for.

    The cache is the last W inputs of each sequence, [N, D, W], newest last. A given cache is read, and written in
    place: it then holds the state after the call, without a gradient. fla before release 0.4 did not read the cache
    when more than one step follows; we always do, so that a prompt may be continued in chunks of any length.
    """

    def __init__(
        self,
        hidden_size: int,
        kernel_size: int,
        bias: bool = False,
        activation: str | None = "silu",
        backend: str | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        use_fast_conv1d: bool = True,
    ) -> None:
        """``backend`` and ``use_fast_conv1d`` choose among fla's GPU kernels and change nothing here."""
        super().__init__(
            hidden_size, hidden_size, kernel_size, groups=hidden_size, bias=bias, padding=kernel_size - 1,
            device=device, dtype=dtype,
        )  # fmt: skip
        if activation not in ("silu", "swish", None):
            raise ValueError(f"activation is {activation!r}, but 'silu', 'swish' or None is accepted.")
        self.hidden_size = hidden_size
        self.activation = activation

    def forward(
        self,
        x: Tensor,
        residual: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Tensor | None = None,
        output_final_state: bool = False,
        cu_seqlens: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """x [B, T, D] -> y [B, T, D], and the cache [N, D, W] if one was given or is asked for, else None.

        ``mask`` [B, T] zeroes inputs. ``cu_seqlens`` [N + 1] packs N sequences into x [1, T, D]; else N is B.
        """
        if "seq_idx" in kwargs:
            raise ValueError("seq_idx is not provided: pass cu_seqlens, which says where each sequence starts.")
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        before = None if cache is None else (cache,)
        y, (after,) = each_sequence(self._run, (x,), before, cu_seqlens)
        if residual is not None:
            y = y + residual
        if cache is not None:
            after = cache.copy_(after)
        return y, after if cache is not None or output_final_state else None

    def step(
        self, x: Tensor, residual: Tensor | None, cache: Tensor, cu_seqlens: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """One step of every sequence: ``forward`` with a cache."""
        return self.forward(x, residual=residual, cache=cache, cu_seqlens=cu_seqlens)

    @property
    def state_size(self) -> int:
        """Cached elements a sequence."""
        return int(self.hidden_size * self.kernel_size[0])

    def _run(self, tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor]]:
        (x,) = tensors
        width = self.kernel_size[0]
        if states is not None:  # the outputs of the W - 1 cached inputs in front are dropped again
            x = torch.cat([states[0].mT.to(x.dtype)[:, 1:], x], dim=1)
        recent = x[:, -width:].mT.detach()
        after = F.pad(recent, (width - recent.shape[2], 0))
        y = short_conv(x, self.weight.squeeze(1), None)
        if states is not None:
            y = y[:, width - 1 :]
        if self.bias is not None:
            y = y + self.bias
        return (y if self.activation is None else F.silu(y)), (after,)
