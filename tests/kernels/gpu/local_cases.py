"""Which launches of the scan, the convolution and the norms are compiled ahead of time."""

from kernels.gpu import conv, norm, scan
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


def _conv(dtype: str, taps: int, silu: bool, packed: bool) -> list[Case]:
    constants = {"TAPS": taps, "SILU": silu, "PACKED": packed, "BLOCK_T": conv.ROWS, "BLOCK_D": conv.CHANNELS}
    types = dict.fromkeys(("x", "weight", "y", "dy", "dx"), f"*{dtype}") | {"partial": "*fp32", "cu_seqlens": "*i64"}
    types |= dict.fromkeys(("rows", "length", "halvings", "sequences"), "i32") | {"width": "i32:16"}
    form = f"{dtype} W {taps}{' SiLU' * silu}{' packed' * packed}"
    return [
        Case(f"conv {name} {form}", kernel, types, constants | ({} if packed else {"cu_seqlens": None}), num_warps=8)
        for name, kernel in (("forward", conv.conv_forward), ("backward", conv.conv_backward))
    ]


def _norm(dtype: str, width: int) -> list[Case]:
    types = dict.fromkeys(("x", "y", "dy", "dx", "weight", "gate", "dgate"), f"*{dtype}")
    types |= dict.fromkeys(("inverse", "inverse_rms", "partial"), "*fp32")
    types |= {"rows": "i32", "width": "i32:16", "eps": "fp32"}
    tile = norm.tile_of(width)
    warps = tile.pop("num_warps")
    kernels = (
        ("rms_norm_gate forward", norm.rms_norm_gate_forward_kernel, tile | {"HAS_GATE": True}),
        ("rms_norm_gate backward", norm.rms_norm_gate_backward_kernel, tile | {"HAS_GATE": True}),
        ("l2_norm forward", norm.l2_norm_forward_kernel, tile),
        ("l2_norm backward", norm.l2_norm_backward_kernel, tile),
    )
    return [
        Case(f"{name} {dtype} D {width}", kernel, types, constants, num_warps=warps)
        for name, kernel, constants in kernels
    ]


CASES = [
    *(case for dtype in ("bf16", "fp32") for packed in (False, True) for case in _scan(dtype, packed, packed)),
    *(case for dtype in ("bf16", "fp32") for packed in (False, True) for case in _conv(dtype, 4, True, packed)),
    *(case for taps, silu in ((4, False), (8, True)) for case in _conv("bf16", taps, silu, False)),
    *(case for dtype, width in (("bf16", 64), ("bf16", 1024), ("fp32", 8192)) for case in _norm(dtype, width)),
]
