"""Packing by a mask and back, and the cache that layers share."""

import pytest
import torch

from evaluation.asi_arch.cache import Cache
from evaluation.asi_arch.padding import (
    get_unpad_data,
    index_first_axis,
    index_put_first_axis,
    pad_input,
    unpad_input,
)

MASK = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [1, 0, 0, 1]])


def test_a_mask_gives_positions_boundaries_and_the_longest_row() -> None:
    indices, cu_seqlens, longest = get_unpad_data(MASK)
    assert indices.tolist() == [2, 3, 4, 5, 6, 7, 8, 11]
    assert cu_seqlens.tolist() == [0, 2, 6, 8]
    assert cu_seqlens.dtype == torch.int32
    assert longest == 4
    assert get_unpad_data(MASK.bool())[0].tolist() == indices.tolist()


def test_packing_and_padding_undo_each_other_with_gradients() -> None:
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    indices, _, _ = get_unpad_data(MASK)
    packed = index_first_axis(x.flatten(0, 1), indices)
    assert torch.equal(packed, x[MASK.bool()])
    padded = pad_input(packed, indices, 3, 4)
    assert torch.equal(padded, x * MASK[..., None])
    weights = torch.randn_like(padded)
    torch.autograd.backward(padded, weights)
    assert torch.equal(x.grad, weights * MASK[..., None])
    assert torch.equal(index_put_first_axis(packed, indices, 12).unflatten(0, (3, 4)), padded)


def test_queries_and_states_are_packed_together() -> None:
    q, k = torch.randn(3, 4, 5), torch.randn(3, 4, 5)
    packed, (states,), indices, (of_q, of_k), (longest_q, longest_k) = unpad_input(q, (k,), MASK, 4)
    assert torch.equal(packed, q[MASK.bool()])
    assert torch.equal(states, k[MASK.bool()])
    assert indices.tolist() == get_unpad_data(MASK)[0].tolist()
    assert of_q.tolist() == of_k.tolist() == [0, 2, 6, 8]
    assert longest_q == longest_k == 4
    (packed,), (states,), _, (of_q, of_k), (longest_q, _) = unpad_input((q[:, -1:],), (k,), MASK, 1, keepdim=True)
    assert torch.equal(packed, q[:, -1][None])
    assert states.shape == (1, 8, 5)
    assert of_q.tolist() == [0, 1, 2, 3]
    assert of_k.tolist() == [0, 2, 6, 8]
    assert longest_q == 1
    with pytest.raises(ValueError, match="q_len is 2"):
        unpad_input(q[:, :2], (k,), MASK, 2)


def test_a_cache_keeps_the_states_of_each_layer_and_counts_tokens_once() -> None:
    cache = Cache()
    assert len(cache) == 0
    assert not cache
    assert cache.get_seq_length() == 0
    for layer in (0, 1):
        cache.update(recurrent_state=layer, conv_state=("a", "b"), layer_idx=layer, offset=7)
    assert len(cache) == 2
    assert cache.get_seq_length() == 7
    assert cache[1]["recurrent_state"] == 1
    state = cache.update(recurrent_state=5, layer_idx=0, offset=1)
    assert state["recurrent_state"] == 5
    assert state["conv_state"] == ("a", "b")
    assert cache.get_seq_length() == 7  # the last layer counts
    cache.update(recurrent_state=6, layer_idx=1, offset=1)
    assert cache.get_seq_length() == 8
    assert [state["recurrent_state"] for state in cache] == [5, 6]
    with pytest.raises(KeyError, match="holds 2 layers, but layer 2"):
        cache[2]
    again = Cache.from_legacy_cache(list(cache.to_legacy_cache()), seen_tokens=8)
    assert again.get_seq_length(1) == 8
    assert again[1]["recurrent_state"] == 6


def test_a_cache_appends_keys_and_values_up_to_a_window() -> None:
    k, v = torch.randn(2, 9, 3), torch.randn(2, 9, 3)
    for window, kept in ((None, 9), (4, 4)):
        cache = Cache()
        for part_k, part_v in zip(k.split([5, 1, 3], 1), v.split([5, 1, 3], 1), strict=True):
            state = cache.update(attn_state=(part_k, part_v), offset=1, cache_kwargs={"window_size": window})
        assert torch.equal(state["attn_state"][0], k[:, -kept:])
        assert torch.equal(state["attn_state"][1], v[:, -kept:])
        assert cache.get_max_length() is None
