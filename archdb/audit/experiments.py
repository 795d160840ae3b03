"""Does an experiment still agree with what the log says of it: stages, fields, proposal, code, analysis, texts?

Workers may go on meanwhile: the log is read before and after the record, and each direction is judged by the reading
that cannot have missed anything.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from archdb.audit.faults import RESTORE, Fault, changed, differs, gone, lost, untold
from archdb.blobs import get_text
from archdb.errors import NotFound
from archdb.events import Event, digest, find_event, sha256_of
from archdb.outbox import PENDING, settle_experiment
from archdb.outlines import outline_of
from archdb.patience import patient
from archdb.records import Experiment, Outline
from archdb.store import Document, Store
from archdb.told import lasting

BLOBS = ("code", "report", "prompt", "reply", "text")  # fields of an event's body that name a text
# kind -> written once under one id
MADE = {"proposal": "proposals", "code": "code_versions", "analysis": "analyses", "call": "model_calls"}


@dataclass
class Read:
    """What reading the records found."""

    experiments: int = 0
    texts: int = 0
    faults: list[Fault] = field(default_factory=list)


def check_experiment(store: Store, name: str, read: Read) -> Iterator[Fault]:
    """One experiment against its events; the texts looked at are counted in ``read``."""
    before = _events_of(store, name)
    found = raw(store, "experiments", name)
    if found is None:
        yield gone(name)
        return
    stages: dict[str, Document] = found.get("stages", {})
    events = before
    if found.get(PENDING) or {f"stage/{name}/{key}" for key in stages} - {one.key for one in before}:
        settle_experiment(store, name)
        events = _events_of(store, name)
    experiment = Experiment.model_validate(found)
    faults = list(check_stages(name, stages, before, events))
    if not any(one.kind == "untold" for one in faults):  # else the last that was told is not the last there was
        faults += check_fields(experiment, before, events)
    yield from faults or _outline(store, experiment)
    yield from _made(store, name, events)
    yield from _texts(store, experiment, events, read)


def check_stages(name: str, stages: dict[str, Document], before: list[Event], after: list[Event]) -> Iterator[Fault]:
    """The stage records of an experiment, as they are stored, against the events read before and after them."""
    told = {one.key: one for one in after if one.kind == "stage"}
    rest = {}
    for key, stage in stages.items():
        event = told.get(f"stage/{name}/{key}")
        if event is None:
            rest[key] = stage
        elif sha256_of(stage) != event.body.get("sha256"):
            yield changed(event, f"the record of stage {key}")
    found = next((one for one in after if one.kind == "migrated"), None)
    if found is not None and sha256_of(rest) != found.body.get("sha256"):
        yield changed(found, f"the set of {found.body.get('stages')} stages from before there was a log")
    elif found is None:
        for key in rest:
            yield untold(f"The record of stage {key} of {name}", name)
    for one in before:
        if one.kind == "stage" and one.key.removeprefix(f"stage/{name}/") not in stages:
            yield lost(one, f"the record of stage {one.key.removeprefix(f'stage/{name}/')}")


def check_fields(experiment: Experiment, before: list[Event], after: list[Event]) -> Iterator[Fault]:
    """The experiment's fields against the last event that told of them and is no younger than what was read."""
    for one in before:
        if _rev(one) > experiment.rev:
            yield changed(one, "the experiment's revision")
            return
    known = [one for one in after if one.kind in ("stage", "migrated") and _rev(one) <= experiment.rev]
    closed = next((one for one in known if one.body.get("stage") == "analyze"), None)
    if closed is not None and closed.body.get("fitness") != experiment.fitness:
        yield differs(closed, "the fitness", experiment.fitness, closed.body.get("fitness"))
    elif closed is not None and closed.body.get("objectives") != sha256_of(experiment.objectives):
        yield changed(closed, "the objectives")
    elif known:
        last = max(known, key=_rev)
        if last.body.get("fields") != lasting(experiment):
            yield changed(last, "a field of the experiment (such as name, parents, code, scores or failure)")


def _rev(event: Event) -> int:
    return int(event.body.get("rev") or 0)


def _outline(store: Store, experiment: Experiment) -> Iterator[Fault]:
    """What leaderboards and the search read of it is still what the experiment says. Not asked while a worker has the
    experiment, or died with it: the outline may be one write behind until somebody goes on.
    """
    if experiment.lease.owner:
        return
    kept = raw(store, "outlines", experiment.id)
    if kept is not None and outline_of(experiment) == Outline.model_validate(kept | {"rev": experiment.rev}):
        return
    again = Experiment.model_validate(raw(store, "experiments", experiment.id))
    if again.rev == experiment.rev:  # else a worker goes on with it
        yield Fault(
            kind="outline",
            subject=experiment.id,
            sentence=f"The outline of {experiment.id}, which leaderboards read, is not what the experiment says: it "
            f"was edited or removed; {RESTORE}.",
        )


def _made(store: Store, name: str, after: list[Event]) -> Iterator[Fault]:
    """Proposals, versions of the code, analyses and model calls."""
    told = {one.key for one in after}
    kept: dict[str, Document] = {}
    for kind in ("code", "call"):
        for one in _raw_all(store, MADE[kind], name):
            kept[f"{kind}/{one['_id']}"] = one
    for kind in ("proposal", "analysis"):
        found = raw(store, MADE[kind], name)
        if found is not None:
            kept[f"{kind}/{name}"] = found
    for event in after:
        if event.key in kept:
            record = {field: value for field, value in kept[event.key].items() if field != PENDING}
            if digest(record) != event.body.get("sha256"):
                yield changed(event, f"the record of the {event.kind}")
        elif event.kind in MADE:
            yield lost(event, f"the record of the {event.kind}")
    if any(key not in told for key in kept):
        settle_experiment(store, name)
        for key in kept:
            if find_event(store, key) is None:
                yield untold(f"The {key.partition('/')[0]} of {name}", name)


@patient
def _raw_all(store: Store, collection: str, experiment: str) -> list[Document]:
    return list(store.database[collection].find({"experiment": experiment}))


def _texts(store: Store, experiment: Experiment, events: list[Event], read: Read) -> Iterator[Fault]:
    """Every text that the experiment or its events name exists and gives its hash."""
    held = [experiment.code, experiment.motivation, experiment.analysis]
    held += [one.report for one in experiment.stages.values()]
    named: dict[str, Event | None] = {one: None for one in held if one}
    for told in events:
        for part in BLOBS:
            if told.kind in ("stage", *MADE) and told.body.get(part):
                named.setdefault(str(told.body[part]), None)
                named[str(told.body[part])] = named[str(told.body[part])] or told
    for sha256, event in named.items():
        read.texts += 1
        try:
            get_text(store, sha256)
        except NotFound as fault:
            place = event.id if event else None
            where = f"Event {place} ({event.kind} of {experiment.id})" if event else experiment.id
            said = str(fault).partition(":")[0]
            yield Fault(
                kind="text",
                event=place,
                subject=experiment.id,
                sentence=f"{where} names a text that is gone or damaged: {said}; {RESTORE}.",
            )


@patient
def raw(store: Store, collection: str, document_id: str) -> Document | None:
    """A document as it is stored."""
    return store.database[collection].find_one({"_id": document_id})


@patient
def _events_of(store: Store, subject: str) -> list[Event]:
    found = []
    for one in store.events.find({"subject": subject}):
        with contextlib.suppress(ValidationError):  # the walk along the chain has told of it
            found.append(Event.model_validate(one))
    return sorted(found, key=lambda one: one.id)
