"""Energy of an NVIDIA GPU, as its driver counts it (NVML). Read by the parent: no design can touch it."""

import os
from collections.abc import Callable

Counter = Callable[[], float]


def counter() -> tuple[Counter | None, str]:
    """Joules since the driver was loaded, of the first GPU that torch would use; or None and why not."""
    try:
        import pynvml
    except ImportError:
        return None, "Energy needs the package nvidia-ml-py: install it where a GPU is."
    try:
        pynvml.nvmlInit()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
        if visible.startswith(("GPU-", "MIG-")):
            device = pynvml.nvmlDeviceGetHandleByUUID(visible)
        else:
            device = pynvml.nvmlDeviceGetHandleByIndex(int(visible or 0))
        pynvml.nvmlDeviceGetTotalEnergyConsumption(device)
    except (pynvml.NVMLError, ValueError) as error:
        return None, f"The driver counts no energy here ({error})."
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000, ""
