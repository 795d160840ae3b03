"""Providers by name. A campaign names one; stages only ever see its three roles."""

from collections.abc import Callable, Mapping

from archdb import Campaign, Store
from tasks.agents.desk import Desk
from tasks.agents.grammar.roles import grammar_agents
from tasks.agents.openai.roles import ROLES, openai_agents
from tasks.agents.protocols import Agents
from tasks.domain import own_agents, own_roles
from tasks.models import check_models
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
ASKING: Mapping[str, Callable[[str], tuple[str, ...]]] = {  # provider -> by domain the roles for which it asks a model
    "openai": lambda _: ROLES,
    OWN: own_roles,
}


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


def require_provider(provider: str) -> None:
    """Refuse a provider that there is not.

    Raises:
        ValueError: it is so.
    """
    if provider not in PROVIDERS:
        raise ValueError(f"No provider is called {provider}: use one of {', '.join(PROVIDERS)}.")


def require_fitting(provider: str, domain: str, model: str = "") -> None:
    """Refuse a provider that cannot write designs of a domain, and a model's name for one that asks none.

    Raises:
        ValueError: the domain's own is asked for, and it brings none; it brings one, and another is asked for; or a
            model is named in vain.
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
    if model and not asking_roles(provider, domain):
        instead = f"name the roles that ask one in ROLES of {domain}" if brings else "use --provider openai"
        raise ValueError(f"The provider {provider} asks no model: leave --model out, or {instead}.")


def asking_roles(provider: str, domain: str) -> tuple[str, ...]:
    """The roles for which a provider asks a model."""
    return ASKING[provider](domain) if provider in ASKING else ()


def check_provider(store: Store, campaign: Campaign) -> None:
    """Make sure that a campaign's provider can work: that its models, their keys and, under a cap, prices are known.

    Raises:
        ModelUnusable: it is not so.
    """
    check_models(store, campaign, asking_roles(campaign.provider, campaign.domain))
