"""What a person sees of a campaign in Prefect: a summary of each cycle, the leaderboard, and where the rest is.

They are Prefect's artifacts, for people only: what Prefect does not take is left out, and the flow goes on. An artifact
that is there already in the same words is left alone, so a cycle that is gone through again adds none.
"""

import json
import logging
import re
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.context import FlowRunContext

from archdb import Campaign, Experiment, Outline, Store, get_campaign, get_experiment, leaderboard, open_store
from evaluation import Objective
from flows.cycle_summary import campaign_summary, cycle_summary
from tasks.domain import domain_of

ROWS = 20  # of a leaderboard


def show_cycle(experiment_id: str) -> None:
    """Show a finished cycle, and the leaderboard as it is now."""
    store = open_store()
    one = get_experiment(store, experiment_id)
    if one.stage("analyze", 0) is None or FlowRunContext.get() is None:
        return  # another worker is at it
    campaign = get_campaign(store, one.campaign)
    _put("markdown", key_of(one.id), _outcome(one), cycle_summary(store, campaign, one))
    _show_leaderboard(store, campaign)


def show_campaign(campaign: Campaign, report: str) -> None:
    """Show where a campaign's report and its runs are, and its leaderboard."""
    store = open_store()
    told = campaign_summary(store, campaign, report)
    _put("markdown", key_of(campaign.id), f"Campaign {campaign.id}", told)
    _show_leaderboard(store, campaign)


def key_of(*names: str) -> str:
    """A key that Prefect takes: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(names).lower())


def _outcome(one: Experiment) -> str:
    if one.failure is not None:
        return f"{one.name}: failed in {one.failure.stage}"
    return f"{one.name}: fitness {one.fitness:+.3f}" if one.fitness is not None else f"{one.name}: {one.state}"


def _show_leaderboard(store: Store, campaign: Campaign) -> None:
    objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
    rows = [_row(rank, one, objectives) for rank, one in enumerate(leaderboard(store, campaign.id, ROWS), 1)]
    if rows:
        title = f"Leaderboard of {campaign.id}: fitness (0 is the reference), and objectives; arrows point to better"
        _put("table", key_of("leaderboard", campaign.id), title, json.dumps(rows))


def _row(rank: int, one: Outline, objectives: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"#": rank, "id": one.id, "design": one.name, "kind": _kind(one)}
    found["fitness"] = None if one.fitness is None else round(one.fitness, 3)
    for name, value in one.objectives.items():
        found[_heading(objectives[name]) if name in objectives else name] = round(value, 4)
    return found | {"CPU-s": round(one.cpu_seconds, 1)}


def _kind(one: Outline) -> str:
    marks = [tag for tag in ("reference", "quadratic") if tag in one.tags]
    return ", ".join([one.kind, *marks])


def _heading(one: Objective) -> str:
    return f"{one.title.lower()} {'↓' if one.better == 'lower' else '↑'}"


def _put(kind: str, key: str, about: str, data: str) -> None:
    run = FlowRunContext.get()
    wanted = ArtifactCreate(
        type=kind, key=key, description=about, data=data, flow_run_id=run.flow_run.id if run and run.flow_run else None
    )
    try:
        client = get_client(sync_client=True)
        chosen = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        known = client.read_artifacts(artifact_filter=chosen, sort=ArtifactSort.UPDATED_DESC, limit=1)
        if not known or (known[0].data, known[0].description) != (data, about):
            client.create_artifact(wanted)
    except Exception as fault:  # bookkeeping: nothing that it raises may end a flow
        logging.getLogger("archloop.prefect").warning("Prefect does not take %s: %s", key, str(fault)[:200])
