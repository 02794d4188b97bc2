# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrol keys, which let nodes in, and API keys, which let people in."""

import secrets
from collections.abc import Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.mesh.authority import Authority
from ganglion.mesh.enrol import EnrolKey, EnrolRecord
from ganglion_gateway.store import audit
from ganglion_gateway.store.database import Database, Row, added
from ganglion_gateway.store.tables import api_keys, enrol_keys, enrol_uses


class EnrolKeys:
    """The mesh's `KeyStore`, in the database."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def create(
        self, connection: AsyncConnection, *, name: str, tags: Sequence[str], uses: int, created: int, expires: int
    ) -> tuple[EnrolKey, Row]:
        """A new key, which is shown now or never, and its row."""
        key = EnrolKey.create(self._authority)
        row = {
            "id": key.key_id.hex(),
            "mac_key": key.mac_key,
            "name": name,
            "tags": list(tags),
            "uses": uses,
            "uses_left": uses,
            "created": created,
            "expires": expires,
            "revoked": False,
        }
        await connection.execute(insert(enrol_keys), [row])
        return key, row

    async def all(self) -> list[Row]:
        """Every key, newest first."""
        return await self._database.all(select(enrol_keys).order_by(enrol_keys.c.created.desc()))

    async def revoke(self, key: str) -> Row | None:
        """Lets nobody join by a key any more; its row, or None where there is none."""
        mine = enrol_keys.c.id == key
        await self._database.write(
            lambda connection: connection.execute(update(enrol_keys).where(mine).values(revoked=True))
        )
        return await self._database.one(select(enrol_keys).where(mine))

    async def find(self, key_id: bytes) -> EnrolRecord | None:
        """See `KeyStore`."""
        row = await self._database.one(select(enrol_keys).where(enrol_keys.c.id == key_id.hex()))
        if row is None:
            return None
        return EnrolRecord(
            key_id=key_id,
            mac_key=row["mac_key"],
            expires=row["expires"],
            revoked=row["revoked"],
            tags=tuple(row["tags"]),
        )

    async def joined(self) -> list[str]:
        """Ids of the nodes that a key has let in, born or not yet."""
        return [row["node"] for row in await self._database.all(select(enrol_uses.c.node).distinct())]

    async def take(self, key_id: bytes, node_id: str, now: int, *, name: str = "") -> bool:
        """See `KeyStore`. Who came in by which key is in the audit."""
        key = key_id.hex()

        async def work(connection: AsyncConnection) -> bool:
            mine = enrol_keys.c.id == key
            sound = (enrol_keys.c.expires > now) & enrol_keys.c.revoked.is_(False)
            tags = (await connection.execute(select(enrol_keys.c.tags).where(mine, sound))).first()
            if tags is None:
                return False
            use = {"enrol_key": key, "node": node_id, "at": now}
            if not await added(connection, enrol_uses, use):
                return True  # it has a use already: its first answer may have been lost
            taken = await connection.execute(
                update(enrol_keys).where(mine, enrol_keys.c.uses_left > 0).values(uses_left=enrol_keys.c.uses_left - 1)
            )
            if taken.rowcount == 0:
                await connection.execute(
                    enrol_uses.delete().where(enrol_uses.c.enrol_key == key, enrol_uses.c.node == node_id)
                )
                return False
            detail = {"name": name, "key": key, "tags": tags[0]}
            await audit.record(connection, at=now, actor="gateway", action="node.enrol", target=node_id, detail=detail)
            return True

        return await self._database.write(work)


async def save_api_key(
    connection: AsyncConnection,
    *,
    name: str,
    role: str,
    digest: bytes,
    created: int,
    scopes: Sequence[str] | None = None,
    expires: int | None = None,
    creator: str = "",
) -> Row:
    """A new API key; with scopes of its own its role is `scopes`."""
    row = {
        "id": secrets.token_hex(8),
        "name": name,
        "role": role,
        "digest": digest,
        "created": created,
        "revoked": False,
        "scopes": None if scopes is None else sorted(scopes),
        "expires": expires,
        "creator": creator,
    }
    await connection.execute(insert(api_keys), [row])
    return row


async def revoke_api_keys(connection: AsyncConnection, *, name: str) -> None:
    """No key of this name holds any more."""
    await connection.execute(update(api_keys).where(api_keys.c.name == name).values(revoked=True))


async def revoke_api_key(connection: AsyncConnection, key: str) -> None:
    """This one holds no more."""
    await connection.execute(update(api_keys).where(api_keys.c.id == key).values(revoked=True))


async def find_api_key(database: Database, key: str) -> Row | None:
    """An API key by its id, revoked or not."""
    return await database.one(select(api_keys).where(api_keys.c.id == key))


async def all_api_keys(database: Database, *, after: str, limit: int) -> list[Row]:
    """API keys, revoked or not, by id, from behind one."""
    return await database.all(select(api_keys).where(api_keys.c.id > after).order_by(api_keys.c.id).limit(limit))


async def active_api_keys(database: Database) -> list[Row]:
    """API keys that are not revoked."""
    return await database.all(select(api_keys).where(api_keys.c.revoked.is_(False)))
