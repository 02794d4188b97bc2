# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way into the database: what is asked for within 20 ms becomes one transaction.

One connection writes at a time, and waits for the disk at every commit. So all writes go through here, one commit
carries many, and nobody is told that a thing is stored before that commit has returned.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ganglion_gateway.store.engines import may_be_repeated

T = TypeVar("T")

Work = Callable[[AsyncConnection], Awaitable[T]]

#: Seconds that telemetry waits for company. What somebody waits for goes at once, with all that is there.
GATHER = 0.02
#: Pieces of work in one transaction.
BATCH = 256
#: Seconds for which a piece of work is tried again whose transaction the database has broken off, since it came, and
#: since it was its turn; and between two attempts.
PATIENCE = 10.0
_TURN = 1.0
#: Seconds after which a transaction takes no further piece of work: other gateways may wait for its lock.
_HELD = 0.25
_PAUSE = 0.1


class _Job(NamedTuple):
    work: Work[Any]
    done: asyncio.Future[Any]
    since: float


_Outcome = tuple[_Job, Any, Exception | None]


class Writer:
    """Runs pieces of work in transactions, in the order they came.

    Args:
        engine: With one connection, which begins its transactions as a writer.

    Attributes:
        commits: Transactions committed.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._jobs: deque[_Job] = deque()
        self._some = asyncio.Event()
        self._now = asyncio.Event()
        self._closing = False
        self.commits = 0

    async def write(self, work: Work[T], *, patient: bool = False) -> T:
        """What `work` returned, once it is committed.

        A piece of work that raises is undone alone; others of its transaction are committed.

        Args:
            work: Gets the connection. It may be run again where its first transaction could not be committed.
            patient: Let it wait for others, up to 20 ms.

        Raises:
            Exception: what `work` or the commit raised.
        """
        if self._closing:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop.time())
        self._jobs.append(job)
        self._some.set()
        if not patient or len(self._jobs) >= BATCH:
            self._now.set()
        result: T = await job.done
        return result

    async def run(self) -> None:
        """Commits until `close` is called and nothing waits any more."""
        while self._jobs or not self._closing:
            await self._some.wait()
            if not self._now.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER):
                        await self._now.wait()
            jobs = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
            if not self._jobs and not self._closing:
                self._some.clear()
                self._now.clear()
            if jobs:
                await self._commit(jobs)

    def close(self) -> None:
        """Takes nothing more; `run` ends when the rest is committed."""
        self._closing = True
        self._some.set()
        self._now.set()

    async def _commit(self, jobs: list[_Job]) -> None:
        try:
            outcomes = await self._transaction(jobs)
        except Exception as error:
            # The disk is full, the file is locked, the server is gone: whoever asked is told, and nothing is stored.
            outcomes = [(job, None, error) for job in jobs]
        else:
            self.commits += 1
            if rest := jobs[len(outcomes) :]:
                self._jobs.extendleft(reversed(rest))
                self._some.set()
                self._now.set()
        for job, result, failure in outcomes:
            if job.done.done():
                continue
            if failure is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(failure)

    async def _transaction(self, jobs: list[_Job]) -> list[_Outcome]:
        """Runs and commits them, or the first ones where they take long.

        Again where that failed before the commit by no fault of theirs.

        What a commit came to that got no answer is not known, so it is not tried again.
        """
        loop = asyncio.get_running_loop()
        # Who has waited for others whose time ran out is not to wait as long again: the database is away
        deadline = max(min(job.since for job in jobs) + PATIENCE, loop.time() + _TURN)
        while True:
            committing = False
            try:
                async with self._engine.connect() as connection:
                    await connection.begin()
                    began, outcomes = loop.time(), list[_Outcome]()
                    for job in jobs:
                        outcomes.append(await _attempt(connection, job, alone=len(jobs) == 1))
                        if loop.time() - began > _HELD:
                            break
                    committing = True
                    await connection.commit()
                    return outcomes
            except Exception as error:
                if committing or not may_be_repeated(error) or loop.time() > deadline:
                    raise
            await asyncio.sleep(_PAUSE)


async def _attempt(connection: AsyncConnection, job: _Job, *, alone: bool) -> _Outcome:
    if alone:  # its failure undoes the transaction, which is all that a savepoint would do
        return job, await job.work(connection), None
    try:
        async with connection.begin_nested():
            return job, await job.work(connection), None
    except Exception as error:
        if may_be_repeated(error):
            raise  # it ends the transaction of all
        return job, None, error
