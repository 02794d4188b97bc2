# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases that need no migrations any more: each is a copy of one that was migrated once."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from ganglion_gateway.store.database import Database
from ganglion_gateway.store.url import DatabaseUrl

#: Seconds in which all migrations are done.
PATIENCE = 60.0


def migrate(url: DatabaseUrl) -> None:
    """Brings a database to the newest revision, whether a loop runs or not."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _migrate(url)).result(PATIENCE)


async def _migrate(url: DatabaseUrl) -> None:
    async with Database.open_(url):
        pass


def put(file: Path) -> None:
    """SQLite's database without rows, where none is, with the mode that a gateway gives it.

    All migrations are a third of what a gateway's start takes.
    """
    if not file.exists():
        data, mode = _sqlite()
        file.touch(mode)
        file.write_bytes(data)


@cache
def _sqlite() -> tuple[bytes, int]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.db"
        migrate(DatabaseUrl.file(file))
        assert [each.name for each in Path(folder).iterdir()] == [file.name], "it is closed, and all of it in one file"
        return file.read_bytes(), file.stat().st_mode & 0o777
