"""A campaign's settings, checked before anything is started."""

import contextlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from archdb import Campaign, CassetteUnusable, NotFound, Store, get_campaign, open_campaign, set_caps
from archdb.copies import Cassette, sha256_of_cassette
from archdb.governance import Rule, rule_from, rule_of
from evaluation import OBJECTIVES
from flows.imported_parents import refuse_imported
from tasks.agents.providers import THINKING, check_provider, require_fitting, require_provider
from tasks.domain import OWN_DOMAIN, domain_of
from tasks.dossier.fitness_source import fitness_source, sha256_of_source
from tasks.replay.playing import REPLAY
from tasks.samplers.registry import DEFAULT, way_of

PACKAGES = ("torch", "triton", "numpy", "prefect", "mlflow", "pymongo", "lancedb")  # that results depend on

ABLATIONS = 1  # of a design, in campaigns where nobody says how many
USUAL = {"cycles": 8, "scale": "nano", "provider": "grammar", "seed": 0, "domain": OWN_DOMAIN, "cassette": ""}


def campaign_record(
    name: str,
    cycles: int,
    scale: str,
    provider: str,
    seed: int,
    domain: str,
    baselines: Sequence[str] = (),
    parents_from: str = "",
    sampler: str = "",
    model: str = "",
    ablations: int | None = None,
    rule: Rule | None = None,
    families: Sequence[str] = (),
) -> Campaign:
    """The record that a campaign with these settings has.

    Args:
        name: of the campaign.
        cycles: how many it shall have in all.
        scale: the size of models and training.
        provider: who proposes, writes and analyzes.
        seed: the root of all chance in proposals.
        domain: the module that checks, trains and scores designs.
        baselines: trained besides the default ones.
        parents_from: an imported campaign whose designs with a program may be improved, too.
        sampler: who chooses parents; empty for the default.
        model: of a provider that asks one; empty where the file of models says which.
        ablations: the most components to knock out of one design; None for the default.
        rule: who has to approve; None for what the environment says.
        families: baselines from which the search starts; none for all that are not quadratic. They are trained, and so
            are the default ones, against which everything is measured.

    Raises:
        ValueError: an unknown scale, provider, domain, baseline, family or sampler, a domain that the provider does not
            write for or whose objectives are no losses, a model for a provider that asks none,
            fewer ablations than none, or a name that cannot be part of ids and paths.
        CorpusError: the data that the domain trains on is missing or altered.
        Conflict: the environment's rule of approval is none.
    """
    check_name(name)
    module = domain_of(domain)
    module.scale(scale)
    require_provider(provider)
    require_fitting(provider, domain, model)
    for told, objective in module.objectives_of(scale).items():
        if objective.better != "lower" and told not in OBJECTIVES:
            raise ValueError(f"Objectives of a domain are losses, but of {told} higher is better: state it as a loss.")
    if provider == REPLAY:
        raise ValueError("A replay takes its settings from a cassette: give --cassette FILE.")
    way_of(sampler or DEFAULT)
    known = module.baselines()
    for asked in baselines:
        if asked not in known:
            raise ValueError(f"{asked!r} is no baseline: choose one of {', '.join(known)}.")
    founders = [name for name, one in known.items() if not one.quadratic]
    for asked in families:
        if asked not in founders:
            why = "is quadratic, and never improved" if asked in known else "is no baseline"
            raise ValueError(f"{asked!r} {why}, so no search can start from it: choose from {', '.join(founders)}.")
    if ablations is not None and ablations < 0:
        raise ValueError(f"{ablations} ablations are fewer than none: give 0 or more.")
    rule = rule or rule_from()
    return Campaign(
        id=name,
        scale=scale,
        provider=provider,
        model=model,
        cycles=cycles,
        seed=seed,
        domain=domain,
        dataset=dataset_of(domain),
        further_baselines=tuple(one for one in known if one in (*baselines, *families) and not known[one].default),
        families=tuple(one for one in known if one in families),
        parents_from=parents_from,
        sampler=sampler or DEFAULT,
        ablations=ABLATIONS if ablations is None else ablations,
        approvals=rule.needed,
        approvers=rule.approvers,
        environment=measured_environment(domain),
    )


def replay_record(cassette: Cassette, name: str = "", cycles: int | None = None, rule: Rule | None = None) -> Campaign:
    """The record that a campaign has which is run again from a cassette.

    Args:
        cassette: whose settings it takes.
        name: of the campaign; empty for the recorded one's, under which prompts are the very same.
        cycles: how many it shall have; all that are held if left out.
        rule: who has to approve; None for what the environment says.

    Raises:
        CassetteUnusable: the machine lacks the recorded data, or archloop the recorded provider.
        ValueError, CorpusError: as of :func:`campaign_record`.
    """
    held = cassette.settings
    if held.provider not in THINKING:
        raise CassetteUnusable(
            f"The cassette was recorded with the provider {held.provider}, which this archloop does not have: replay "
            "it with the archloop that wrote it."
        )
    wanted = campaign_record(
        name or cassette.campaign,
        held.cycles if cycles is None else cycles,
        held.scale,
        held.provider,
        held.seed,
        held.domain,
        held.further_baselines,
        held.parents_from,
        held.sampler,
        held.model,
        held.ablations,
        rule,
        held.families,
    )
    if wanted.dataset != held.dataset:
        raise CassetteUnusable(
            f"The cassette was recorded with the data {held.dataset}, and here is {wanted.dataset}: what is evaluated "
            "anew would not compare, so name the recorded data (ARCHLOOP_CORPUS)."
        )
    return wanted.model_copy(update={"provider": REPLAY, "model": "", "cassette": sha256_of_cassette(cassette)})


def open_checked(
    store: Store,
    wanted: Campaign,
    sampler: str = "",
    caps: Mapping[str, float] | None = None,
    ablations: int | None = None,
    rule: Rule | None = None,
) -> Campaign:
    """Create or join a campaign and set its caps, once its provider is known to be able to work.

    Raises:
        ModelUnusable: a model, its key, or under a cap on dollars its price is missing.
        Conflict: the campaign has other settings.
    """
    try:
        get_campaign(store, wanted.id)
    except NotFound:
        check_provider(store, wanted)  # nothing is left of a campaign that cannot begin
    record = open_campaign(store, wanted, sampler, ablations, rule)
    set_caps(store, record.id, caps or {})
    check_provider(store, record)  # there may be a cap on dollars now
    return record


def with_known(store: Store, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as given; those that are None or empty are the campaign's own, or of a new one the usual ones.

    Raises:
        Conflict: the campaign was imported, and nothing runs in it.
    """
    usual: Mapping[str, Any] = USUAL
    with contextlib.suppress(NotFound):
        known = get_campaign(store, name)
        refuse_imported(known)
        usual = known.model_dump(include=set(given))
    return {key: usual[key] if value in (None, "") else value for key, value in given.items()}


def known_rule(store: Store, name: str) -> Rule | None:
    """The rule of approval of a campaign that exists, for which nobody need look at the environment's."""
    try:
        return rule_of(get_campaign(store, name))
    except NotFound:
        return None


def dataset_of(domain: str) -> str:
    """Name and hash of the data that a domain trains on in this process."""
    fingerprint = domain_of(domain).corpus().fingerprint
    return f"{fingerprint['dataset']} {fingerprint['train'][:12]}"


def check_name(name: str) -> None:
    """Refuse a campaign's name that cannot be part of ids and paths.

    Raises:
        ValueError: it has other signs than letters, digits, - and _.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"The campaign name {name!r} has other signs than letters, digits, - and _: choose another.")


def measured_environment(domain: str) -> dict[str, str]:
    """What a campaign's numbers depend on: these versions, and the source that computes fitness."""
    return environment() | {"fitness_source": sha256_of_source(fitness_source(domain))}


def environment() -> dict[str, str]:
    """The versions that results depend on."""
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions
