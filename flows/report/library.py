"""What the designs of a campaign refer to, read from the store: each other, baselines, papers, findings, and texts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from archdb import Experiment, NotFound, Stage, Store, get_experiment, get_text
from archdb.blobs import get_texts
from archdb.cognition import Entry, find_entries
from evaluation import Baseline, Measure
from flows.report.contents import Link
from flows.report.wording import anchor
from tasks.asked_ablations import ablations_of


class Library:
    """What the designs of a campaign refer to: each other and baselines, by id, and whatever else is in the store."""

    def __init__(
        self,
        store: Store,
        experiments: Sequence[Experiment],
        baselines: Mapping[str, Baseline],
        measures: Mapping[str, Measure],
    ) -> None:
        self.store = store
        self.baselines = baselines
        self.measures = measures
        self.experiments = {one.id: one for one in experiments}
        self.entries: dict[str, Entry] = {}  # papers and findings that were read ahead
        self._texts: dict[str, str] = {}

    def read_ahead(self, experiments: Sequence[Experiment]) -> None:
        """Read what these experiments' designs consist of in few round trips; what was read ahead before is forgotten.

        Raises:
            NotFound: a stored text is missing or damaged.
        """
        first = [one.parents[0] for one in experiments if one.parents]
        parents = [self.experiments[one] for one in first if one in self.experiments]
        wanted = [one.code for one in (*experiments, *parents)]
        cited: set[str] = set()
        for one in experiments:
            wanted += [one.motivation, one.analysis, *(stage.report for stage in one.stages.values())]
            less = [self.experiments[name] for name in ablations_of(one) if name in self.experiments]
            wanted += [stage.report for ablation in less if (stage := ablation.stage("analyze", 0))]
            proposed = one.stage("propose", 0)
            if proposed:
                cited.update(named(proposed.summary, "retrieved") + named(proposed.summary, "used"))
        digests = list(dict.fromkeys(filter(None, wanted)))
        self._texts = dict(zip(digests, get_texts(self.store, digests), strict=True))
        self.entries = {entry.id: entry for entry in find_entries(self.store, sorted(cited))}

    def text(self, digest: str | None) -> str:
        """A stored text; empty where there is none."""
        if not digest:
            return ""
        return self._texts[digest] if digest in self._texts else get_text(self.store, digest)

    def report(self, stage: Stage | None) -> dict[str, Any] | None:
        """What a stage reported."""
        return json.loads(self.text(stage.report))["body"] if stage and stage.report else None

    def link(self, experiment_id: str) -> Link:
        """A link to a design's section; a forked campaign also has parents elsewhere, which have no section here."""
        found = self.experiments.get(experiment_id)
        if found is not None:
            return Link(text=found.name, href=f"#{anchor(experiment_id)}")
        return Link(text=experiment_id)

    def origin(self, experiment: Experiment) -> Link | None:
        """The paper that a baseline comes from."""
        found = self.baselines.get(experiment.name) if experiment.kind == "baseline" else None
        return Link(text=found.paper, href=online(f"arXiv:{found.arxiv}")) if found else None

    def parent(self, experiment: Experiment) -> Experiment | None:
        """The first parent, wherever it lies."""
        if not experiment.parents:
            return None
        try:
            return self.experiments.get(experiment.parents[0]) or get_experiment(self.store, experiment.parents[0])
        except NotFound:
            return None


def named(summary: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The ids that the summary of a proposal lists under ``retrieved`` or ``used``."""
    value = summary.get(key)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def online(paper_id: str) -> str:
    """Where a paper can be read, for identifiers of arXiv and of the DOI system."""
    number = paper_id.partition(":")[2]
    if paper_id.startswith("arXiv:") and number.replace(".", "").isdigit():
        return f"https://arxiv.org/abs/{number}"
    return f"https://doi.org/{number}" if paper_id.startswith("doi:10.") else ""
