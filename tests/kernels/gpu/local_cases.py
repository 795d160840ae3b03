"""Which launches of the scan, the convolution and the norms are compiled ahead of time."""

from kernels.gpu import scan
from tests.kernels.ahead_of_time import Case


def _scan(dtype: str, packed: bool, state: bool) -> list[Case]:
    constants = {"HAS_STATE": state, "PACKED": packed, "BLOCK_T": scan.STEPS, "BLOCK_D": scan.CHANNELS}
    absent = ({} if state else {"initial_state": None, "dinitial_state": None}) | (
        {} if packed else {"cu_seqlens": None}
    )
    types = {"length": "i32", "width": "i32:16", "cu_seqlens": "*i64"}
    types |= dict.fromkeys(("initial_state", "dinitial_state"), "*fp32")
    types |= dict.fromkeys(("a", "b", "h", "da", "db", "dh"), f"*{dtype}")
    form = f"{dtype}{' packed' * packed}{' state' * state}"
    return [
        Case(
            f"scan {name} {form}", kernel, types, constants | {k: v for k, v in absent.items() if k in kernel.arg_names}
        )
        for name, kernel in (("forward", scan.scan_forward), ("backward", scan.scan_backward))
    ]


CASES = [case for dtype in ("bf16", "fp32") for packed in (False, True) for case in _scan(dtype, packed, packed)]
