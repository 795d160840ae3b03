"""The data that an MLflow run names: the corpus by its hashes, probes by what they ask and the seed that draws them.

Held-out questions are drawn from the held-out text itself, so its hash stands for their seed. The sealed hold-out is
no input of any run.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tasks.domain import DomainScale
from tasks.tracking import Input

DATASET = "dataset"  # in a corpus's fingerprint: its name, beside the sha256 of each split


def inputs_of(scale: DomainScale, corpus: Mapping[str, str], seed: int) -> list[Input]:
    """What one training of a scale learns from, and what it is scored on.

    Args:
        scale: its tasks are the probes.
        corpus: the fingerprint of the text, as the report of the training has it.
        seed: of the training.
    """
    name = corpus.get(DATASET, "")
    found = [
        Input(name=f"{name} {split}".strip(), sha256=corpus[split], use=use, about={"corpus": name, "split": split})
        for split, use in (("train", "training"), ("validation", "validation"))
        if split in corpus
    ]
    for plan in scale.tasks:
        asked = plan.model_dump(mode="json", include={"task", "batch", "length", "steps", "difficulties"})
        found.append(_drawn(f"{plan.task} seed {seed}", "training", asked | {"seed": seed}))
        if plan.ladder:
            held = plan.model_dump(mode="json", include={"task", "length", "ladder", "rows"})
            seeds = {"scale": scale.name, "seeded_by": corpus.get("validation", "")}
            found.append(_drawn(f"{plan.task} held out", "validation", held | seeds))
    return found


def _drawn(name: str, use: str, about: dict[str, Any]) -> Input:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return Input(name=name, sha256=digest, use=use, about=about)
