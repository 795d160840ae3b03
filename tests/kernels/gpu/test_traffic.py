"""The counted bytes of the chunked kernels: never below the floor, and as few as their design promises."""

import pytest

pytest.importorskip("triton")

from kernels.gpu.launch import INTERPRETING


@pytest.mark.slow
@pytest.mark.parametrize(("delta", "form", "most"), [(False, "none", (5.5, 21.0)), (True, "head", (9.5, 25.0))])
def test_bytes_moved(delta: bool, form: str, most: tuple[float, float], device: str) -> None:
    if not INTERPRETING:
        pytest.skip("counted in the interpreter")
    from kernels.bench.traffic import traffic

    forward, backward, floor, backward_floor = traffic(delta, form, width=128, length=192)
    assert floor < forward < most[0]
    assert backward_floor < backward < most[1]
