"""What an audit finds: faults, each one sentence with what it means and the remedy."""

from collections.abc import Iterator, Mapping
from typing import Any

from archdb.events import Event
from archdb.records import Record

RESTORE = "restore the store from a backup in which `archloop audit verify` finds nothing"


class Fault(Record):
    """Something that is not as it was written."""

    kind: str
    event: int | None = None  # its place in the chain
    subject: str = ""  # the experiment or campaign
    sentence: str


def judged(subject: str, found: Iterator[Fault]) -> list[Fault]:
    """All faults of a record. One that cannot even be read is a fault too."""
    try:
        return list(found)
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        told = f"What is recorded of {subject} cannot be read ({type(fault).__name__}): it was edited; {RESTORE}."
        return [Fault(kind="malformed", subject=subject, sentence=told)]


def broken(kind: str, event: Mapping[str, Any], wrong: str) -> Fault:
    """An event, as it is stored, is not what the chain needs."""
    about: Any = event.get("subject") or event.get("campaign") or ""
    name = f"Event {event['_id']} ({event.get('kind')}{f' of {about}' if about else ''})"
    place = event["_id"] if isinstance(event["_id"], int) else None
    return Fault(kind=kind, event=place, subject=str(about), sentence=f"{name} {wrong}; {RESTORE}.")


def missing(first: int, last: int) -> Fault:
    """There are no events in these places."""
    which = f"Event {first} is" if first == last else f"Events {first} to {last} are"
    return Fault(kind="missing", event=first, sentence=f"{which} missing: removed from the log; {RESTORE}.")


def changed(event: Event, what: str) -> Fault:
    """Something has another hash than was told."""
    told = f"{what[0].upper()}{what[1:]} is not what {_name(event)} told: it was edited since; {RESTORE}."
    return Fault(kind="changed", event=event.id, subject=event.subject or event.campaign, sentence=told)


def differs(event: Event, what: str, now: Any, then: Any) -> Fault:
    """Something has another value than was told."""
    told = f"{what[0].upper()}{what[1:]} is {now}, and {_name(event)} told {then}: it was edited since; {RESTORE}."
    return Fault(kind="changed", event=event.id, subject=event.subject or event.campaign, sentence=told)


def lost(event: Event, what: str) -> Fault:
    """Something that an event told of is not there."""
    told = f"{what[0].upper()}{what[1:]} is gone, of which {_name(event)} told: it was removed; {RESTORE}."
    return Fault(kind="gone", event=event.id, subject=event.subject or event.campaign, sentence=told)


def untold(what: str, subject: str) -> Fault:
    """Something is there of which no event told."""
    told = f"{what} is not in the log: it was written around archloop, or its event was removed; {RESTORE}."
    return Fault(kind="untold", subject=subject, sentence=told)


def gone(name: str) -> Fault:
    """A whole record is not there."""
    told = f"{name} is gone, though the log tells of it: it was removed; {RESTORE}."
    return Fault(kind="gone", subject=name, sentence=told)


def _name(event: Event) -> str:
    return f"event {event.id} ({event.kind} of {event.subject or event.campaign})"
