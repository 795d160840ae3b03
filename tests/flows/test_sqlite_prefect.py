"""Transactions of the local Prefect server take their turn when they begin, and so never fail at their first write."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from prefect.server.database.configurations import AioSqliteConfiguration

from flows.sqlite_prefect import WaitingSqlite
from tests.laboratory import PATIENCE, Lab


async def written_meanwhile(database: AioSqliteConfiguration, file: Path) -> bool:
    """Whether another can write while a transaction has only read."""
    session = await database.session(await database.engine())
    async with session, database.begin_transaction(session):
        await session.execute(sa.text("SELECT count(*) FROM told"))
        with sqlite3.connect(file, timeout=0) as other:
            try:
                other.execute("INSERT INTO told VALUES ('meanwhile')")
            except sqlite3.OperationalError:  # at once: the database is locked
                return False
        return True


@pytest.mark.parametrize(("kind", "expected"), [(WaitingSqlite, False), (AioSqliteConfiguration, True)])
def test_nobody_writes_between_the_reads_and_the_writes_of_a_transaction(
    kind: type[AioSqliteConfiguration], expected: bool, tmp_path: Path
) -> None:
    file = tmp_path / "prefect.db"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE told (what TEXT)")
    assert asyncio.run(written_meanwhile(kind(connection_url=f"sqlite+aiosqlite:///{file}"), file)) is expected


@pytest.mark.slow
@pytest.mark.xdist_group("lab")
def test_eight_clients_at_a_time_are_all_served(lab: Lab) -> None:
    with httpx.Client(base_url=lab.prefect, timeout=PATIENCE) as client:

        def run_a_task(number: int) -> list[int]:
            made = client.post("task_runs/", json={"task_key": "t", "dynamic_key": str(number)})
            state = {"state": {"type": "RUNNING"}}
            return [made.status_code, client.post(f"task_runs/{made.json()['id']}/set_state", json=state).status_code]

        with ThreadPoolExecutor(8) as pool:
            assert {code for codes in pool.map(run_a_task, range(160)) for code in codes} == {201}
