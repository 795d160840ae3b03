"""Providers by name. A campaign names one; stages only ever see its three roles."""

import functools

from tasks.agents.grammar.roles import grammar_agents
from tasks.agents.protocols import Agents

PROVIDERS = {"grammar": grammar_agents}


@functools.cache
def agents_of(provider: str) -> Agents:
    """The roles of a provider.

    Raises:
        ValueError: there is no such provider.
    """
    if provider not in PROVIDERS:
        raise ValueError(f"No provider is called {provider}: use one of {', '.join(PROVIDERS)}.")
    return PROVIDERS[provider]()
