"""fla.layers.utils in plain torch: padded batches to one packed sequence and back.

A padded batch is [B, T, ...] with a mask [B, T] of 1 for tokens and 0 for padding, anywhere in a row. Packed, the
tokens of all rows stand one after another, and ``cu_seqlens`` [B + 1] says where each row starts and ends.
"""

import torch
from torch import Tensor


def get_unpad_data(attention_mask: Tensor) -> tuple[Tensor, Tensor, int]:
    """Positions of the tokens in the flattened batch (int64), cu_seqlens (int32) and the longest row's tokens."""
    kept = attention_mask.bool()
    lengths = kept.sum(dim=-1, dtype=torch.int32)
    cu_seqlens = torch.cat([lengths.new_zeros(1), lengths.cumsum(0, dtype=torch.int32)])
    return kept.flatten().nonzero().flatten(), cu_seqlens, int(lengths.max())


def index_first_axis(x: Tensor, indices: Tensor) -> Tensor:
    """Rows ``indices`` [N] of x [M, ...]."""
    return x[indices]


def index_put_first_axis(x: Tensor, indices: Tensor, first_axis_dim: int) -> Tensor:
    """x [N, ...] at rows ``indices`` of zeros [first_axis_dim, ...]."""
    return x.new_zeros(first_axis_dim, *x.shape[1:]).index_copy(0, indices, x)


def pad_input(hidden_states: Tensor, indices: Tensor, batch_size: int, seq_len: int) -> Tensor:
    """Packed tokens [N, ...] back to [batch_size, seq_len, ...], zero where there was padding."""
    return index_put_first_axis(hidden_states, indices, batch_size * seq_len).unflatten(0, (batch_size, seq_len))


def unpad_input(
    q: Tensor | tuple[Tensor, ...],
    states: tuple[Tensor, ...],
    attention_mask: Tensor,
    q_len: int,
    keepdim: bool = False,
) -> tuple[
    Tensor | tuple[Tensor, ...], tuple[Tensor, ...], Tensor, tuple[Tensor, Tensor], tuple[int, int]
]:  # fmt: skip
    """Pack queries [B, q_len, ...] and states [B, T, ...] by one mask [B, T].

    Returns the packed queries, the packed states, the queries' positions, cu_seqlens of queries and states, and the
    longest row of each. ``keepdim`` puts a batch of 1 in front. ValueError unless q_len is T (a prompt) or 1 (a step).
    """
    indices, cu_seqlens, longest = get_unpad_data(attention_mask)
    batch_size, seq_len = states[0].shape[:2]
    packed_states = tuple(index_first_axis(state.flatten(0, 1), indices) for state in states)
    queries = (q,) if isinstance(q, Tensor) else tuple(q)
    if q_len == seq_len:
        packed = tuple(index_first_axis(x.flatten(0, 1), indices) for x in queries)
        q_indices, q_cu_seqlens, q_longest = indices, cu_seqlens, longest
    elif q_len == 1:
        packed = tuple(x.squeeze(1) for x in queries)
        q_cu_seqlens = torch.arange(batch_size + 1, dtype=torch.int32, device=cu_seqlens.device)
        q_indices, q_longest = q_cu_seqlens[:-1], 1
    else:
        raise ValueError(f"q_len is {q_len}, but {seq_len} (as the states have) or 1 is needed.")
    if keepdim:
        packed = tuple(x.unsqueeze(0) for x in packed)
        packed_states = tuple(x.unsqueeze(0) for x in packed_states)
    return (
        packed[0] if isinstance(q, Tensor) else packed,
        packed_states,
        q_indices,
        (q_cu_seqlens, cu_seqlens),
        (q_longest, longest),
    )
