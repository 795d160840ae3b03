"""How parameters of flows look in Prefect's form: lists to choose from, and bounds.

The lists are for the form, and for the server, which checks runs of deployments against them. A flow that is called in
Python takes any text, since another domain has scales and baselines of its own.
"""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from archdb.amounts import KINDS
from evaluation import baselines, scale, scale_names
from tasks.agents.providers import PROVIDERS
from tasks.samplers.registry import WAYS


def _one_of(*choices: str) -> Any:
    return Field(json_schema_extra={"enum": list(choices)})


def _amounts() -> Any:
    kinds: Any = {kind: {"type": "number", "minimum": 0, "title": kind.replace("_", " ")} for kind in KINDS}
    return Field(json_schema_extra={"properties": kinds, "additionalProperties": False})


def _campaign_scales() -> Iterator[str]:
    """Those that campaigns run at; the large ones are trained by commands of their own."""
    for name in scale_names():
        with contextlib.suppress(ValueError):
            yield scale(name).name


# Empty in these: nobody insists on one, so it is the campaign's own.
ScaleChoice = Annotated[str, _one_of("", *_campaign_scales())]
ProviderChoice = Annotated[str, _one_of("", *PROVIDERS)]
SamplerChoice = Annotated[str, _one_of("", *WAYS)]
BaselineChoice = Annotated[str, _one_of(*baselines())]
Caps = Annotated[dict[str, float], _amounts()]
NoneOrMore = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
AtLeastTwo = Annotated[int, Field(ge=2)]
