"""Times every op forward and backward, and a whole small model: ``python -m kernels.bench --help``.

One table a device. On a CPU one thread, float32, CPU seconds; on a GPU bfloat16, device time, once as PyTorch launches
the work and once as a CUDA graph. Beside ours: fla's (on a CPU its plain torch definitions, at lengths up to 2,048),
softmax attention, and a roofline: the time of reading arguments, writing results and making the products, at speeds
measured here. Ratios are of medians within this run.
"""

import json
from collections.abc import Iterator
from typing import Any

import torch

from kernels.bench import peers
from kernels.bench.cases import Case, Shape, attention, cases
from kernels.bench.model import TOKENS, WIDTH, Attention, GatedDelta, training_step
from kernels.bench.options import Options, options
from kernels.bench.roofline import Device, measured, rooflines
from kernels.bench.timing import Times, forward, forward_backward, graphed, timed, timed_in_turn

HEADER = (
    f"{'op':18s}{'':11s}{'ours':>10s}{'spread':>9s}{'fla':>10s}{'fla/ours':>9s}{'attention':>10s}{'att/ours':>9s}"
    f"{'roofline':>9s}"
)


def main() -> None:
    given = options((__doc__ or "").split("\n\n")[1])
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name() if given.device == "cuda" else "CPU, one thread"
    speeds = measured(given.device, given.dtype, given.budget)
    print(
        f"{name}, {given.dtype}, torch {torch.__version__}, fla {peers.version() or 'not installed'}; measured: "
        f"{speeds.bytes_per_second / 1e9:.0f} GB/s, {speeds.flops_per_second / 1e9:.0f} GFLOP/s; milliseconds"
    )
    rows: list[dict[str, Any]] = []
    for shape in given.shapes:
        print(f"\n{shape} ({shape.tokens:,} tokens)\n{HEADER}", flush=True)
        for row in _rows(shape, given, speeds):
            print(_line(row), flush=True)
            rows.append(row)
    models = _models(given.device, given.budget) if given.model else []
    if given.json:
        given.json.write_text(json.dumps({"device": name, "rows": rows, "models": models}, indent=1))
    if given.plot:
        from kernels.bench.plot import draw

        draw(rows, name, given.plot)


def _rows(shape: Shape, given: Options, speeds: Device) -> Iterator[dict[str, Any]]:
    device, budget = given.device, given.budget
    reference = attention(shape, device, given.dtype)
    ways = ("forward", "both") if device == "cpu" else ("forward", "both", "forward graph", "both graph")
    theirs = {way: _time(reference, reference.ours, way, device, budget) for way in ways}
    chosen = [case for case in cases(shape, device, given.dtype) if not given.ops or case.name in given.ops]
    for case in (*chosen, reference):
        for way in ways:
            ours = theirs[way] if case is reference else _time(case, case.ours, way, device, budget)
            fla = None if case.theirs is None else _time(case, case.theirs, way, device, budget)
            yield {
                "op": case.name,
                "shape": str(shape),
                "way": way,
                "ours": ours.median,
                "low": ours.low,
                "high": ours.high,
                "fla": fla and fla.median,
                "attention": theirs[way].median if case.mixes else None,
                "roofline": rooflines(case, speeds)[way.startswith("both")],
            }


def _time(case: Case, op: Any, way: str, device: str, budget: float) -> Times:
    call = (forward_backward if way.startswith("both") else forward)(op, case.tensors)
    return timed(graphed(call) if way.endswith("graph") else call, device, budget)


def _line(row: dict[str, Any]) -> str:
    def number(value: float | None, scale: float = 1e3) -> str:
        return "-" if value is None else f"{value * scale:.3g}"

    def ratio(value: float | None) -> str:
        return "-" if value is None else f"{value / row['ours']:.2f}"

    way = row["way"].replace("both", "fwd+bwd").replace("graph", "gr.")
    spread = f"{row['low'] / row['ours'] - 1:+.0%}{row['high'] / row['ours'] - 1:+.0%}"
    return (
        f"{row['op']:18s}{way:11s}{number(row['ours']):>10s}{spread:>9s}{number(row['fla']):>10s}{ratio(row['fla']):>9s}"
        f"{number(row['attention']):>10s}{ratio(row['attention']):>9s}{number(row['roofline']):>9s}"
    )


def _models(device: str, budget: float) -> list[dict[str, float]]:
    print(f"\nTraining 0.9M parameters, {TOKENS:,} tokens a step, bfloat16 autocast; thousand tokens a second")
    found = []
    for heads, length in ((4, 256), (4, 2048), (2, 256), (2, 2048)):
        steps = [training_step(mixer, heads, length, device) for mixer in (GatedDelta, Attention)]
        ours, attention = (TOKENS / one.median / 1e3 for one in timed_in_turn(steps, device, 16 * budget))
        found.append({"heads": heads, "length": length, "gated delta": ours, "attention": attention})
        print(
            f"{heads} heads of {WIDTH // heads}  T {length:5d}  gated delta {ours:.2f}  attention {attention:.2f}  "
            f"ratio {ours / attention:.2f}",
            flush=True,
        )
    return found


if __name__ == "__main__":
    main()
