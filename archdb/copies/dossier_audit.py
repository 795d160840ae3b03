"""Does a dossier's event log vouch for its records? The same questions as the audit of a store, of a file alone."""

from collections.abc import Iterator

from pydantic import ValidationError

from archdb.audit.campaigns import check_settings
from archdb.audit.chain import follow_chain
from archdb.audit.experiments import MADE, check_fields, check_stages
from archdb.audit.faults import RESTORE, Fault, changed, differs, gone, judged, lost, untold
from archdb.copies.dossier import Dossier
from archdb.events import Event, digest, sha256_of
from archdb.records import Body, Campaign, Experiment
from archdb.told import told_panel

AGAIN = "get the dossier again from whoever exported it"


def check_events(dossier: Dossier) -> tuple[str, int, list[Fault]]:
    """Walk the chain and hold it against the anchors and the records.

    Returns:
        The chain's head (SEQUENCE:HASH), how many anchors it met, and what is wrong.
    """
    nameless = [kind for kind, some in dossier.records.items() if any("_id" not in one for one in some)]
    named = {kind: [one for one in some if "_id" in one] for kind, some in dossier.records.items()}
    dossier = dossier.model_copy(update={"records": named})
    events = [one for one in dossier.events if isinstance(one.get("_id"), int)]
    walk = follow_chain(events, dossier.anchors, lambda name: name == dossier.name)
    known = {}
    for one in events:
        try:
            if one.get("campaign") == dossier.name:
                known[str(one.get("key"))] = Event.model_validate(one)
        except ValidationError:  # the walk has told of it
            continue
    faults = list(walk.faults)
    for kind in nameless:
        told = f"A record among the {kind.replace('_', ' ')} has no _id: it was edited; {RESTORE}."
        faults.append(Fault(kind="malformed", subject=dossier.name, sentence=told))
    faults += judged(dossier.name, _campaign(dossier, known))
    about: dict[str, list[Event]] = {}
    for event in known.values():
        about.setdefault(event.subject, []).append(event)
    experiments = {str(one["_id"]): one for one in dossier.records["experiments"]}
    for name, stored in experiments.items():
        faults += judged(name, _experiment(stored, about.get(name, [])))
    for name in sorted({one.subject for one in known.values() if one.kind in ("stage", "migrated", *MADE)}):
        if name not in experiments:
            faults.append(gone(name))
    for kind, collection in MADE.items():
        faults += judged(dossier.name, _made(dossier, kind, collection, known))
    faults += judged(dossier.name, _tests(dossier, known))
    sentences = [one.model_copy(update={"sentence": one.sentence.replace(RESTORE, AGAIN)}) for one in faults]
    return walk.head, walk.anchors, sentences


def _campaign(dossier: Dossier, known: dict[str, Event]) -> Iterator[Fault]:
    campaign = Campaign.model_validate(dossier.campaign)
    opened = known.get(f"campaign/{campaign.id}")
    if opened is None:
        yield untold(f"The campaign {campaign.id}", campaign.id)
        return
    yield from check_settings(campaign, opened)
    extended = f"extended/{campaign.id}/{campaign.cycles}"
    if campaign.cycles != opened.body.get("cycles") and extended not in known:
        yield differs(opened, "the campaign's cycles", campaign.cycles, opened.body.get("cycles"))
    fixed = known.get(f"panel/{campaign.id}")
    if fixed is None:
        yield untold(f"The panel of {campaign.id}", campaign.id)
        return
    for part, value in told_panel(campaign.id, campaign.panel or {}, campaign.reference_cpu_seconds).body.items():
        if value != fixed.body.get(part):
            yield differs(fixed, f"the {part} that fitness is measured against", value, fixed.body.get(part))


def _experiment(stored: Body, events: list[Event]) -> Iterator[Fault]:
    name = str(stored["_id"])
    stages = list(check_stages(name, stored.get("stages", {}), events, events))
    yield from stages
    if not any(one.kind == "untold" for one in stages):
        yield from check_fields(Experiment.model_validate(stored), events, events)


def _made(dossier: Dossier, kind: str, collection: str, known: dict[str, Event]) -> Iterator[Fault]:
    records = {f"{kind}/{one['_id']}": one for one in dossier.records[collection]}
    for key, record in records.items():
        event = known.get(key)
        if event is None:
            yield untold(f"The {key}", str(record.get("experiment", record["_id"])))
        elif digest(record) != event.body.get("sha256"):
            yield changed(event, f"the record of the {kind}")
    for key, event in known.items():
        if event.kind == kind and key not in records:
            yield lost(event, f"the record of the {kind}")


def _tests(dossier: Dossier, known: dict[str, Event]) -> Iterator[Fault]:
    tests = {str(one["_id"]): one for one in dossier.records["verified"]}
    for name, one in tests.items():
        event = known.get(f"promoted/{name}") or known.get(f"verified/{name}")
        if event is None:
            yield untold(f"The test {name} on fresh seeds", str(one["experiment"]))
            continue
        body = {"number": one["number"], "baseline": one["baseline"], "sha256": sha256_of(one["result"])}
        if one["experiment"] != event.subject or not body.items() <= event.body.items():
            yield changed(event, f"the result of the test {name} on fresh seeds")
    for key, event in known.items():
        if event.kind == "verified" and key.removeprefix("verified/") not in tests:
            yield lost(event, "the result on fresh seeds")
