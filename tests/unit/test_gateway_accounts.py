# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may enter, taken over from the database while it changes."""

import asyncio
from typing import Any, cast

import pytest

from ganglion_gateway.access.accounts import Accounts
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.tokens import Keyring, Role, digest, new_token
from ganglion_gateway.store import accounts, keys
from ganglion_gateway.store.database import Database, Row


async def test_a_key_that_was_revoked_does_not_come_back_by_an_older_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [{"id": "k1", "name": "k1", "role": Role.ADMIN.value, "digest": digest(new_token())}]
    slow = asyncio.Event()

    async def read(_: Database) -> list[Row]:
        found = list(rows)
        if found:
            await slow.wait()
        return found

    async def nobody(_: Database, now: int) -> list[Row]:
        return []

    monkeypatch.setattr(keys, "active_api_keys", read)
    monkeypatch.setattr(accounts, "holding", nobody)
    keyring = Keyring()
    of = Accounts(cast(Database, None), keyring, cast(Any, None), Failures(), lambda: 0)
    first = asyncio.create_task(of.load())
    await asyncio.sleep(0)
    rows.clear()
    second = asyncio.create_task(of.load())
    for _ in range(5):
        await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(first, second)
    assert keyring.holder("k1") is None
