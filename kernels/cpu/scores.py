"""Decayed inner products of all pairs of steps in a chunk: X_ts = sum_c x_tc k_sc exp(G_tc - G_sc) for s <= t, else 0.

With one decay per head the factor is a matrix of its own. With one per channel it is split between x and k. Where no
chunk decays by more than ``MILD`` the split is exp(G_tc) and exp(-G_sc). Under stronger decay the second overflows:
pairs in different halves of a block then meet at the boundary between the halves, so that both exponents are <= 0.
Halving ends at blocks of 8 steps, where the reference is the block's middle: an exponent is then at most four clamped
decays (``kernels.cpu.decay.FLOOR``), which float32 and float64 hold with ease. References cancel: a later step can
change the rounding of a factor, and nothing else.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

SMALLEST = 8
MILD = {torch.float32: -60.0, torch.float64: -600.0}
"""Factors down to exp(this), and their inverses, are normal numbers, and so are their products with x and k."""


def pair_scores(rows: Tensor, keys: Tensor, gates: Tensor | None, start: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Scores [N, M, R, C, C] of R kinds of ``rows`` [N, M, R, C, K] with ``keys`` [N, M, C, K]; start is exp(gates).

    They are lower triangular with the diagonal. Also returns the matrix of factors [N, M, 1, C, C] where there is one
    decay per head; the backward pass reuses it.
    """
    if gates is None or start is None:
        return _products(rows, keys.mT).tril_(), None
    if gates.shape[-1] == 1:
        factors = (gates - gates.mT).exp().tril_().unsqueeze(2)
        return _products(rows, keys.mT).mul_(factors), factors
    if _is_mild(gates):
        return _products(rows * start.unsqueeze(2), (keys / start).mT).tril_(), None
    scores = rows.new_empty(*rows.shape[:-1], rows.shape[-2])
    for size, lower, upper, up, down in _splits(gates):
        columns = _blocks(keys, size)[..., upper, :] * down
        for x, score in zip(rows.unbind(2), scores.unbind(2), strict=True):
            products = (_blocks(x, size)[..., lower, :] * up) @ columns.mT
            _square_blocks(score, size)[..., lower, upper] = products
    return scores.tril_(), None


def pair_scores_gradient(
    gradients: Tensor, rows: Tensor, keys: Tensor, gates: Tensor | None, start: Tensor | None, factors: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Gradients in ``rows`` and in ``keys`` from ``gradients`` [N, M, R, C, C], zero above the diagonal."""
    if gates is None or start is None or factors is not None:
        if factors is not None:
            gradients = gradients * factors
        return _products(gradients, keys), _products_over_rows(gradients, rows)
    if _is_mild(gates):
        to_rows = _products(gradients, keys / start).mul_(start.unsqueeze(2))
        return to_rows, _products_over_rows(gradients, rows * start.unsqueeze(2)).div_(start)
    to_rows, to_keys = torch.zeros_like(rows), torch.zeros_like(keys)
    for size, lower, upper, up, down in _splits(gates):
        columns = _blocks(keys, size)[..., upper, :] * down
        for x, gradient, to_x in zip(rows.unbind(2), gradients.unbind(2), to_rows.unbind(2), strict=True):
            products = _square_blocks(gradient, size)[..., lower, upper]
            _blocks(to_x, size)[..., lower, :] += (products @ columns) * up
            _blocks(to_keys, size)[..., upper, :] += (products.mT @ (_blocks(x, size)[..., lower, :] * up)) * down
    return to_rows, to_keys


def _products(rows: Tensor, columns: Tensor) -> Tensor:
    """rows [N, M, R, C, X] @ columns [N, M, X, Y], one product for all R."""
    return (rows.flatten(2, 3) @ columns).unflatten(2, rows.shape[2:4])


def _products_over_rows(gradients: Tensor, rows: Tensor) -> Tensor:
    """The sum over R of gradients^T [N, M, R, C, C] @ rows [N, M, R, C, K]."""
    return gradients.flatten(2, 3).mT @ rows.flatten(2, 3)


def _is_mild(gates: Tensor) -> bool:
    return bool(gates[..., -1, :].amin() >= MILD[gates.dtype])


def _splits(gates: Tensor) -> Iterator[tuple[int, slice, slice, Tensor, Tensor]]:
    """Every way pairs are grouped: block size, the block's reading and writing steps, and the factors of both.

    The groups together hold each pair s <= t once. Factors [N, M, C / size, steps, K] count from the block's middle.
    """
    size = SMALLEST
    while size <= gates.shape[-2]:
        middle = size // 2
        block = _blocks(gates, size)
        reference = block[..., middle - 1 : middle, :]
        if size == SMALLEST:
            up = (block - reference).exp()
            yield size, slice(0, size), slice(0, size), up, up.reciprocal()
        else:
            lower, upper = slice(middle, size), slice(0, middle)
            yield size, lower, upper, (block[..., lower, :] - reference).exp(), (reference - block[..., upper, :]).exp()
        size *= 2


def _blocks(x: Tensor, size: int) -> Tensor:
    """View [N, M, C, K] as [N, M, C / size, size, K]."""
    return x.unflatten(-2, (-1, size))


def _square_blocks(scores: Tensor, size: int) -> Tensor:
    """View the blocks on the diagonal of [N, M, C, C] as [N, M, C / size, size, size]."""
    tiles = scores.unflatten(-1, (-1, size)).unflatten(-3, (-1, size))
    return tiles.diagonal(dim1=-4, dim2=-2).movedim(-1, -3)
