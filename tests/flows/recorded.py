"""A small real campaign on a model, recorded once: its answers, and what of it a replay has to repeat."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import Store, campaign_calls, campaign_experiments, code_versions, get_text, open_store
from archdb.cognition import list_findings
from evaluation import baseline_source
from tests.conftest import forget_connections
from tests.laboratory import Lab
from tests.tasks.agents_openai.answers import BROKEN, DECAY, MENDED, edit, idea, reading, whole
from tests.tasks.models.conftest import QUICK, write_models
from tests.tasks.models.server import ModelServer

ROOT = Path(__file__).parent.parent.parent
NAME, DOMAIN, CYCLES = "rec", "tests.flows.two_baselines", 4
SOURCE = baseline_source("gla")
LESSON = {
    "text": "Squashing the input of the decay, as rec-c001 does, moves recall by little against rec-gla.",
    "evidence": ["rec-c001", "rec-gla"],
    "components": ["decay=per_channel_squashed"],
    "effect": -0.2,
    "objective": "",
}
OTHER = {**LESSON, "text": "A second squashing adds nothing.", "evidence": ["rec-c004", "rec-c001"]}
KNOCK_OUT = '\nABLATIONS = {"squash": {"plain": True}}\n'
ANSWERS = (
    idea(name="Squashed", used=["rec-gla"]), whole(SOURCE.replace(DECAY, BROKEN)),  # looks ahead
    edit(BROKEN, MENDED), reading(lessons=[LESSON]),  # repaired, trained and explained
    "{}", "{}",  # nothing of the asked shape, twice: no proposal
    idea(name="Unfitting"), edit("nothing like this", ""), edit("import torch", "import math"),  # no draft
    idea(name="Squashed twice", used=["rec-c001", "rec-c001/finding-0"]),
    whole(SOURCE.replace(DECAY, MENDED.replace("x * x.sigmoid()", "x * x.sigmoid() ** 2")) + KNOCK_OUT),
    reading(lessons=[LESSON, OTHER, {**LESSON, "evidence": []}], ablations=["squash"]),
)  # fmt: skip


@contextmanager
def at_home(folder: Path, lab: Lab) -> Iterator[Store]:
    """This process on a data folder, with the laboratory's Prefect server."""
    with pytest.MonkeyPatch.context() as patched, temporary_settings({PREFECT_API_URL: lab.prefect}):
        forget_connections()
        patched.setenv("ARCHLOOP_HOME", str(folder))
        yield open_store()
        forget_connections()


def record(folder: Path, lab: Lab) -> int:
    """Run the campaign. Returns how many requests its models got."""
    from flows.campaign import campaign

    with ModelServer() as server, at_home(folder, lab), pytest.MonkeyPatch.context() as patched:
        listed = folder.with_name("models.toml")
        prices = {"prompt_price": 1.0, "completion_price": 1.0}
        write_models(listed, {"name": "m", "base_url": server.url, **prices, **QUICK})
        patched.setenv("ARCHLOOP_MODELS", str(listed))
        server.say(*ANSWERS)
        campaign(NAME, CYCLES, "tiny", "openai", 1, domain=DOMAIN, sampler="ranked", model="m")
        return len(server.calls)


def environment(folder: Path, lab: Lab) -> dict[str, str]:
    """What the command line needs on a data folder: no key, and no models."""
    known = {name: one for name, one in os.environ.items() if not name.startswith(("OPENAI_", "ARCHLOOP_"))}
    return known | {"ARCHLOOP_HOME": str(folder), "PREFECT_API_URL": lab.prefect, "PYTHONPATH": str(ROOT)}


def story(store: Store, name: str) -> list[dict[str, Any]]:
    """What happened in a campaign and was decided, design by design, with ``@`` for the campaign's name in ids."""
    calls = campaign_calls(store, name)
    findings = sorted(list_findings(store, name), key=lambda one: one.id)
    told = [
        {
            **one.model_dump(
                include={
                    "id", "name", "kind", "cycle", "parents", "path", "state", "components", "objectives", "details",
                    "efficiency", "gains", "fitness", "failure", "attempt", "code", "cpu_seconds", "tags", "seeds",
                }
            ),
            "stages": {
                key: [stage.summary | {"replayed": None}, stage.failure and stage.failure.model_dump()]
                for key, stage in sorted(one.stages.items())
            },
            "programs": [version.sha256 for version in code_versions(store, one.id)],
            "motivation": get_text(store, one.motivation) if one.motivation else "",
            "analysis": get_text(store, one.analysis) if one.analysis else "",
            "calls": [
                [call.id, call.outcome, call.message, get_text(store, call.reply) if call.reply else ""]
                for call in calls
                if call.experiment == one.id
            ],
            "findings": [
                [found.id, found.text, found.evidence, found.components, found.effect, found.objective]
                for found in findings
                if found.id.startswith(f"{one.id}/")
            ],
        }
        for one in campaign_experiments(store, name)
    ]  # fmt: skip
    plain: list[dict[str, Any]] = json.loads(json.dumps(told, sort_keys=True).replace(f"{name}-", "@-"))
    return plain
