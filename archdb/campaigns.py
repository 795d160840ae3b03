"""Campaigns: settings that are fixed at creation, and the panel that fitness is measured against."""

import contextlib
import time

import pymongo.errors

from archdb.errors import Conflict, NotFound
from archdb.governance.rule import Rule, rule_of
from archdb.outbox import holding, settle, telling
from archdb.patience import patient
from archdb.records import Body, Campaign, document, plain
from archdb.store import Store
from archdb.told import told_campaign, told_extension, told_panel


@patient
def open_campaign(
    store: Store, wanted: Campaign, sampler: str = "", ablations: int | None = None, rule: Rule | None = None
) -> Campaign:
    """Create the campaign, or join the one of that name if its settings agree.

    The number of cycles may grow; domain, scale, provider, seed and dataset may not change, since results would not
    compare. Nor may baselines be added: fitness is measured against all of them. Who asks for fewer gets those of the
    campaign.

    Args:
        store: where.
        wanted: its settings. A campaign that exists keeps its own way to choose parents and its own number of
            ablations, whatever is said here.
        sampler: the way to choose parents that somebody insists on; empty where nobody does.
        ablations: the number of ablations that somebody insists on; None where nobody does.
        rule: who has to approve, where somebody insists on it.

    Raises:
        Conflict: the stored campaign has another domain, scale, provider, seed, dataset or model, lacks a baseline,
            replays another cassette, starts from other families, takes parents from elsewhere, chooses them in another
            way, has another number of ablations or another rule of approval; or one of the two was imported and the
            other not.
    """
    with contextlib.suppress(pymongo.errors.DuplicateKeyError):
        fresh = wanted.model_copy(update={"created_at": time.time()})
        store.campaigns.insert_one(document(fresh) | holding(told_campaign(fresh)))
    settle(store, "campaigns", wanted.id)
    stored = get_campaign(store, wanted.id)
    if bool(stored.ranked_by) != bool(wanted.ranked_by):
        raise Conflict(
            f"Campaign {wanted.id} {'was imported' if stored.ranked_by else 'is one of this laboratory'}, and imported "
            "designs stay apart from designs that are trained here: choose another name with --campaign NAME."
        )
    for field in ("domain", "scale", "provider", "seed", "dataset"):
        old, new = getattr(stored, field), getattr(wanted, field)
        if old != new:
            same = f"go on with --domain {old}, or " if field == "domain" else ""
            raise Conflict(
                f"Campaign {wanted.id} was started with {field} {old}, not {new}, and results would not compare: "
                f"{same}give the new settings a campaign of their own with --campaign NAME."
            )
    lacking = [name for name in wanted.further_baselines if name not in stored.further_baselines]
    if lacking:
        raise Conflict(
            f"Campaign {wanted.id} was started without {', '.join(lacking)}, and its fitness is measured against the "
            "baselines that it was started with: ask for others in a campaign of their own with --campaign NAME."
        )
    if wanted.families and wanted.families != stored.families:
        raise Conflict(
            f"Campaign {wanted.id} was started from {', '.join(stored.families) or 'all families'}, not from "
            f"{', '.join(wanted.families)}, and its searches would not compare: leave --families out, or give the "
            "others a campaign of their own with --campaign NAME."
        )
    if wanted.parents_from and wanted.parents_from != stored.parents_from:
        raise Conflict(
            f"Campaign {wanted.id} was started with parents from {stored.parents_from or 'itself alone'}, not from "
            f"{wanted.parents_from} too: give the new setting a campaign of its own with --campaign NAME."
        )
    if wanted.cassette != stored.cassette:
        raise Conflict(
            f"Campaign {wanted.id} replays the cassette {stored.cassette[:12]}, not {wanted.cassette[:12]}: give this "
            "one a campaign of its own with --campaign NAME."
        )
    if wanted.model and wanted.model != stored.model:
        raise Conflict(
            f"Campaign {wanted.id} was started with model {stored.model or 'unnamed'}, not {wanted.model}, and results "
            "would not compare: leave --model out, or give the new one a campaign of its own with --campaign NAME."
        )
    if sampler and sampler != stored.sampler:
        raise Conflict(
            f"Campaign {wanted.id} was started with sampler {stored.sampler}, not {sampler}, and results would not "
            "compare: leave --sampler out, or give the new one a campaign of its own with --campaign NAME."
        )
    if ablations is not None and ablations != stored.ablations:
        raise Conflict(
            f"Campaign {wanted.id} was started with at most {stored.ablations} ablations of a design, not {ablations}, "
            "and its searches would not compare: leave --ablations out, or give the new number a campaign of its own "
            "with --campaign NAME."
        )
    if rule is not None and not rule.same_as(rule_of(stored)):
        raise Conflict(
            f"Campaign {wanted.id} was started with {stored.approvals} approvals by "
            f"{' or '.join(stored.approvers) or 'whoever gives a name'}, and that stands: leave --approvals and "
            "--approver out, or start another campaign with --campaign NAME."
        )
    return extend_campaign(store, wanted.id, wanted.cycles) if wanted.cycles > stored.cycles else stored


@patient
def extend_campaign(store: Store, name: str, cycles: int) -> Campaign:
    """Let the campaign have at least this many cycles."""
    longer = {"$set": {"cycles": cycles}, **telling(told_extension(name, cycles))}
    store.campaigns.update_one({"_id": name, "cycles": {"$lt": cycles}}, longer)
    settle(store, "campaigns", name)
    return get_campaign(store, name)


@patient
def get_campaign(store: Store, name: str) -> Campaign:
    """The campaign of this name.

    Raises:
        NotFound: there is none.
    """
    found = store.campaigns.find_one({"_id": name})
    if found is None:
        raise NotFound(f"No campaign is called {name}: start it with `archloop run --campaign {name}`.")
    return Campaign.model_validate(found)


@patient
def list_campaigns(store: Store) -> list[Campaign]:
    """All campaigns, the oldest first."""
    found = [Campaign.model_validate(one) for one in store.campaigns.find()]
    return sorted(found, key=lambda one: (one.created_at, one.id))


@patient
def campaigns_like(store: Store, campaign: Campaign, most: int) -> list[Campaign]:
    """Campaigns with the same scale, domain, provider and model, at most so many: this one first, then the newest."""
    same = {name: getattr(campaign, name) for name in ("scale", "domain", "provider", "model")}
    found = [Campaign.model_validate(one) for one in store.campaigns.find(same)]
    return sorted(found, key=lambda one: (one.id != campaign.id, -one.created_at))[:most]


@patient
def set_panel(store: Store, name: str, panel: Body, reference_cpu_seconds: float) -> Campaign:
    """Fix what fitness is measured against. The first writer wins: a panel never changes afterwards."""
    settled = {"panel": plain(panel, "panel"), "reference_cpu_seconds": plain(reference_cpu_seconds, "reference")}
    told = told_panel(name, settled["panel"], settled["reference_cpu_seconds"])
    store.campaigns.update_one({"_id": name, "panel": None}, {"$set": settled, **telling(told)})
    settle(store, "campaigns", name)
    return get_campaign(store, name)
