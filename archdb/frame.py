"""All experiments as one table, a row each, for pandas and for whatever reads Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from archdb.campaigns import get_campaign, list_campaigns
from archdb.draft import drafted
from archdb.patience import patient
from archdb.records import Campaign, Experiment, Verified
from archdb.store import Store
from archdb.verified import list_verified

TIMES = ("created_at", "finished_at")
FIRST = (
    "id", "campaign", "scale", "provider", "kind", "cycle", "name", "state", "parent", "parents", "family", "seeds",
    "fitness",
)  # fmt: skip
FORMATS = (".parquet", ".csv")


def experiments_table(store: Store, campaigns: Sequence[str] = ()) -> pd.DataFrame:
    """Every experiment of these campaigns, or of all: failed ones, repetitions on fresh seeds and ablations included.

    One row each, in the order in which they were created. ``objective.*`` are means over seeds, ``gain.*`` and
    ``fitness`` in the campaign's units, ``efficiency.*`` in those of docs/efficiency.md, ``component.*`` the choices
    that the design names, ``seconds`` of wall time, ``cpu_seconds`` of evaluations; times are UTC.

    Raises:
        NotFound: there is no campaign of such a name.
    """
    records = [get_campaign(store, name) for name in dict.fromkeys(campaigns)] if campaigns else list_campaigns(store)
    rows = [row for record in records for row in _rows(store, record)]
    table = pd.DataFrame(rows)
    if table.empty:
        return pd.DataFrame(columns=list(FIRST))
    for name in TIMES:
        table[name] = pd.to_datetime(table[name], unit="s", utc=True)
    for name in ("cycle", "seeds"):
        table[name] = table[name].astype("Int64")
    inner = sorted(name for name in table if "." in name)
    others = [name for name in table if name not in FIRST and name not in inner]
    ordered: pd.DataFrame = table[[*FIRST, *inner, *others]]
    return ordered.sort_values(["created_at", "id"], ignore_index=True)


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table as Parquet or CSV, which the file's name says.

    Raises:
        ValueError: it says neither.
        OSError: it cannot be written.
    """
    if file.suffix not in FORMATS:
        raise ValueError(f"{file} has to end in {' or '.join(FORMATS)}: a table is written as one of these.")
    with drafted(file) as draft:
        if file.suffix == ".csv":
            table.to_csv(draft, index=False)
        else:
            table.to_parquet(draft, index=False)


def _rows(store: Store, campaign: Campaign) -> Iterator[dict[str, Any]]:
    tests = {one.experiment: one for one in list_verified(store, campaign.id)}
    yield from (_row(campaign, one, tests.get(one.id)) for one in _all(store, campaign.id))


@patient
def _all(store: Store, campaign: str) -> list[Experiment]:
    return [Experiment.model_validate(one) for one in store.experiments.find({"campaign": campaign})]


def _row(campaign: Campaign, one: Experiment, test: Verified | None) -> dict[str, Any]:
    checked, result = one.stage("compile-check"), test.result if test else {}
    groups: dict[str, Mapping[str, Any]] = {
        "objective": one.objectives, "gain": one.gains, "efficiency": one.efficiency, "component": one.components
    }  # fmt: skip
    return {
        "id": one.id,
        "campaign": campaign.id,
        "scale": campaign.scale,
        "provider": campaign.provider,
        "kind": one.kind,
        "cycle": one.cycle,
        "name": one.name,
        "state": one.state,
        "parent": one.parents[0] if one.parents else None,
        "parents": " ".join(one.parents),
        "family": one.path[0] if one.path else one.id,
        "seeds": len(one.seeds),
        "fitness": one.fitness,
        **{f"{group}.{name}": value for group, found in groups.items() for name, value in found.items()},
        "attempts": one.attempt + 1,
        "parameters": checked.summary.get("parameters") if checked else None,
        "mlp_hidden": checked.summary.get("mlp_hidden") if checked else None,
        "seconds": one.seconds,
        "cpu_seconds": one.cpu_seconds,
        "failed_in": one.failure.stage if one.failure else None,
        "failure": one.failure.kind if one.failure else None,
        "failure_message": one.failure.message if one.failure else None,
        "breakthrough": result.get("breakthrough"),
        "promoted": result.get("promoted"),
        "code_sha256": one.code,
        "mlflow_run": one.mlflow_run,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
    }
