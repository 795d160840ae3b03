"""Do texts give their hashes, are programs those that were recorded, and is the data the same everywhere?"""

import hashlib
import json

from archdb import Body, Experiment
from archdb.copies import Dossier
from tasks.domain import Domain
from tasks.dossier.fitness_source import fitness_source, sha256_of_source
from tasks.dossier.judging import Judgement
from tasks.dossier.trace import Trace

REPORTS_OF_DATA = ("gpu-train", "benchmark", "hold-out")


def check_texts(dossier: Dossier, judgement: Judgement) -> None:
    """Each text against its sha256."""
    of = {str(one.get("code")): one.get("_id") for one in reversed(dossier.records["experiments"])}
    for sha256, text in dossier.texts.items():
        judgement.texts += 1
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            named = f", the program of {of[sha256]}," if sha256 in of else ""
            judgement.differ(f"The text {sha256[:12]}{named} is not the one of this sha256: it was changed.")


def check_programs(dossier: Dossier, trace: Trace, judgement: Judgement) -> None:
    """Each design's program is there, and is the recorded version of its last attempt."""
    versions = {str(one.get("_id")): str(one.get("sha256")) for one in dossier.records["code_versions"]}
    for one in trace.experiments.values():
        if one.code is None:
            continue
        judgement.programs += 1
        if one.code not in dossier.texts:
            judgement.differ(f"The program of {one.id} ({one.code[:12]}) is missing.")
        kept = versions.get(f"{one.id}:{one.attempt}")
        if kept != one.code:
            judgement.differ(
                f"{one.id} names the program {one.code[:12]}, and its version {one.attempt} is "
                f"{kept[:12] if kept else 'missing'}."
            )
        if one.kind == "baseline":
            _baseline(one, trace.domain, judgement)
    for name, sha256 in versions.items():
        if sha256 not in dossier.texts:
            judgement.differ(f"The program of version {name} ({sha256[:12]}) is missing.")


def _baseline(one: Experiment, domain: Domain, judgement: Judgement) -> None:
    installed = domain.baseline_source(one.name) if one.name in domain.baselines() else ""
    if hashlib.sha256(installed.encode()).hexdigest() != one.code:
        judgement.notes.append(f"This archloop has another program of the baseline {one.name} than {one.id}.")


def data_of(trace: Trace) -> list[Body]:
    """The data that trainings and scores were made with: dataset and sha256 of each split, each once."""
    found = {}
    for one in trace.experiments.values():
        for stage in one.stages.values():
            text = trace.texts.get(stage.report or "") if stage.stage in REPORTS_OF_DATA else None
            try:
                corpus = json.loads(text)["body"].get("corpus") if text else None
            except (ValueError, KeyError, TypeError, AttributeError):
                corpus = None  # reading the report tells of it
            if corpus:
                found[json.dumps(corpus, sort_keys=True)] = corpus
    return [found[key] for key in sorted(found)]


def check_data(dossier: Dossier, trace: Trace, judgement: Judgement) -> None:
    """One and the same data everywhere, which the campaign names."""
    found = data_of(trace)
    judgement.agree(trace.campaign.id, "data", dossier.manifest.get("data"), found)
    if len(found) > 1:
        judgement.differ(f"The reports of {trace.campaign.id} name {len(found)} sets of data: they do not compare.")
    for one in found:
        told = f"{one.get('dataset')} {str(one.get('train'))[:12]}"
        judgement.agree(trace.campaign.id, "dataset", trace.campaign.dataset, told)


def check_source(dossier: Dossier, trace: Trace, judgement: Judgement) -> None:
    """The fitness source is the text that its hash says; whether the installed one is the same is only a note."""
    told: Body = dossier.manifest.get("fitness_source") or {}
    modules: dict[str, str] = told.get("modules") or {}
    texts = {name: dossier.texts[sha256] for name, sha256 in modules.items() if sha256 in dossier.texts}
    for name in sorted(modules.keys() - texts.keys()):
        judgement.differ(f"The source of {name} is missing.")
    judgement.agree(trace.campaign.id, "sha256 of the fitness source", told.get("sha256"), sha256_of_source(texts))
    opened = trace.campaign.environment.get("fitness_source")  # not told of campaigns from before there were dossiers
    if opened not in (None, told.get("sha256")):
        judgement.notes.append(f"The fitness source changed between the opening of {trace.campaign.id} and the export.")
    installed = fitness_source(trace.campaign.domain)
    other = [name for name in sorted(texts.keys() | installed.keys()) if texts.get(name) != installed.get(name)]
    if other:
        judgement.notes.append(
            f"Numbers were recomputed with the installed code, of which {', '.join(other)} differs from the dossier's."
        )
