"""How near a kernel must come to its float64 definition, for every type it takes."""

from collections.abc import Mapping

import torch
from torch import Tensor

TOLERANCES = {torch.float32: 1e-5, torch.float16: 2e-2, torch.bfloat16: 2e-2}
DTYPES = list(TOLERANCES)


def assert_near(
    got: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    like: Mapping[str, Tensor],
    tolerance: float | None = None,
) -> None:
    """Each result has the type and device of its namesake in ``like``, and a small relative error; none is missing.

    The error may be ``tolerance``, or what the namesake's type allows.
    """
    assert got.keys() == wanted.keys() == like.keys()
    for name, expected in wanted.items():
        assert (got[name].dtype, got[name].device) == (like[name].dtype, like[name].device), name
        assert got[name].shape == expected.shape, name
        assert got[name].isfinite().all(), name
        expected = expected.detach()
        error = float((got[name].double().cpu() - expected).norm() / (expected.norm() + 1e-6))
        assert error < (tolerance or TOLERANCES[like[name].dtype]), f"{name}: relative error {error:.1e}"


def doubles(arguments: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same values as float64 leaves on the CPU, for a definition and its gradients."""
    return {name: x.detach().double().cpu().requires_grad_() for name, x in arguments.items()}
