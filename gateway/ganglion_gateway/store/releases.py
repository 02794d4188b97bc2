# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases, the files in them, which node should run which, and what the nodes have said of it."""

from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row, insert_new, insert_or_update
from ganglion_gateway.store.tables import metadata

_Number = BigInteger().with_variant(Integer, "sqlite")

#: One row a release. `id` is the SHA-256 of `manifest`, `message` the authority's word for it, `by` who made it.
#: `number` counts in the order of their making and is the cursor of pages.
releases = Table(
    "releases",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Index("ix_releases_name", "name"),
    sqlite_autoincrement=True,
)

#: What files hold, by its SHA-256 in hexadecimal. What no release has yet is removed a day after it came.
release_blobs = Table(
    "release_blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
)

#: Which release has which of them.
release_files = Table(
    "release_files",
    metadata,
    Column("release", String(64), ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True),
    Column("path", String(260), primary_key=True),
    Column("sha256", String(64), ForeignKey("release_blobs.sha256"), nullable=False),
    Index("ix_release_files_sha256", "sha256"),
)

#: What a node should run: the newest word, which `number` orders. `release` is null for its own configuration.
assignments = Table(
    "assignments",
    metadata,
    Column("node", String(26), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("release", String(64), ForeignKey("releases.id")),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Index("ix_assignments_release", "release"),
)

#: What a node has said last of the assignment `number`; the state `waiting` is the gateway's own word. `changed` is
#: greater with each change of any of them.
release_reports = Table(
    "release_reports",
    metadata,
    Column("node", String(26), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("release", String(64)),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Index("ix_release_reports_changed", "changed"),
)

_SHOWN = [each for each in releases.columns if each.name != "message"]


#: Releases that one word may stand for: so many are named where somebody has to choose.
_SOME = 5


async def page(database: Database, *, before: int | None, limit: int) -> list[Row]:
    """Releases, the newest first."""
    query = select(*_SHOWN).order_by(releases.c.number.desc()).limit(limit)
    return await database.all(query if before is None else query.where(releases.c.number < before))


async def newest(database: Database) -> int:
    """The number of the newest release; 0 where there is none."""
    return await database.scalar(select(func.max(releases.c.number))) or 0


async def since(database: Database, number: int, *, limit: int) -> list[Row]:
    """Releases behind a number, in the order of their making."""
    query = select(*_SHOWN).where(releases.c.number > number)
    return await database.all(query.order_by(releases.c.number).limit(limit))


async def newest_change(database: Database) -> int:
    """The number of the last change of what nodes are to run, or have said of it; 0 where there is none."""
    return await database.scalar(select(func.max(release_reports.c.changed))) or 0


async def changes_since(database: Database, number: int, *, limit: int) -> list[Row]:
    """Rows of `release_reports` that have changed after a change, in that order."""
    query = select(release_reports).where(release_reports.c.changed > number)
    return await database.all(query.order_by(release_reports.c.changed).limit(limit))


async def find(database: Database, who: str) -> list[Row]:
    """Some of the releases with this name, the newest first, or else with an id that begins so."""
    named = select(*_SHOWN).where(releases.c.name == who).order_by(releases.c.number.desc()).limit(_SOME)
    if found := await database.all(named):
        return found
    return await database.all(select(*_SHOWN).where(releases.c.id.startswith(who, autoescape=True)).limit(_SOME))


async def names(database: Database, *, limit: int) -> list[str]:
    """What the newest releases are called."""
    rows = await database.all(select(releases.c.name).order_by(releases.c.number.desc()).limit(limit))
    return [row["name"] for row in rows]


async def message(database: Database, release: str) -> bytes | None:
    """The authority's word for a release."""
    found: bytes | None = await database.scalar(select(releases.c.message).where(releases.c.id == release))
    return found


async def missing(database: Database, wanted: Collection[str]) -> list[str]:
    """Those of which nobody has sent the content."""
    rows = await database.all(select(release_blobs.c.sha256).where(release_blobs.c.sha256.in_(set(wanted))))
    return sorted(set(wanted) - {row["sha256"] for row in rows})


async def blobs(database: Database, wanted: Collection[str]) -> dict[str, bytes]:
    """Their content."""
    query = select(release_blobs.c.sha256, release_blobs.c.data).where(release_blobs.c.sha256.in_(set(wanted)))
    return {row["sha256"]: row["data"] for row in await database.all(query)}


async def chunk(database: Database, release: str, sha256: str, offset: int, length: int) -> bytes | None:
    """A piece of a file of a release; None where the release has no such file."""
    query = (
        select(func.substr(release_blobs.c.data, offset + 1, length))
        .join(release_files, release_files.c.sha256 == release_blobs.c.sha256)
        .where(release_files.c.release == release, release_blobs.c.sha256 == sha256)
        .limit(1)
    )
    found = await database.scalar(query)
    return None if found is None else bytes(found)


async def keep_blob(connection: AsyncConnection, sha256: str, data: bytes, *, now: int, stale: int) -> bool:
    """Keeps the content of a file; whether it was not there. What came before `stale` and is in no release goes."""
    used = select(release_files.c.sha256)
    await connection.execute(
        delete(release_blobs).where(release_blobs.c.created < stale, release_blobs.c.sha256.not_in(used))
    )
    row = {"sha256": sha256, "size": len(data), "data": data, "created": now}
    made = insert_new(connection, release_blobs).values(**row).returning(release_blobs.c.sha256)
    return (await connection.execute(made)).first() is not None


async def create(connection: AsyncConnection, row: Row, files: list[tuple[str, str]]) -> bool:
    """A new release with its files, by path and SHA-256; whether it was not there."""
    made = insert_new(connection, releases).values(**row).returning(releases.c.id)
    if (await connection.execute(made)).first() is None:
        return False
    listed = [{"release": row["id"], "path": path, "sha256": sha256} for path, sha256 in files]
    await connection.execute(insert(release_files), listed)
    return True


async def assignment(database: Database, nodes: Collection[str]) -> Row | None:
    """The newest word for a node, by the ids that it has had."""
    query = select(assignments).where(assignments.c.node.in_(list(nodes))).order_by(assignments.c.number.desc())
    return await database.one(query.limit(1))


async def report(database: Database, nodes: Collection[str]) -> Row | None:
    """The newest report of a node, by the ids that it has had."""
    mine = release_reports.c.node.in_(list(nodes))
    order = (release_reports.c.number.desc(), release_reports.c.serial.desc())
    return await database.one(select(release_reports).where(mine).order_by(*order).limit(1))


async def assignments_of(database: Database, ids: Collection[str], now: Callable[[str], str]) -> dict[str, Row]:
    """The newest word for each of some nodes, by the ids that they have had; by the ids that they have now."""
    query = select(assignments).where(assignments.c.node.in_(list(ids))).order_by(assignments.c.number)
    return {now(row["node"]): row for row in await database.all(query)}


async def reports_of(database: Database, ids: Collection[str], now: Callable[[str], str]) -> dict[str, Row]:
    """The newest report of each of some nodes, by ids as `assignments_of` has them."""
    mine = release_reports.c.node.in_(list(ids))
    order = (release_reports.c.number, release_reports.c.serial)
    return {now(row["node"]): row for row in await database.all(select(release_reports).where(mine).order_by(*order))}


async def all_assignments(database: Database, nodes: Iterable[str], now: Callable[[str], str]) -> dict[str, Row]:
    """The newest word for each of these nodes."""
    return _newest(await database.all(select(assignments).order_by(assignments.c.number)), nodes, now)


async def all_reports(database: Database, nodes: Iterable[str], now: Callable[[str], str]) -> dict[str, Row]:
    """The newest report of each of these nodes."""
    order = (release_reports.c.number, release_reports.c.serial)
    return _newest(await database.all(select(release_reports).order_by(*order)), nodes, now)


def _newest(rows: list[Row], nodes: Iterable[str], now: Callable[[str], str]) -> dict[str, Row]:
    """The last row of each node.

    Args:
        now: The id that a node has now, by one that it has had.
    """
    found = {now(row["node"]): row for row in rows}
    return {node: found[now(node)] for node in nodes if now(node) in found}


async def reports_since(database: Database, since: int) -> list[Row]:
    """The last reports that were heard since a time, the newest assignment last, each with the number that is `wanted`.

    That is None where nothing was assigned under the id that a node has now.
    """
    same = assignments.c.node == release_reports.c.node
    query = select(release_reports, assignments.c.number.label("wanted")).join(assignments, same, isouter=True)
    order = (release_reports.c.number, release_reports.c.serial)
    return await database.all(query.where(release_reports.c.received >= since).order_by(*order))


async def assign(
    connection: AsyncConnection,
    nodes: Sequence[str],
    release: str | None,
    *,
    now: int,
    by: str,
    why: str,
    again: bool,
) -> Row | None:
    """Another word for a node, above all before it: the row of `release_reports`, which says that it waits.

    None where the same was said by the same before, unless it is to be said again.

    Args:
        nodes: Its ids, that which it has now first.
    """
    newest = assignments.c.number.desc()
    known = select(assignments).where(assignments.c.node.in_(list(nodes))).order_by(newest).limit(1)
    last = (await connection.execute(known)).mappings().first()
    if last is not None and not again and (last["release"], last["by"]) == (release, by):
        return None
    # A database from a backup goes on above what it had said
    number = max(now // 1_000_000, 1 if last is None else last["number"] + 1)
    row = {"node": nodes[0], "number": number, "release": release, "at": now, "by": by}
    await connection.execute(insert_or_update(connection, assignments, ["node"]), [row])
    waits: Row = {"node": nodes[0], "number": number, "serial": 0, "release": release, "state": "waiting", "why": why}
    waits |= {"at": now, "received": now, "changed": await _next(connection, now)}
    await connection.execute(insert_or_update(connection, release_reports, ["node"]), [waits])
    return waits


async def save_report(connection: AsyncConnection, row: Row) -> bool:
    """What a node says; whether it is news: neither a copy nor older than what is known.

    It is received after what was received before it, also where that was another gateway, with another clock.
    """
    columns = (release_reports.c.number, release_reports.c.serial, release_reports.c.received)
    found = await connection.execute(select(*columns).where(release_reports.c.node == row["node"]))
    if (known := found.first()) is not None:
        if (row["number"], row["serial"]) <= (known.number, known.serial):
            return False
        row["received"] = max(row["received"], known.received + 1)
    row["changed"] = await _next(connection, row["received"])
    await connection.execute(insert_or_update(connection, release_reports, ["node"]), [row])
    return True


async def _next(connection: AsyncConnection, now: int) -> int:
    """The number of a change: greater than all that are there."""
    return max(now, 1 + ((await connection.execute(select(func.max(release_reports.c.changed)))).scalar() or 0))
