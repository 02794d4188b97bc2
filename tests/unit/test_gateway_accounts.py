# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may enter, taken over from the database while it changes."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import RefusedError
from ganglion_gateway.access.accounts import Accounts
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.tokens import ROLES, Keyring, Principal, Role, digest, new_token
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


async def test_who_was_made_admin_meanwhile_gets_no_password_from_who_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    less = Principal(key="k", name="less", role=None, scopes=ROLES[Role.OPERATOR] | {"access"})
    async with Database.open_(tmp_path / "gateway.db") as database:
        of = Accounts(database, Keyring(), cast(Any, None), Failures(), lambda: 0)

        async def work(connection: AsyncConnection) -> None:
            row = await accounts.add_user(
                connection, name="kim", role=Role.OPERATOR.value, password="x", must_change=False, at=0
            )
            assert row is not None
            before.append(row)
            await accounts.change_user(connection, row["id"], role=Role.ADMIN.value)

        before: list[Row] = []
        await database.write(work)

        async def read_before(name: str) -> Row:
            return before[0]

        monkeypatch.setattr(of, "find", read_before)
        with pytest.raises(RefusedError, match="kim was given another role meanwhile: ask again"):
            await of.give_password(less, "kim")
        with pytest.raises(RefusedError, match="kim was given another role meanwhile: ask again"):
            await of.remove(less, "kim")
        found = await accounts.find_user(database, "kim")
    assert found is not None
    assert found["password"] == "x"
