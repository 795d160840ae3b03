"""Prefect's command line over an SQLite database whose writers wait for each other: ``python -m flows.sqlite_prefect``.

Prefect begins a transaction that writes as one that reads. One that meets another's write in between fails at once,
however long it might have waited: the API answers 503, which makes clients wait for two seconds and more, and events
that automations wait for are lost. A transaction that says at its beginning that it writes waits for its turn
(https://www.sqlite.org/lang_transaction.html, BEGIN IMMEDIATE).
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.cli import app
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import set_database_config
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class WaitingSqlite(AioSqliteConfiguration):
    """Every transaction takes its turn when it begins."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Begin one that may write, whatever was asked for."""
        async with super().begin_transaction(session, with_for_update=True) as begun:
            yield begun


if __name__ == "__main__":
    address = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if address and address.startswith("sqlite"):
        set_database_config(WaitingSqlite(connection_url=address))
    app()
