# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and what became of them at each node, stored and found."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.settings import Retention
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.store.fleet_tables import job_targets, jobs

RUNNING = "running"
CANCELLING = "cancelling"


async def create(connection: AsyncConnection, job: Row, targets: Sequence[Row]) -> None:
    """A job and its nodes."""
    await connection.execute(insert(jobs), [{**job, "changed": await _next(connection, job["created"])}])
    await connection.execute(insert(job_targets), targets)


async def end(connection: AsyncConnection, job: str, state: str, now: int) -> None:
    """A job is over; its parameters, which may hold a password, are kept no longer."""
    values = {"state": state, "ended": now, "params": "", "changed": await _next(connection, now)}
    await connection.execute(update(jobs).where(jobs.c.id == job).values(**values))


async def cancel(connection: AsyncConnection, job: str, now: int) -> None:
    """Has a job end that has not."""
    values = {"state": CANCELLING, "changed": await _next(connection, now)}
    await connection.execute(update(jobs).where(jobs.c.id == job, jobs.c.ended.is_(None)).values(**values))


async def settle(connection: AsyncConnection, row: Row, now: int) -> None:
    """How it stands at a node: the whole row, which must be there."""
    same = (job_targets.c.job == row["job"]) & (job_targets.c.node == row["node"])
    values = {**row, "changed": await _next(connection, now)}
    await connection.execute(update(job_targets).where(same).values(**values))


async def _next(connection: AsyncConnection, now: int) -> int:
    """The number of a change: greater than all that are there, and, as old jobs are deleted, than those that were."""
    of_jobs, of_targets = (await connection.execute(_newest())).one()
    return max(now, 1 + (of_jobs or 0), 1 + (of_targets or 0))


def _newest() -> Select[Any]:
    return select(
        select(func.max(jobs.c.changed)).scalar_subquery(), select(func.max(job_targets.c.changed)).scalar_subquery()
    )


async def newest(database: Database) -> int:
    """The number of the newest change; 0 where there is none."""
    async with database.reading() as connection:
        of_jobs, of_targets = (await connection.execute(_newest())).one()
    return max(of_jobs or 0, of_targets or 0)


async def since(database: Database, number: int, *, limit: int) -> list[Row]:
    """Rows of `jobs`, and of `job_targets`, which have a `node`, that have changed after a change, in that order."""
    found = []
    for table in (jobs, job_targets):
        found += await database.all(
            select(table).where(table.c.changed > number).order_by(table.c.changed).limit(limit)
        )
    return sorted(found, key=lambda row: int(row["changed"]))[:limit]


async def unfinished(database: Database) -> list[Row]:
    """Jobs that have not ended, the first first."""
    return await database.all(select(jobs).where(jobs.c.state.in_((RUNNING, CANCELLING))).order_by(jobs.c.number))


async def overdue(database: Database, before: int) -> int:
    """How many have not ended though their time was over before this."""
    late = jobs.c.state.in_((RUNNING, CANCELLING)) & (jobs.c.deadline < before)
    return await database.scalar(select(func.count()).select_from(jobs).where(late)) or 0


async def all_targets(database: Database, job: str) -> list[Row]:
    """What became of a job at each node, without the number of its last change."""
    columns = [column for column in job_targets.c if column.key != "changed"]
    return await database.all(select(*columns).where(job_targets.c.job == job).order_by(job_targets.c.node))


async def find(database: Database, job: str) -> Row | None:
    """A job by its id."""
    return await database.one(select(jobs).where(jobs.c.id == job))


async def page(
    database: Database, *, before: int | None, limit: int, nodes: Collection[str] | None = None
) -> list[Row]:
    """Jobs, newest first, from below the number `before`; those of a node by all the ids that it had, None for all."""
    statement = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
    if nodes is not None:
        statement = statement.where(jobs.c.id.in_(select(job_targets.c.job).where(job_targets.c.node.in_(list(nodes)))))
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
