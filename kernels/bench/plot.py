"""The ratios of a run as bars: how many times faster ours is than fla's and than softmax attention."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from kernels.bench.cases import ATTENTION


def draw(rows: list[dict[str, Any]], device: str, file: Path) -> None:
    """One panel a shape; a bar for each op, forward and backward together, on a logarithmic axis."""
    rows = [row for row in rows if row["way"].startswith("both") and row["op"] != ATTENTION]
    compared = {row["op"] for row in rows if row["fla"] or row["attention"]}
    rows = [row for row in rows if row["op"] in compared]
    shapes = list(dict.fromkeys((row["shape"], row["way"]) for row in rows))
    figure, panels = plt.subplots(1, len(shapes), figsize=(3.4 * len(shapes), 4), sharey=True, squeeze=False)
    for panel, (shape, way) in zip(panels[0], shapes, strict=True):
        here = [row for row in rows if (row["shape"], row["way"]) == (shape, way)][::-1]
        for offset, (peer, colour) in enumerate((("fla", "#4477aa"), ("attention", "#cc6677"))):
            ratios = [row[peer] / row["ours"] if row[peer] else float("nan") for row in here]
            at = [n + 0.2 - 0.4 * offset for n in range(len(here))]
            panel.barh(at, ratios, height=0.38, color=colour, label=f"{peer} / ours")
        panel.set_yticks(range(len(here)), [row["op"] for row in here])
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter("")
        panel.axvline(1.0, color="black", linewidth=0.8)
        panel.set_title(f"{shape}" + (", CUDA graph" if way.endswith("graph") else ""), fontsize=9)
    figure.suptitle(f"Forward + backward on {device}: times faster than the other", fontsize=10)
    figure.legend(*panels[0][0].get_legend_handles_labels(), fontsize=8, loc="lower center", ncols=2)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(file, dpi=120)
    plt.close(figure)
