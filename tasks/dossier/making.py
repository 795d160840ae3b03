"""What an exporter says of a campaign beside its records: data, source, environment, and the leaderboard it claims."""

import hashlib
from collections.abc import Mapping

from archdb import Body
from archdb.copies import Dossier
from evaluation import Panel
from tasks.domain import OWN_DOMAIN
from tasks.dossier.board import board_of
from tasks.dossier.fitness_source import fitness_source, sha256_of_source
from tasks.dossier.judging import Judgement
from tasks.dossier.programs import data_of
from tasks.dossier.recomputing import RANKED
from tasks.dossier.trace import Trace, trace_of


def with_manifest(dossier: Dossier, environment: Mapping[str, str]) -> Dossier:
    """The dossier with its manifest, and the texts that this names.

    Args:
        dossier: a campaign's records.
        environment: the versions of what it is exported with; the campaign's own are in its record.
    """
    trace = trace_of(dossier, Judgement(), [str(dossier.campaign.get("domain", OWN_DOMAIN))])
    source = fitness_source(trace.campaign.domain)
    modules = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in source.items()}
    manifest: Body = {
        "data": data_of(trace),
        "fitness_source": {"sha256": sha256_of_source(source), "modules": modules},
        "scale": trace.domain.scale(trace.campaign.scale).model_dump(mode="json"),
        "environment": {"campaign": trace.campaign.environment, "export": dict(environment)},
        "leaderboard": claimed_board(trace),
    }
    texts = dossier.texts | {modules[name]: text for name, text in source.items()}
    return dossier.model_copy(update={"manifest": manifest, "texts": texts})


def claimed_board(trace: Trace) -> list[Body]:
    """The leaderboard as the stored results say it."""
    designs = {}
    for one in trace.experiments.values():
        stages = [one.stage("benchmark", seed=seed) for seed in one.seeds]
        if one.kind in RANKED and one.fitness is not None:
            designs[one.id] = [stage.summary["objectives"] for stage in stages if stage is not None]
    panel = Panel.model_validate(trace.campaign.panel)
    return board_of(trace.domain, panel, designs, {one.experiment: one.result for one in trace.tests})
