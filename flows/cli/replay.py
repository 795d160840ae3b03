"""What ``archloop run --provider replay`` runs: the settings of a cassette, in a file or kept by a campaign."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flows.cli.asked import Refused

if TYPE_CHECKING:
    from archdb import Campaign, Store
    from archdb.copies import Cassette
    from archdb.governance import Rule

OPTIONS = {  # of `archloop run` -> the setting of a cassette that they would contradict
    "scale": "scale",
    "seed": "seed",
    "domain": "domain",
    "model": "model",
    "sampler": "sampler",
    "parents_from": "parents_from",
    "ablations": "ablations",
}


@dataclass(frozen=True)
class Replay:
    """A cassette that is to be replayed, and the record that its campaign will have."""

    cassette: "Cassette"
    texts: Mapping[str, str]  # empty where the store has them
    campaign: "Campaign"


def given_options(context: typer.Context) -> dict[str, Any]:
    """The options that a person has typed."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name: context.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def is_replay(given: Mapping[str, Any]) -> bool:
    """Whether the options ask for a replay.

    Raises:
        Refused: they ask for a cassette and for another provider.
    """
    from tasks.replay.playing import REPLAY

    provider, file = given.get("provider"), given.get("cassette")
    if file is not None and provider not in (None, REPLAY):
        raise Refused(f"--cassette is for --provider {REPLAY}: leave one of the two out.")
    return file is not None or provider == REPLAY


def replay_of_file(file: Path, given: Mapping[str, Any], rule: "Rule | None") -> Replay:
    """What to run, from a file, where these have to approve. Nothing is started.

    Raises:
        Refused: an option contradicts the cassette, or it names a domain that nobody here has named.
        CassetteUnusable: it cannot be replayed here.
    """
    from archdb.copies import read_cassette

    cassette, texts = read_cassette(file)
    _require_named(cassette.settings.domain, given)
    return Replay(cassette, texts, _record(cassette, given, rule))


def replay_of_campaign(store: "Store", given: Mapping[str, Any], rule: "Rule | None") -> Replay:
    """What to go on with, from the campaign that keeps the cassette.

    Raises:
        Refused: no campaign is named, it replays nothing, or an option contradicts its cassette.
    """
    from archdb import get_campaign
    from archdb.copies import find_cassette
    from archdb.governance import rule_of

    if "campaign" not in given:
        raise Refused("Nothing says what to replay: give --cassette FILE, or --campaign NAME of a replay to resume.")
    stored = get_campaign(store, given["campaign"])
    if not stored.cassette:
        raise Refused(f"Campaign {stored.id} replays nothing: give --cassette FILE, and --campaign NAME of a new one.")
    cassette = find_cassette(store, stored.cassette)
    return Replay(cassette, {}, _record(cassette, given, rule or rule_of(stored)))


def _require_named(domain: str, given: Mapping[str, Any]) -> None:
    """A module that is imported runs with all rights, so a file from elsewhere does not choose one."""
    from tasks.domain import OWN_DOMAIN

    if domain not in (OWN_DOMAIN, given.get("domain")):
        raise Refused(
            f"The cassette was recorded with the domain {domain}, a module that a replay imports and runs with your "
            f"rights: give --domain {domain} if you trust it."
        )


def _record(cassette: "Cassette", given: Mapping[str, Any], rule: "Rule | None") -> "Campaign":
    from flows.settings import replay_record

    settings = cassette.settings
    for option, name in OPTIONS.items():
        held = getattr(settings, name)
        if option in given and given[option] != held:
            raise Refused(_contradicts(option, held or "none", given[option]))
    further = set(given.get("baseline") or ()) - set(settings.further_baselines)
    if further:
        raise Refused(
            _contradicts("baseline", ", ".join(settings.further_baselines) or "none", ", ".join(sorted(further)))
        )
    families = given.get("families")
    if families and set(families) != set(settings.families):
        raise Refused(_contradicts("families", ", ".join(settings.families) or "none", ", ".join(families)))
    cycles = given.get("cycles", settings.cycles)
    if cycles > settings.cycles:
        raise Refused(
            f"The cassette holds {settings.cycles} cycles, not {cycles}: ask for --cycles {settings.cycles} or fewer."
        )
    try:
        return replay_record(cassette, given.get("campaign", ""), cycles, rule)
    except ValueError as fault:
        raise Refused(str(fault)) from fault


def _contradicts(option: str, held: object, asked: object) -> str:
    name = option.replace("_", "-")
    return (
        f"The cassette was recorded with {name} {held}, not {asked}, and a replay takes its settings from there: leave "
        f"--{name} out."
    )
