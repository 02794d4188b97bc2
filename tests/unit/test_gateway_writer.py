# SPDX-License-Identifier: GPL-3.0-or-later
"""store.writer at a database that is away: a port where nobody listens."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ganglion_gateway.store import writer
from ganglion_gateway.store.writer import Writer


class Counted:
    """An engine that counts how often somebody has tried to connect."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.tried = 0

    def connect(self) -> Any:
        self.tried += 1
        return self._engine.connect()


async def test_who_has_waited_behind_others_is_told_as_soon_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PATIENCE": 0.5, "_TURN": 0.0, "BATCH": 1}.items():
        monkeypatch.setattr(writer, name, value)

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1"))

    engine = create_async_engine("postgresql+psycopg://127.0.0.1:1/ganglion")
    counted: Any = Counted(engine)
    writing = Writer(counted)
    asked = [asyncio.create_task(writing.write(work)) for _ in range(8)]
    running = asyncio.create_task(writing.run())
    with pytest.raises(OperationalError):
        await asked[0]
    before = counted.tried
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(outcome, OperationalError) for outcome in outcomes)
    assert counted.tried <= before + 7, "each of the others had one try, as its time was over"
    writing.close()
    await running
    await engine.dispose()
