"""fla.ops in plain torch, through ``kernels``: the same names, argument order and layouts as fla's current interface.

q, k [B, T, H, K]; v [B, T, HV, V]; per-step gates [B, T, HV] or [B, T, HV, K] in log space; states [N, HV, K, V].
``cu_seqlens`` [N + 1] packs N sequences into one row, and no operation looks across their boundaries. ``scale``
defaults to K ** -0.5. Each returns the outputs and the final state, None unless ``output_final_state``. The chunked
and the recurrent name of an operation compute the same function, so here they are one. Float32 and float64 keep their
type, where fla's kernels want half types.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from evaluation.asi_arch.packing import each_sequence
from kernels import chunk_delta, chunk_linear, l2_norm, linear_scan

Pair = tuple[Tensor, Any]


def chunk_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    use_qk_l2norm_in_kernel: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """The delta rule, S_t = (I - b_t k_t k_t^T) S_{t-1} + b_t k_t v_t^T; beta [B, T, H] defaults to ones."""
    return chunk_gated_delta_rule(
        q, k, v, None, beta, scale, initial_state, output_final_state, use_qk_l2norm_in_kernel, cu_seqlens, **kwargs
    )


def chunk_gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None,
    beta: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    use_qk_l2norm_in_kernel: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """The delta rule on a state that fades by exp(g) first; g [B, T, HV], or [B, T, HV, K] as Kimi's has it."""
    _refuse(kwargs)
    beta = torch.ones_like(v[..., 0]) if beta is None else beta
    if use_qk_l2norm_in_kernel:
        q, k = l2_norm(q), l2_norm(k)

    def run(tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        query, key, value, strength, *gates = tensors
        o, final = chunk_delta(query, key, value, strength, _first(gates), scale, _first(states))
        return o, (final,)

    return _over((q, k, v, beta), g, initial_state, output_final_state, cu_seqlens, run)


def fused_recurrent_gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None = None,
    gk: Tensor | None = None,
    gv: Tensor | None = None,
    beta: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    use_qk_l2norm_in_kernel: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """``chunk_gated_delta_rule`` with gates a head (g), a key channel (gk), or both."""
    if gk is not None and g is not None:
        gk = gk + g.unsqueeze(-1)
    decay = g if gk is None else gk
    return chunk_gated_delta_rule(
        q, k, v, decay, beta, scale, initial_state, output_final_state, use_qk_l2norm_in_kernel, cu_seqlens,
        gv=gv, **kwargs,
    )  # fmt: skip


def chunk_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """Gated linear attention, S_t = Diag(exp g_t) S_{t-1} + k_t v_t^T; g [B, T, H, K]."""
    _refuse(kwargs)

    def run(tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        query, key, value, *gates = tensors
        o, final = chunk_linear(query, key, value, _first(gates), scale, _first(states))
        return o, (final,)

    return _over((q, k, v), g, initial_state, output_final_state, cu_seqlens, run)


def fused_recurrent_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gk: Tensor | None = None,
    gv: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    reverse: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """``chunk_gla`` with the gate named gk."""
    return chunk_gla(
        q, k, v, gk, scale, initial_state, output_final_state, cu_seqlens, gv=gv, reverse=reverse, **kwargs
    )  # fmt: skip


def chunk_simple_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None = None,
    g_gamma: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """Linear attention whose state fades by one number a head: g [B, T, H] by the step, or g_gamma [H] always."""
    if g is not None and g_gamma is not None:
        raise ValueError("Both g and g_gamma were given: pass one of them.")
    decay = g if g_gamma is None else g_gamma.to(q.dtype).expand(v.shape[:3])
    return chunk_gla(q, k, v, decay, scale, initial_state, output_final_state, cu_seqlens, **kwargs)


def chunk_retention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """RetNet's linear attention: head i fades by 1 - 2 ** (-5 - i) a step."""
    heads = torch.arange(q.shape[2], dtype=torch.float64, device=q.device)
    gamma = torch.log1p(-(2.0 ** (-5 - heads)))
    return chunk_simple_gla(q, k, v, None, gamma, scale, initial_state, output_final_state, cu_seqlens, **kwargs)


def chunk_linear_attn(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    scale: float | None = None,
    initial_state: Tensor | tuple[Tensor, Tensor] | None = None,
    output_final_state: bool = False,
    normalize: bool = True,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """Linear attention. With ``normalize`` o_t is divided by scale * q_t . z_t, where z_t sums the keys up to t.

    The state is then a pair: S [N, H, K, V] and z [N, 1, H, K]; a lone initial S starts with z = 0.
    """
    _refuse(kwargs)
    if not normalize:
        state = initial_state[0] if isinstance(initial_state, tuple) else initial_state
        return chunk_gla(q, k, v, None, scale, state, output_final_state, cu_seqlens)
    factor = k.shape[-1] ** -0.5 if scale is None else scale

    def run(tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        query, key, value = tensors
        o, final = chunk_linear(query, key, value, scale=factor, initial_state=_first(states))
        sums = key.cumsum(1) if states is None or len(states) == 1 else key.cumsum(1) + states[1]
        return o / ((factor * query * sums).sum(-1, keepdim=True) + 1e-10), (final, sums[:, -1:])

    states = (initial_state,) if isinstance(initial_state, Tensor) else initial_state
    o, final = each_sequence(run, (q, k, v), states, cu_seqlens)
    return o, final if output_final_state else None


def fused_recurrent_linear_attn(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    scale: float | None = None,
    initial_state: Tensor | tuple[Tensor, Tensor] | None = None,
    output_final_state: bool = False,
    reverse: bool = False,
    normalize: bool = False,
    cu_seqlens: Tensor | None = None,
    **kwargs: Any,
) -> Pair:
    """``chunk_linear_attn``, by default not normalised."""
    return chunk_linear_attn(
        q, k, v, scale, initial_state, output_final_state, normalize, cu_seqlens, reverse=reverse, **kwargs
    )  # fmt: skip


def chunk_hgrn(
    x: Tensor,
    g: Tensor,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    cu_seqlens: Tensor | None = None,
) -> Pair:
    """HGRN's scan h_t = exp(g_t) h_{t-1} + x_t on [B, T, D]; states [N, D]."""

    def run(tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        inputs, decay = tensors
        h = linear_scan(decay.exp(), inputs, _first(states))
        return h, (h[:, -1],)

    return _over((x,), g, initial_state, output_final_state, cu_seqlens, run)


def _over(
    tensors: tuple[Tensor, ...],
    decay: Tensor | None,
    initial_state: Tensor | None,
    output_final_state: bool,
    cu_seqlens: Tensor | None,
    run: Callable[..., tuple[Tensor, Any]],
) -> Pair:
    given = tensors if decay is None else (*tensors, decay)
    states = None if initial_state is None else (initial_state,)
    o, (final,) = each_sequence(run, given, states, cu_seqlens)
    return o, final if output_final_state else None


def _first(given: Sequence[Tensor] | None) -> Tensor | None:
    return given[0] if given else None


def _refuse(options: dict[str, Any]) -> None:
    """Raise for an option that would change the result; those that only tune fla's kernels are ignored."""
    tuning = ("cu_seqlens_cpu", "chunk_size", "chunk_indices", "disable_recompute")
    for name, value in options.items():
        if name not in tuning and value is not None and value is not False:
            raise ValueError(f"{name} is not provided here: leave it at its default.")
