"""How parameters of flows look in Prefect's form: lists to choose from, and bounds.

The lists are for the form, and for the server, which checks runs of deployments against them. A flow that is called in
Python takes any text, since another domain has scales and baselines of its own.
"""

from typing import Annotated, Any

from pydantic import Field

from archdb.amounts import KINDS
from evaluation import baselines
from evaluation.scales import names
from tasks.agents.providers import PROVIDERS
from tasks.samplers.registry import SAMPLERS


def _one_of(*choices: str) -> Any:
    return Field(json_schema_extra={"enum": list(choices)})


def _amounts() -> Any:
    kinds = {kind: {"type": "number", "minimum": 0, "title": kind.replace("_", " ")} for kind in KINDS}
    return Field(json_schema_extra={"properties": kinds, "additionalProperties": False})


ScaleChoice = Annotated[str, _one_of(*names())]
ProviderChoice = Annotated[str, _one_of(*PROVIDERS)]
SamplerChoice = Annotated[str, _one_of("", *SAMPLERS)]  # empty: nobody insists on one
BaselineChoice = Annotated[str, _one_of(*baselines())]
Caps = Annotated[dict[str, float], _amounts()]
NoneOrMore = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
AtLeastTwo = Annotated[int, Field(ge=2)]
