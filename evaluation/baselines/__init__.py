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
    default: bool = False  # every campaign trains it; the others are trained where they are asked for by name


_ALL = (
    Baseline(
        name="softmax_attention",
        title="Softmax attention with rotary positions",
        paper="Vaswani et al., Attention Is All You Need (2017)",
        arxiv="1706.03762",
        quadratic=True,
        default=True,
    ),
    Baseline(
        name="linear_attention",
        title="Linear attention",
        paper="Katharopoulos et al., Transformers are RNNs: "
        "Fast Autoregressive Transformers with Linear Attention (2020)",
        arxiv="2006.16236",
        default=True,
    ),
    Baseline(
        name="retnet",
        title="RetNet",
        paper="Sun et al., Retentive Network: A Successor to Transformer for Large Language Models (2023)",
        arxiv="2307.08621",
    ),
    Baseline(
        name="gla",
        title="Gated linear attention",
        paper="Yang et al., Gated Linear Attention Transformers with Hardware-Efficient Training (2024)",
        arxiv="2312.06635",
        default=True,
    ),
    Baseline(
        name="hybrid_based",
        title="Based: Taylor linear attention with a sliding window",
        paper="Arora et al., Simple linear attention language models balance the recall-throughput tradeoff (2024)",
        arxiv="2402.18668",
    ),
    Baseline(
        name="hgrn2",
        title="HGRN2",
        paper="Qin et al., HGRN2: Gated Linear RNNs with State Expansion (2024)",
        arxiv="2404.07904",
    ),
    Baseline(
        name="mamba2",
        title="Mamba-2",
        paper="Dao and Gu, Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured "
        "State Space Duality (2024)",
        arxiv="2405.21060",
    ),
    Baseline(
        name="deltanet",
        title="DeltaNet",
        paper="Yang et al., Parallelizing Linear Transformers with the Delta Rule over Sequence Length (2024)",
        arxiv="2406.06484",
        default=True,
    ),
    Baseline(
        name="gated_deltanet",
        title="Gated DeltaNet",
        paper="Yang et al., Gated Delta Networks: Improving Mamba2 with Delta Rule (2025)",
        arxiv="2412.06464",
        reference=True,
        default=True,
    ),
    Baseline(
        name="hybrid_gated_deltanet",
        title="Gated DeltaNet with a sliding window",
        paper="Yang et al., Gated Delta Networks: Improving Mamba2 with Delta Rule (2025)",
        arxiv="2412.06464",
    ),
    Baseline(
        name="rwkv7",
        title="RWKV-7-like layer",
        paper="Peng et al., RWKV-7 'Goose' with Expressive Dynamic State Evolution (2025)",
        arxiv="2503.14456",
    ),
    Baseline(
        name="kda",
        title="Kimi Delta Attention",
        paper="Kimi Team, Kimi Linear: An Expressive, Efficient Attention Architecture (2025)",
        arxiv="2510.26692",
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
