"""The grammar as a provider: no key, no network, and the control that a model-driven loop has to beat."""

from tasks.agents.grammar.analyst import GrammarAnalyst
from tasks.agents.grammar.engineer import GrammarEngineer
from tasks.agents.grammar.researcher import GrammarResearcher
from tasks.agents.protocols import Agents


def grammar_agents(_: object = None) -> Agents:
    """The three roles, all without state: they need no desk."""
    return Agents(researcher=GrammarResearcher(), engineer=GrammarEngineer(), analyst=GrammarAnalyst())
