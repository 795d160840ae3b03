"""A dossier's records, read as what they are. One that cannot be read is a difference, and left out."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from archdb import Campaign, Experiment, Stage, Verified
from archdb.copies import Dossier
from evaluation import Report
from tasks.domain import Domain, domain_of
from tasks.dossier.judging import Judgement

Kind = TypeVar("Kind", bound=Report)


@dataclass(frozen=True)
class Trace:
    """What the recomputation works on."""

    campaign: Campaign
    domain: Domain
    experiments: dict[str, Experiment]
    tests: list[Verified]  # on fresh seeds, in their order
    texts: dict[str, str]

    def report(self, one: Experiment, stage: Stage, kind: type[Kind], judgement: Judgement) -> Kind | None:
        """The report of a stage; None, which is a difference, if it is missing or not of this kind."""
        text = self.texts.get(stage.report or "")
        if text is None:
            judgement.differ(f"The report of {stage.key} of {one.id} is missing: nothing after it can be recomputed.")
            return None
        try:
            return kind.model_validate(json.loads(text)["body"])
        except (ValueError, KeyError, TypeError) as fault:
            judgement.differ(f"The report of {stage.key} of {one.id} cannot be read ({type(fault).__name__}).")
            return None


def trace_of(dossier: Dossier, judgement: Judgement, domains: Collection[str]) -> Trace:
    """The records of a dossier, whose domain is imported if it is among ``domains``.

    Raises:
        ValidationError, ValueError: the campaign itself cannot be read, its domain is none of ``domains``, or there is
            no such module.
    """
    campaign = Campaign.model_validate(dossier.campaign)
    if campaign.domain not in domains:
        raise ValueError(
            f"its domain is the module {campaign.domain}: verify with --domain {campaign.domain} if you trust it to run"
        )
    experiments, tests = {}, []
    for stored in dossier.records["experiments"]:
        try:
            one = Experiment.model_validate(stored)
            experiments[one.id] = one
        except ValidationError as fault:
            where = ".".join(map(str, fault.errors()[0]["loc"]))
            judgement.differ(f"The experiment {stored.get('_id')} cannot be read ({where}).")
    for stored in dossier.records["verified"]:
        try:
            tests.append(Verified.model_validate(stored))
        except ValidationError as fault:
            where = ".".join(map(str, fault.errors()[0]["loc"]))
            judgement.differ(f"The test {stored.get('_id')} cannot be read ({where}).")
    tests.sort(key=lambda one: one.number)
    return Trace(campaign, domain_of(campaign.domain), experiments, tests, dossier.texts)
