"""Prices as data: the catalogues that MLflow ships, where nobody gave a price."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROMPT = ("input_per_million_tokens", "cache_write_per_million_tokens")
COMPLETION = ("output_per_million_tokens",)


def listed_prices(catalogue: str, model: str) -> tuple[float, float] | None:
    """Dollars per million prompt and completion tokens of a model, from a catalogue such as "openai" or "deepseek".

    Where a long context, or a cache that is written to, costs more, that price is taken for all: a cap is never passed
    for want of it. None if the catalogue does not tell. It is read as a file: importing MLflow takes a second, and
    asking it may go to the network.
    """
    found = find_spec("mlflow")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "utils" / "model_catalog" / f"{Path(catalogue).name}.json"
    try:
        pricing: Any = json.loads(path.read_text(encoding="utf-8"))["models"][model]["pricing"]
        tiers = [pricing, *pricing.get("long_context", ())]
        if not (PROMPT[0] in pricing and COMPLETION[0] in pricing):
            return None
        prompt, completion = (_highest(tiers, prices) for prices in (PROMPT, COMPLETION))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return prompt, completion


def _highest(tiers: Sequence[Mapping[str, Any]], prices: Sequence[str]) -> float:
    return max(float(one[price]) for one in tiers for price in prices if price in one)
