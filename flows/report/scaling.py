"""The scaling of a search as a picture: discoveries against compute with the laws, and scores with their bend."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from flows.report.figures import DOTS_PER_INCH, png
from flows.report.palette import FAINT, INK, QUIET, SERIES

if TYPE_CHECKING:
    from evaluation import Discovery, Flattening
    from tasks.discoveries import Search


def draw_scaling(search: "Search", law: "Discovery", bend: "Flattening | None") -> bytes:
    """A PNG with two panels."""
    figure = Figure(figsize=(11, 4.4), dpi=DOTS_PER_INCH, layout="constrained")
    left, right = figure.subplots(1, 2)
    moments = np.concatenate([[0.0], np.sort(search.moments), [search.compute]])
    counts = np.concatenate([np.arange(len(search.moments) + 1), [len(search.moments)]])
    left.step(moments, counts, where="post", color=INK, linewidth=1.6, label="counted")
    within = [one for one in law.curve if one.compute <= search.compute * 1.0001]
    if within:
        compute = [one.compute for one in within]
        left.fill_between(
            compute, [one.low for one in within], [one.high for one in within], color=SERIES[0], alpha=0.15, linewidth=0
        )
        left.plot(compute, [one.expected for one in within], color=SERIES[0], label=f"{law.laws[0].name} law, the best")
    left.plot([0, search.compute], [0, law.discoveries], color=QUIET, linestyle="--", label="constant rate")
    left.set_xlabel(search.unit)
    left.set_ylabel(f"discoveries: {search.what}")
    left.legend(frameon=False, loc="upper left")
    number = np.arange(1, len(search.scores) + 1)
    right.scatter(number, search.scores, s=3, color=FAINT)
    right.plot(number, np.maximum.accumulate(search.scores), color=INK, linewidth=1.2, label="best so far")
    if bend is not None:
        right.plot(number, _line(search, bend), color=SERIES[0], label="two straight lines")
        right.axvspan(bend.bend_low, bend.bend_high, color=SERIES[0], alpha=0.12, linewidth=0)
    right.set_xlabel("designs that have a score, in their order")
    right.set_ylabel(search.score)
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    return png(figure)


def _line(search: "Search", bend: "Flattening") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    number = np.arange(1.0, len(search.scores) + 1)
    rise = bend.before / 100 * np.minimum(number, bend.bend)
    rise += bend.after / 100 * np.maximum(number - bend.bend, 0)
    return np.asarray(rise + np.mean(np.asarray(search.scores) - rise))
