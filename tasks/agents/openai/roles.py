"""The roles as a provider: each asks a model, through the desk of the experiment that it works for."""

from tasks.agents.desk import Desk
from tasks.agents.openai.analyst import ModelAnalyst
from tasks.agents.openai.engineer import ModelEngineer
from tasks.agents.openai.researcher import ModelResearcher
from tasks.agents.protocols import Agents

ROLES = ("researcher", "engineer", "analyst")


def openai_agents(desk: Desk) -> Agents:
    """The three roles at a desk."""
    return Agents(researcher=ModelResearcher(desk), engineer=ModelEngineer(desk), analyst=ModelAnalyst(desk))
