"""The choice of an implementation, and that the definitions can be run through the ops themselves."""

import os
import subprocess
import sys

import pytest
import torch

from kernels import chunk_delta, chunk_linear, l2_norm, linear_scan, rms_norm_gate, short_conv
from kernels.backends import backend_for, use_backend
from tests.kernels.test_chunked import draw


def test_the_device_chooses_unless_one_is_forced() -> None:
    x = torch.zeros(2)
    assert backend_for(x, None) == "torch"
    with use_backend("recurrence"):
        assert backend_for(x) == "recurrence"
        with use_backend("triton"):
            assert backend_for(x) == "triton"
        assert backend_for(x) == "recurrence"
    assert backend_for(x) == "torch"


def test_triton_refuses_what_it_cannot_compute() -> None:
    with use_backend("triton"), pytest.raises(ValueError, match="Triton's kernels do not compute in float64: force"):
        l2_norm(torch.ones(3, dtype=torch.float64))


def test_the_torch_operators_refuse_what_they_leave_to_torch() -> None:
    x = torch.ones(1, 4, 3)
    with pytest.raises(ValueError, match="leaves the activation to torch: apply silu"):
        torch.ops.archloop.short_conv(x, torch.ones(3, 4), "silu", None, "torch")
    with pytest.raises(ValueError, match=r"leaves the gate to torch: multiply the result by silu\(gate\)"):
        torch.ops.archloop.rms_norm_gate(x, torch.ones(3), x, 1e-6, "torch")


def test_the_definitions_run_through_the_ops() -> None:
    delta, linear = draw(True, "channel", length=30), draw(False, "fixed", length=30)
    a, b = torch.rand(2, 30, 5), torch.randn(2, 30, 5)
    weight, gain = torch.randn(5, 4), torch.randn(5)
    calls = (
        lambda: chunk_delta(**delta)[0],
        lambda: chunk_linear(**linear)[1],
        lambda: linear_scan(a, b),
        lambda: short_conv(b, weight),
        lambda: rms_norm_gate(b, gain, a),
        lambda: l2_norm(b),
    )
    for call in calls:
        fast = call()
        with use_backend("recurrence"):
            slow = call()
        assert slow.dtype == fast.dtype
        torch.testing.assert_close(slow, fast, rtol=1e-4, atol=1e-5)
        assert not torch.equal(slow, fast)  # they are not the same code


def test_an_unknown_backend_is_named() -> None:
    with (
        pytest.raises(ValueError, match="backend is 'cuda', but recurrence, torch, triton are accepted"),
        use_backend(
            "cuda"  # type: ignore[arg-type]
        ),
    ):
        pass
    child = subprocess.run(
        [sys.executable, "-c", "import kernels"],
        env=os.environ | {"ARCHLOOP_KERNELS": "fast"},
        capture_output=True,
        text=True,
    )
    assert "ARCHLOOP_KERNELS is 'fast', but recurrence, torch, triton are accepted" in child.stderr
