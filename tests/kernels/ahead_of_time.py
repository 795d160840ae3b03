"""Compile Triton kernels for a Hopper GPU on a machine without one, and read what they need from the machine code.

``python -m tests.kernels.ahead_of_time`` prints the table of every kernel in the lists below: registers a thread, bytes
spilled to local memory a thread beside those allowed, shared memory a block. It takes seconds a kernel; words after the
command choose the kernels whose names have them all, as in ``... gradients fp32``. TRITON_INTERPRET must not be set:
with it, ``@triton.jit`` makes functions for the interpreter, which no compiler can read.
"""

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LISTS = ("tests.kernels.gpu.local_cases", "tests.kernels.gpu.chunked_cases")
"""Modules with a list ``CASES`` of what to compile. A new family of kernels adds its own module here."""

HOPPER = ("cuda", 90, 32)


@dataclass(frozen=True)
class Compiled:
    """What one kernel needs on the device."""

    registers: int
    """Registers a thread; 255 is the most there are."""
    spill_bytes: int
    """Local memory a thread: values that found no register. 0 is wanted."""
    shared_bytes: int
    """Shared memory a block, pipeline stages included; 227 KiB is the most that Hopper gives."""
    ptx_bytes: int
    """Length of the PTX text: grows with unrolling, and so does the time to compile."""


@dataclass(frozen=True)
class Case:
    """One kernel at one choice of types and constants, as a launch would specialise it."""

    name: str
    kernel: Any
    signature: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    num_warps: int = 4
    num_stages: int = 3
    allowed_spill: int = 0
    """Bytes a thread that are known to spill: more is a step back."""

    def compile(self) -> Compiled:
        return compile_for_hopper(self.kernel, self.signature, self.constants, self.num_warps, self.num_stages)


def compile_for_hopper(
    kernel: Any, signature: Mapping[str, str], constants: Mapping[str, Any], num_warps: int = 4, num_stages: int = 3
) -> Compiled:
    """Compile a ``@triton.jit`` function for compute capability 9.0; no GPU and no driver take part.

    ``signature`` maps each runtime argument to its type: "*bf16", "*fp32", "*i64", "i32", "fp32". Pointers count as
    divisible by 16, as torch allocates them; write "i32:16" for an integer that is (a launch finds that out itself).
    ``constants`` maps the other arguments to values: tl.constexpr ones, pointers that are None, integers that are 1.
    Compiled afresh each time, in a cache folder of its own. RuntimeError if the kernel belongs to the interpreter.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    while not isinstance(kernel, triton.JITFunction) and hasattr(kernel, "fn"):
        kernel = kernel.fn  # under @triton.autotune or @triton.heuristics
    if not isinstance(kernel, triton.JITFunction):
        raise RuntimeError(f"{kernel.__name__} was decorated for the interpreter: unset TRITON_INTERPRET, start again.")
    types = {name: signature[name].partition(":")[0] for name in kernel.arg_names if name not in constants}
    aligned = {
        (kernel.arg_names.index(name),): [["tt.divisibility", 16]]
        for name, kind in types.items()
        if kind.startswith("*") or signature[name].endswith(":16")
    }
    source = ASTSource(
        kernel,
        {name: types.get(name, "constexpr") for name in kernel.arg_names},
        {(kernel.arg_names.index(name),): value for name, value in constants.items()},
        aligned,
    )
    options = {"num_warps": num_warps, "num_stages": num_stages, "enable_fp_fusion": True}
    with tempfile.TemporaryDirectory() as folder, triton.knobs.cache.scope():
        triton.knobs.cache.dir = folder
        built = triton.compile(source, target=GPUTarget(*HOPPER), options=options)
        cubin = Path(folder) / "kernel.cubin"
        cubin.write_bytes(built.asm["cubin"])
        needs = _resource_usage(cubin)
    # A Triton kernel keeps no arrays on its stack, so whatever lies there was spilled.
    return Compiled(needs["REG"], needs["STACK"] + needs["LOCAL"], built.metadata.shared, len(built.asm["ptx"]))


def _resource_usage(cubin: Path) -> dict[str, int]:
    """What the bundled cuobjdump reports: one line such as "REG:27 STACK:0 SHARED:1024 LOCAL:0 ..."."""
    from triton import knobs

    command = [knobs.nvidia.cuobjdump.path, "-res-usage", str(cubin)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (line,) = (line for line in output.splitlines() if "REG:" in line)
    return {name: int(value) for name, _, value in (entry.partition(":") for entry in line.split())}


def cases() -> list[Case]:
    """Every case of every list."""
    return [case for module in LISTS for case in importlib.import_module(module).CASES]


def main() -> None:
    print(f"{'kernel':60s} {'registers':>9s} {'spilled':>8s} {'allowed':>8s} {'shared':>8s} {'PTX KiB':>8s}")
    words = {*sys.argv[1:]}
    for case in (case for case in cases() if words <= {*case.name.replace(",", "").split()}):
        needs = case.compile()
        print(
            f"{case.name:60s} {needs.registers:9d} {needs.spill_bytes:8d} {case.allowed_spill:8d}"
            f" {needs.shared_bytes:8d} {needs.ptx_bytes / 1024:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
