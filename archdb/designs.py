"""What a cycle made on its way: the proposal, every version of the code, the analysis, and the components used.

Each is written once under the experiment's id, before the stage that used it, so that a stage which is done again after
a crash finds what the first try had made.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from pydantic import Field, FiniteFloat

from archdb.blobs import AT_ONCE, put_text
from archdb.bulk import insert_absent
from archdb.events import Told, digest
from archdb.once import insert_or_find
from archdb.outbox import holding, insert_telling, pass_on, settle
from archdb.patience import patient
from archdb.records import Experiment, Record, document
from archdb.store import Document, Store

Origin = Literal["codegen", "repair", "baseline", "file", "import", "verification", "ablation"]


class Proposed(Record):
    """What the Researcher wanted to try, and on what grounds."""

    id: str = Field(alias="_id")  # the experiment's
    campaign: str
    name: str
    parents: tuple[str, ...] = ()
    components: dict[str, str] = Field(default_factory=dict)
    reply: str = ""  # blob of all that the Researcher answered
    query: str = ""  # what was asked of the cognition base
    retrieved: tuple[str, ...] = ()  # ids of papers and findings
    used: tuple[str, ...] = ()
    created_at: float = 0.0


class CodeVersion(Record):
    """The source of one attempt of a design."""

    id: str = Field(alias="_id")  # experiment:attempt
    experiment: str
    campaign: str
    attempt: int
    sha256: str  # blob
    origin: Origin
    note: str = ""  # the Engineer's, in a sentence
    components: dict[str, str] = Field(default_factory=dict)
    created_at: float = 0.0


class Analysed(Record):
    """What the Analyst wrote about a finished design."""

    id: str = Field(alias="_id")  # the experiment's
    campaign: str
    text: str  # blob of Markdown
    findings: tuple[str, ...] = ()
    ablations: dict[str, str] = Field(default_factory=dict)  # asked for: experiment -> the component that it lacks
    created_at: float = 0.0


class ComponentUse(Record):
    """That a design made a choice for a slot, and how it ended: who else made it is found without reading designs."""

    id: str = Field(alias="_id")  # experiment/slot
    experiment: str
    campaign: str
    component: str  # slot=choice
    parent: str = ""
    fitness: FiniteFloat | None = None  # None: it failed
    gains: dict[str, FiniteFloat] = Field(default_factory=dict)


Once = TypeVar("Once", Proposed, CodeVersion, Analysed)
PLACES: Mapping[type[Record], str] = {
    Proposed: "proposals",
    CodeVersion: "code_versions",
    Analysed: "analyses",
}
INDEXES = {
    "proposals": (("campaign",), ("retrieved",)),  # which designs a paper led to
    "code_versions": (("experiment",), ("sha256",)),  # attempts of a design; who has this very code
    "component_uses": (("component",), ("experiment",)),
}


@patient
def record_once(store: Store, one: Once) -> Once:
    """Keep the record unless there is one of its id, and return what is kept. The event log is told of it."""
    place, told = PLACES[type(one)], told_made(one)
    kept = insert_or_find(store.database[place], one, holding(told))
    if kept is one:
        pass_on(store, place, one.id, told)
    else:
        settle(store, place, one.id)  # whoever wrote it may have died before it was told
    return kept


def told_made(one: Proposed | CodeVersion | Analysed) -> Told:
    """What the event log is told of a record that is written once."""
    if isinstance(one, Proposed):
        kind, key, subject, blobs = "proposal", one.id, one.id, {"reply": one.reply}
    elif isinstance(one, CodeVersion):
        kind, key, subject, blobs = "code", one.id, one.experiment, {"code": one.sha256}
    else:
        kind, key, subject, blobs = "analysis", one.id, one.id, {"text": one.text}
    stored: Document = document(one)
    body = blobs | {"sha256": digest(stored)}
    return Told(kind=kind, key=f"{kind}/{key}", campaign=stored["campaign"], subject=subject, body=body)


def record_code(
    store: Store,
    source: str,
    experiment: Experiment,
    attempt: int,
    origin: Origin,
    *,
    note: str = "",
    components: Mapping[str, str] | None = None,
) -> CodeVersion:
    """Keep the source of an attempt, with its text, and return what is kept for that attempt."""
    return record_once(
        store,
        CodeVersion(
            id=f"{experiment.id}:{attempt}",
            experiment=experiment.id,
            campaign=experiment.campaign,
            attempt=attempt,
            sha256=put_text(store, source),
            origin=origin,
            note=note,
            components=dict(components or {}),
            created_at=time.time(),
        ),
    )


def insert_codes(store: Store, versions: Sequence[CodeVersion]) -> None:
    """Keep many versions whose texts are stored, in few round trips; those whose id is taken stay as they are."""
    insert_telling(store, "code_versions", {one.id: (document(one), [told_made(one)]) for one in versions})


def record_components(store: Store, experiment: Experiment) -> None:
    """Keep what a finished design was composed of, beside how it ended. What is kept already stays. The event log is
    not told: the experiment says the same.
    """
    uses = [
        ComponentUse(
            id=f"{experiment.id}/{slot}",
            experiment=experiment.id,
            campaign=experiment.campaign,
            component=f"{slot}={choice}",
            parent=experiment.parents[0] if experiment.parents else "",
            fitness=experiment.fitness,
            gains=experiment.gains,
        )
        for slot, choice in experiment.components.items()
    ]
    insert_absent(store.component_uses, [document(one) for one in uses])


@patient
def find_proposal(store: Store, experiment: str) -> Proposed | None:
    """The proposal of an experiment, if one was recorded."""
    found = store.proposals.find_one({"_id": experiment})
    return Proposed.model_validate(found) if found else None


@patient
def find_proposals(store: Store, experiments: Sequence[str]) -> list[Proposed]:
    """The proposals of these experiments that were recorded, in no order."""
    batches = (list(experiments[start : start + AT_ONCE]) for start in range(0, len(experiments), AT_ONCE))
    return [Proposed.model_validate(one) for batch in batches for one in store.proposals.find({"_id": {"$in": batch}})]


@patient
def find_code(store: Store, experiment: str, attempt: int) -> CodeVersion | None:
    """The code of an attempt, if it was recorded."""
    found = store.code_versions.find_one({"_id": f"{experiment}:{attempt}"})
    return CodeVersion.model_validate(found) if found else None


@patient
def code_versions(store: Store, experiment: str) -> list[CodeVersion]:
    """The versions of a design's code, first attempt first."""
    found = [CodeVersion.model_validate(one) for one in store.code_versions.find({"experiment": experiment})]
    return sorted(found, key=lambda one: one.attempt)


@patient
def same_code(store: Store, source: str, limit: int = 10) -> list[CodeVersion]:
    """Versions that consist of exactly this source, whatever the campaign."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    return [CodeVersion.model_validate(one) for one in store.code_versions.find({"sha256": digest}).limit(limit)]


@patient
def led_to(store: Store, source: str, limit: int = 100) -> list[Proposed]:
    """Proposals for which this paper or finding was retrieved."""
    return [Proposed.model_validate(one) for one in store.proposals.find({"retrieved": source}).limit(limit)]


@patient
def uses_of(store: Store, component: str, limit: int = 1000) -> list[ComponentUse]:
    """The finished designs that made this choice (``slot=choice``)."""
    return [
        ComponentUse.model_validate(one) for one in store.component_uses.find({"component": component}).limit(limit)
    ]
