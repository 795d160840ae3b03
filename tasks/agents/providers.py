"""Providers by name. A campaign names one; stages only ever see its three roles."""

from collections.abc import Callable, Mapping

from archdb import Campaign, Store
from tasks.agents.desk import Desk
from tasks.agents.grammar.roles import grammar_agents
from tasks.agents.openai.roles import check_openai, openai_agents
from tasks.agents.protocols import Agents
from tasks.domain import own_agents
from tasks.replay.calls import at_cassette
from tasks.replay.playing import REPLAY, played

OWN = "domain"  # the provider that the campaign's domain brings


def domain_agents(desk: Desk) -> Agents:
    """The roles of the provider that the campaign's domain brings.

    Raises:
        ValueError: it brings none.
    """
    found = own_agents(desk.campaign.domain)
    if found is None:
        raise ValueError(f"The domain {desk.campaign.domain} brings no provider of its own.")
    return found(desk)


THINKING: Mapping[str, Callable[[Desk], Agents]] = {
    "grammar": grammar_agents,
    "openai": openai_agents,
    OWN: domain_agents,
}
CHECKS: Mapping[str, Callable[[Store, Campaign], None]] = {"openai": check_openai}  # of those that ask a model


def replay_agents(desk: Desk) -> Agents:
    """The roles of the provider that the campaign's cassette was recorded with, answered from the cassette.

    Raises:
        ValueError: the campaign has no cassette, or one of an unknown provider.
    """
    play = played(desk.store, desk.campaign)
    if play is None or play.cassette.settings.provider not in THINKING:
        raise ValueError(f"Campaign {desk.campaign.id} has no cassette that could be replayed.")
    return THINKING[play.cassette.settings.provider](at_cassette(desk))


PROVIDERS: Mapping[str, Callable[[Desk], Agents]] = {**THINKING, REPLAY: replay_agents}


def agents_of(provider: str, desk: Desk) -> Agents:
    """The roles of a provider, at the desk of one experiment.

    Raises:
        ValueError: there is no such provider.
    """
    require_provider(provider)
    return PROVIDERS[provider](desk)


def require_provider(provider: str, model: str = "") -> None:
    """Refuse a provider that there is not, and a model's name for one that asks none.

    Raises:
        ValueError: it is so.
    """
    if provider not in PROVIDERS:
        raise ValueError(f"No provider is called {provider}: use one of {', '.join(PROVIDERS)}.")
    if model and provider not in CHECKS:
        raise ValueError(f"The provider {provider} asks no model: leave --model out, or use {', '.join(CHECKS)}.")


def require_fitting(provider: str, domain: str) -> None:
    """Refuse a provider that cannot write designs of a domain.

    Raises:
        ValueError: the domain's own is asked for, and it brings none; or it brings one, and another is asked for.
    """
    brings = own_agents(domain) is not None
    if provider == OWN and not brings:
        raise ValueError(
            f"The domain {domain} brings no provider of its own: name with --domain a module that has agents, or use "
            "another --provider."
        )
    if brings and provider not in (OWN, REPLAY):
        raise ValueError(
            f"The provider {provider} writes sequence-mixing layers, which designs of {domain} are not: use the one "
            f"that it brings, with --provider {OWN}."
        )


def check_provider(store: Store, campaign: Campaign) -> None:
    """Make sure that a campaign's provider can work: that its models, their keys and, under a cap, prices are known.

    Raises:
        ModelUnusable: it is not so.
    """
    if campaign.provider in CHECKS:
        CHECKS[campaign.provider](store, campaign)
