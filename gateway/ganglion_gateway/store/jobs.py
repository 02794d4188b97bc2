# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and what became of them at each node, stored and found."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.settings import Retention
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.store.fleet_tables import job_targets, jobs

RUNNING = "running"
CANCELLING = "cancelling"


async def create(connection: AsyncConnection, job: Row, targets: Sequence[Row]) -> None:
    """A job and its nodes."""
    await connection.execute(insert(jobs), [job])
    await connection.execute(insert(job_targets), targets)


async def change(connection: AsyncConnection, job: str, values: Mapping[str, Any]) -> None:
    """What is known of a job."""
    await connection.execute(update(jobs).where(jobs.c.id == job).values(**values))


async def cancel(connection: AsyncConnection, job: str) -> None:
    """Has a job end that has not."""
    await connection.execute(update(jobs).where(jobs.c.id == job, jobs.c.ended.is_(None)).values(state=CANCELLING))


async def settle(connection: AsyncConnection, row: Row) -> None:
    """How it stands at a node: the whole row, which must be there."""
    same = (job_targets.c.job == row["job"]) & (job_targets.c.node == row["node"])
    await connection.execute(update(job_targets).where(same).values(**row))


async def unfinished(database: Database) -> list[Row]:
    """Jobs that have not ended, the first first."""
    return await database.all(select(jobs).where(jobs.c.state.in_((RUNNING, CANCELLING))).order_by(jobs.c.number))


async def overdue(database: Database, before: int) -> int:
    """How many have not ended though their time was over before this."""
    late = jobs.c.state.in_((RUNNING, CANCELLING)) & (jobs.c.deadline < before)
    return await database.scalar(select(func.count()).select_from(jobs).where(late)) or 0


async def all_targets(database: Database, job: str) -> list[Row]:
    """What became of a job at each node."""
    return await database.all(select(job_targets).where(job_targets.c.job == job).order_by(job_targets.c.node))


async def find(database: Database, job: str) -> Row | None:
    """A job by its id."""
    return await database.one(select(jobs).where(jobs.c.id == job))


async def page(database: Database, *, before: int | None, limit: int) -> list[Row]:
    """Jobs, newest first, from below the number `before`."""
    statement = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
    return await database.all(statement if before is None else statement.where(jobs.c.number < before))


async def counts(database: Database, ids: Collection[str]) -> dict[str, dict[str, int]]:
    """How many nodes of each job are in which state."""
    statement = (
        select(job_targets.c.job, job_targets.c.state, func.count().label("count"))
        .where(job_targets.c.job.in_(list(ids)))
        .group_by(job_targets.c.job, job_targets.c.state)
    )
    found: dict[str, dict[str, int]] = {id: {} for id in ids}
    for row in await database.all(statement):
        found[row["job"]][row["state"]] = row["count"]
    return found


async def targets(database: Database, job: str, *, state: str | None, after: str, limit: int) -> list[Row]:
    """What became of a job at its nodes, by their id, from behind one."""
    statement = select(job_targets).where(job_targets.c.job == job, job_targets.c.node > after)
    if state is not None:
        statement = statement.where(job_targets.c.state == state)
    return await database.all(statement.order_by(job_targets.c.node).limit(limit))


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> None:
    """Deletes those that have ended and are too old or too many, with what became of them."""
    newest = select(jobs.c.number).order_by(jobs.c.number.desc()).limit(1)
    last = (await connection.execute(newest)).scalar() or 0
    old = (jobs.c.ended < now - keep.jobs_age) | (jobs.c.number <= last - keep.jobs_count)
    await connection.execute(delete(jobs).where(jobs.c.ended.is_not(None), old))
