# SPDX-License-Identifier: GPL-3.0-or-later
"""What language models have used: counted by day, node, script and model, and written with the audit's entry."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.units import SECOND
from ganglion_gateway.settings import Retention
from ganglion_gateway.store.bridge_tables import model_usage
from ganglion_gateway.store.database import Database, Row, insert_new
from ganglion_gateway.store.tables import nodes

#: What is counted.
COUNTS = ("questions", "cached", "prompt_tokens", "completion_tokens", "cost")
#: What sums are made by.
GROUPS = ("day", "node", "script", "model")


def day_of(now: int) -> str:
    """The day of UTC, as in 2026-11-22, of nanoseconds since the Unix epoch."""
    return datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y-%m-%d")


async def add(connection: AsyncConnection, key: Row, counts: dict[str, int]) -> None:
    """Counts one question: `key` has the columns of `GROUPS`, `counts` those of `COUNTS`."""
    await connection.execute(insert_new(connection, model_usage), [{**key, **dict.fromkeys(COUNTS, 0)}])
    mine = [model_usage.c[name] == key[name] for name in GROUPS]
    more = {name: model_usage.c[name] + counts[name] for name in COUNTS}
    await connection.execute(update(model_usage).where(*mine).values(more))


async def used(database: Database, day: str, **of: str) -> tuple[int, int]:
    """Tokens and cost of a day, of one node or script where that is named."""
    tokens = func.sum(model_usage.c.prompt_tokens + model_usage.c.completion_tokens)
    mine = [model_usage.c.day == day, *(model_usage.c[name] == value for name, value in of.items())]
    row = await database.one(select(tokens.label("tokens"), func.sum(model_usage.c.cost).label("cost")).where(*mine))
    return (int(row["tokens"] or 0), int(row["cost"] or 0)) if row is not None else (0, 0)


async def sums(database: Database, *, by: str, since: str, until: str) -> list[Row]:
    """What was used in the days from one to another, both included, by a column of `GROUPS`; most expensive first."""
    counted: list[Any] = [func.sum(model_usage.c[name]).label(name) for name in COUNTS]
    statement = (
        select(model_usage.c[by], *counted)
        .where(model_usage.c.day >= since, model_usage.c.day <= until)
        .group_by(model_usage.c[by])
        .order_by(func.sum(model_usage.c.cost).desc(), func.sum(model_usage.c.completion_tokens).desc())
    )
    if by == "day":
        statement = statement.order_by(None).order_by(model_usage.c.day.desc())
    rows = [{**row, **{name: int(row[name]) for name in COUNTS}} for row in await database.all(statement)]
    if by == "node":
        names = {row["id"]: row["name"] for row in await database.all(select(nodes.c.id, nodes.c.name))}
        rows = [{**row, "name": names.get(row["node"], row["node"])} for row in rows]
    return rows


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> None:
    """Deletes what is of days that the audit has no entries of any more."""
    before = day_of(max(0, now - keep.audit_age))
    await connection.execute(delete(model_usage).where(model_usage.c.day < before))
