"""What the report of an imported campaign shows, as frozen records, read from the store."""

import time
from collections import Counter
from collections.abc import Mapping

from archdb import Campaign, Experiment, Store, campaign_experiments, drawn_from, get_text
from archdb.asi_arch import SCORE, imported_result
from flows.report.contents import Curve, Link, Part, Words
from flows.report.wording import anchor


class Published(Part):
    """One imported design."""

    id: str
    anchor: str
    name: Words
    first_name: Words = ""
    number: int  # ASI-Arch's own, in the order of its search
    generation: int  # how many ancestors it has
    parent: str | None
    children: int
    rank: int | None
    score: float | None
    gallery: bool
    parameters: int | None = None
    curve: Curve = ()
    losses_nan: int = 0
    benchmarks: dict[str, float]
    motivation: Words = ""
    summary: Words = ""
    program: Words = ""
    offspring: tuple[Link, ...] = ()  # designs of this laboratory that were drawn from it


class ImportedContents(Part):
    """An imported campaign as its report shows it."""

    campaign: Campaign
    written_at: float
    designs: tuple[Published, ...]  # in ASI-Arch's order

    @property
    def ranking(self) -> list[Published]:
        """Designs with a score, best first."""
        return sorted(
            (one for one in self.designs if one.score is not None), key=lambda one: (-(one.score or 0), one.id)
        )

    @property
    def gallery(self) -> list[Published]:
        """The designs that were published with results, best first."""
        return sorted(
            (one for one in self.designs if one.gallery), key=lambda one: (one.rank or len(self.designs), one.id)
        )

    @property
    def benchmarks(self) -> list[str]:
        """The names of all benchmarks, the average last."""
        return sorted(
            {name for one in self.designs for name in one.benchmarks}, key=lambda one: (one == "average", one)
        )

    @property
    def offspring(self) -> int:
        return len({link.text for one in self.designs for link in one.offspring})


def gather_imported(store: Store, campaign: Campaign) -> ImportedContents:
    """Read everything that the report of an imported campaign shows.

    Raises:
        NotFound: a stored text is missing or damaged.
    """
    experiments = campaign_experiments(store, campaign.id)
    children = Counter(one.parents[0] for one in experiments if one.parents)
    scores = sorted((one.objectives[SCORE] for one in experiments if SCORE in one.objectives), reverse=True)
    ranks: dict[float, int] = {}
    for rank, score in enumerate(scores, 1):
        ranks.setdefault(score, rank)
    offspring: dict[str, list[Link]] = {}
    for one in drawn_from(store, campaign.id):
        for parent in one.parents:
            offspring.setdefault(parent, []).append(Link(text=f"{one.id} {one.name}"))
    return ImportedContents(
        campaign=campaign,
        written_at=time.time(),
        designs=tuple(
            _published(store, one, children[one.id], ranks, tuple(offspring.get(one.id, ()))) for one in experiments
        ),
    )


def _published(
    store: Store, one: Experiment, children: int, ranks: Mapping[float, int], offspring: tuple[Link, ...]
) -> Published:
    gallery, score = "gallery" in one.tags, one.objectives.get(SCORE)
    result = imported_result(store, one) if gallery else None  # the others were published without any
    stage = one.stage("import")
    return Published(
        id=one.id,
        anchor=anchor(one.id),
        name=one.name,
        first_name=str(stage.summary["name"]) if stage else "",
        number=int(stage.summary["index"]) if stage else 0,
        generation=len(one.path),
        parent=one.parents[0] if one.parents else None,
        children=children,
        rank=None if score is None else ranks[score],
        score=score,
        gallery=gallery,
        parameters=result.parameters if result else None,
        curve=result.curve if result else (),
        losses_nan=len(result.curve_nan) if result else 0,
        benchmarks=result.benchmarks if result else {},
        motivation=_text(store, one.motivation),
        summary=_text(store, one.analysis),
        program=_text(store, one.code),
        offspring=offspring,
    )


def _text(store: Store, digest: str | None) -> str:
    return get_text(store, digest) if digest else ""
