"""What is kept of one of ASI-Arch's designs, and how its score may be read."""

from pydantic import Field, FiniteFloat

from archdb.records import Record

ORIGIN = "ASI-Arch"
SCORE = "asi_arch_score"  # the objective that an imported campaign is ranked by
SCORE_TITLE = "ASI-Arch score"
CAVEAT = (
    "Scores are ASI-Arch's own: the sum of three parts between 0 and 1, one of them a model's opinion, from one seed, "
    "of designs that were not matched in parameters. They rank these designs among themselves and compare with no "
    "fitness of this laboratory."
)


class ImportedResult(Record):
    """The numbers behind one design, as they were published. Stored as a report, ``{schema, version, body}``.

    What was published as nan is no number: it is named, and left out.
    """

    version: int = 1
    index: int
    name: str  # the first of its two names; experiments carry the second
    gallery: bool = False  # whether it is one of the 106 designs that were published with results
    parameters: int | None = None
    curve: tuple[tuple[int, FiniteFloat], ...] = ()  # (training step, loss in nats)
    curve_nan: tuple[int, ...] = ()  # steps
    benchmarks: dict[str, FiniteFloat] = Field(
        default={}
    )  # accuracies between 0 and 1; ``average`` skips nan, as published
    benchmarks_nan: tuple[str, ...] = ()
