"""The published mixers that every design is compared with, each one file that keeps the candidate contract."""

from importlib.resources import files

from evaluation.reports import Report


class Baseline(Report):
    """What one baseline is and where it comes from. ``name`` is also its file's name."""

    name: str
    title: str
    paper: str
    arxiv: str
    quadratic: bool = False  # cost grows with T squared: shown, never the bar
    reference: bool = False  # parameters and gains are measured against this one


_ALL = (
    Baseline(
        name="softmax_attention",
        title="Softmax attention with rotary positions",
        paper="Vaswani et al., Attention Is All You Need (2017)",
        arxiv="1706.03762",
        quadratic=True,
    ),
    Baseline(
        name="linear_attention",
        title="Linear attention",
        paper="Katharopoulos et al., Transformers are RNNs: "
        "Fast Autoregressive Transformers with Linear Attention (2020)",
        arxiv="2006.16236",
    ),
    Baseline(
        name="gla",
        title="Gated linear attention",
        paper="Yang et al., Gated Linear Attention Transformers with Hardware-Efficient Training (2024)",
        arxiv="2312.06635",
    ),
    Baseline(
        name="deltanet",
        title="DeltaNet",
        paper="Yang et al., Parallelizing Linear Transformers with the Delta Rule over Sequence Length (2024)",
        arxiv="2406.06484",
    ),
    Baseline(
        name="gated_deltanet",
        title="Gated DeltaNet",
        paper="Yang et al., Gated Delta Networks: Improving Mamba2 with Delta Rule (2025)",
        arxiv="2412.06464",
        reference=True,
    ),
)


def baselines() -> dict[str, Baseline]:
    """Every baseline by name, in the order in which the field found them."""
    return {baseline.name: baseline for baseline in _ALL}


def source(name: str) -> str:
    """The text of a baseline's file. ValueError names the known ones."""
    if name not in baselines():
        raise ValueError(f"{name!r} is no baseline: choose one of {', '.join(baselines())}.")
    return (files(__name__) / f"{name}.py").read_text(encoding="utf-8")
