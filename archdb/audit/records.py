"""Do the records still agree with what the log says of them?

Each is compared with the hashes that were told when it was written, and what was told must still be there.
"""

import math
from collections.abc import Callable, Iterator, Mapping

from archdb.audit.campaigns import check_settings
from archdb.audit.chain import Anchor, Anchors, Walk
from archdb.audit.decisions import check_decisions
from archdb.audit.experiments import Read, check_experiment, raw
from archdb.audit.faults import Fault, changed, differs, gone, judged, lost, untold
from archdb.events import Event, find_event, sha256_of
from archdb.outbox import settle
from archdb.patience import patient
from archdb.records import Campaign
from archdb.store import Document, Store
from archdb.told import told_panel


def check_records(
    store: Store,
    walk: Walk,
    campaign: str | None = None,
    anchors: Anchors | None = None,
    on_experiment: Callable[[int], None] = lambda _: None,
) -> Read:
    """Compare campaigns, experiments, tests and decisions with the log.

    Args:
        store: where.
        walk: what the walk along the chain found before.
        campaign: only its records; all without one.
        anchors: as the walk had them; None if nobody was asked for them.
        on_experiment: called with the number of experiments seen so far.
    """
    read, only = Read(), {"_id": campaign} if campaign else {}
    for name in sorted(_ids(store, "campaigns", only) | walk.campaigns):
        if campaign in (None, name):
            read.faults += judged(name, _campaign(store, name))
    within = {"campaign": campaign} if campaign else {}
    known = _ids(store, "experiments", within)
    runs = {one.run: one for one in anchors.found} if anchors else {}
    for number, name in enumerate(sorted(known), 1):
        read.faults += judged(name, check_experiment(store, name, read))
        if anchors and walk.closed.get(name, math.inf) <= anchors.until:
            read.faults += judged(name, _anchored(store, name, walk, runs))
        read.experiments = number
        on_experiment(number)
    told = {name for name, of in walk.experiments.items() if campaign in (None, of)}
    for name in sorted((told | _ids(store, "outlines", within)) - known):
        read.faults.append(gone(name))
    for name in sorted(_ids(store, "verified", within) | walk.tests):
        if campaign in (None, name.rpartition("/")[0]):
            read.faults += judged(name, _test(store, name))
    read.faults += check_decisions(store, walk, campaign)
    return read


@patient
def _ids(store: Store, collection: str, within: Document) -> set[str]:
    return {str(one["_id"]) for one in store.database[collection].find(within, {"_id": 1})}


def _campaign(store: Store, name: str) -> Iterator[Fault]:
    fixed = find_event(store, f"panel/{name}")  # before the record, which must then have it
    found = raw(store, "campaigns", name)
    if found is None:
        yield gone(name)
        return
    settle(store, "campaigns", name)
    opened = find_event(store, f"campaign/{name}")
    if opened is None:
        yield untold(f"The campaign {name}", name)
        return
    campaign = Campaign.model_validate(found)
    yield from check_settings(campaign, opened)
    if campaign.cycles != opened.body.get("cycles") and not find_event(store, f"extended/{name}/{campaign.cycles}"):
        yield differs(opened, "the campaign's cycles", campaign.cycles, opened.body.get("cycles"))
    if campaign.panel is not None:
        fixed = fixed or find_event(store, f"panel/{name}")
    if campaign.panel is not None and fixed is None:
        yield untold(f"The panel of {name}", name)
    elif fixed is not None:
        panel = told_panel(name, campaign.panel or {}, campaign.reference_cpu_seconds)
        for part, value in panel.body.items():
            if value != fixed.body.get(part):
                yield differs(fixed, f"the {part} that fitness is measured against", value, fixed.body.get(part))


def _anchored(store: Store, name: str, walk: Walk, runs: Mapping[str, Anchor]) -> Iterator[Fault]:
    """A closed design's MLflow run carries an anchor of this log."""
    run = (raw(store, "experiments", name) or {}).get("mlflow_run")
    anchor = runs.get(run or "")
    if run and (anchor is None or (walk.chain and anchor.chain != walk.chain)):
        wrong = "carries no anchor" if anchor is None else "carries the anchor of another log"
        yield Fault(
            kind="unanchored",
            subject=name,
            sentence=f"The MLflow run {run} of {name} {wrong}: the run was removed, its tag was edited, or the log was "
            "written anew from its first event; restore MLflow and the store from backups.",
        )


def _test(store: Store, name: str) -> Iterator[Fault]:
    told = find_event(store, f"promoted/{name}") or find_event(store, f"verified/{name}")
    found = raw(store, "verified", name)
    if found is None:
        yield lost(told, "the result on fresh seeds") if told else gone(name)
        return
    settle(store, "verified", name)
    told = find_event(store, f"promoted/{name}") or find_event(store, f"verified/{name}")
    if told is None:
        yield untold(f"The test {name} on fresh seeds", str(found["experiment"]))
    elif not _agrees(found, told):
        again = raw(store, "verified", name)  # the hold-out's word may have come in between
        if again is not None and not _agrees(again, told):
            yield changed(told, f"the result of the test {name} on fresh seeds")


def _agrees(found: Document, told: Event) -> bool:
    body = {"number": found["number"], "baseline": found["baseline"], "sha256": sha256_of(found["result"])}
    return found["experiment"] == told.subject and body.items() <= told.body.items()
