# SPDX-License-Identifier: GPL-3.0-or-later
"""What only one of several gateways may do at a time, and which one that is.

    async with Leases.open_(database) as leases:
        await leases.lead("rollouts", controller.run)     # runs it while this gateway leads, again when it does again

    async def run(self, lease: Lease) -> None:
        await lease.write(database, work)                 # committed only if nobody has been given the lease since

A gateway that is killed holds its leases for `TERM` seconds more; then another one takes them. One that was only
stopped for so long goes on where it was before it notices, so what it writes is held against the token: that is what
makes it safe, the clock is what makes it quick. On SQLite there is one gateway, which always leads.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ganglion.errors import RefusedError
from ganglion.units import SECOND
from ganglion_gateway.store import leases as store
from ganglion_gateway.store.database import Database, why
from ganglion_gateway.store.engines import postgresql_engine
from ganglion_gateway.store.writer import Work

_log = structlog.get_logger(__name__)

#: Seconds that a lease holds without being renewed, and between two renewals.
TERM = 6.0
_RENEW = TERM / 4
#: Seconds between looks at a lease that somebody else holds.
_LOOK = 0.5
#: Seconds that a part has to end before it is told again.
_PATIENCE = 30.0
#: Terms without anybody who leads until that is a fault.
_UNLED = 3
#: Leases that are asked for, or given back, at the same time.
_TOGETHER = 2

T = TypeVar("T")


class LostLeaseError(RefusedError):
    """Another gateway has been given the lease since: what was to be written is not."""


class Lease:
    """A lease that this gateway was given.

    Attributes:
        name: What it lets its holder do.
        token: Counts up whenever the lease is given to somebody.
        lost: Set when this gateway must do it no more, for good: it has to take the lease anew.
        until: When it ends unless it is renewed, in seconds since the machine has started.
        reason: Why it is lost.
    """

    def __init__(self, name: str, token: int, until: float) -> None:
        self.name = name
        self.token = token
        self.lost = asyncio.Event()
        self.until = until
        self.reason = ""

    @property
    def held(self) -> bool:
        """Whether it is this gateway's, as far as that is known without asking. Once it is not, it never is again."""
        if _now() >= self.until:
            self.lose("it was not renewed in time")
        return not self.lost.is_set()

    def lose(self, reason: str) -> None:
        """This gateway must do it no more."""
        if not self.lost.is_set():
            self.reason = reason
            self.lost.set()

    async def fence(self, connection: AsyncConnection) -> None:
        """For a piece of work of `Database.write`: lets it go on only where the lease is still this one.

        Whoever takes a lease waits for the transaction, so it stays this one until that has ended.

        Raises:
            LostLeaseError: it is not.
        """
        if not await store.is_current(connection, self.name, self.token):
            raise LostLeaseError(f"another gateway has the lease {self.name!r} now")

    async def write(self, database: Database, work: Work[T], *, patient: bool = False) -> T:
        """`Database.write` behind the fence.

        Raises:
            LostLeaseError: another gateway has been given the lease since.
        """

        async def fenced(connection: AsyncConnection) -> T:
            await self.fence(connection)
            return await work(connection)

        return await database.write(fenced, patient=patient)


class Leases:
    """Those of one gateway. Made by `open_`.

    Attributes:
        holder: What this gateway is called in the table: its machine, process, and a word of this start.
    """

    def __init__(self, database: Database, engine: AsyncEngine | None, term: float) -> None:
        self.holder = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._term = term
        self._engine = engine
        self._asking = asyncio.Semaphore(_TOGETHER)
        self._held: dict[str, Lease] = {}
        self._led: dict[str, float] = {}  # until when somebody led, as far as is known, of each part to lead

    @classmethod
    @asynccontextmanager
    async def open_(cls, database: Database, *, term: float = TERM) -> AsyncIterator["Leases"]:
        """Renews what is taken until the block ends.

        Args:
            term: Seconds that a lease holds without being renewed.
        """
        if not database.shared:
            yield cls(database, None, term)
            return
        # Connections of their own, as a lease must not wait behind a thousand readings, and one of them is always free
        # to renew. They have time limits, and so has who waits for them: a server that is stopped keeps none.
        half = f"{round(term * 500)}ms"
        limits = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        patience = dict.fromkeys(limits, half)
        engine = postgresql_engine(database.url, patience, pool_size=_TOGETHER + 1, max_overflow=0)
        leases = cls(database, engine, term)
        renewing = asyncio.create_task(leases._renew(), name="leases")
        try:
            yield leases
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await engine.dispose()

    def holds(self, name: str) -> bool:
        """Whether this gateway leads in something."""
        return (lease := self._held.get(name)) is not None and lease.held

    def unled(self) -> list[str]:
        """The parts that this gateway would lead, and nobody has been known to for some terms."""
        edge = _now() - _UNLED * self._term
        return sorted(name for name, at in self._led.items() if at < edge and not self.holds(name))

    async def lead(self, name: str, part: Callable[[Lease], Awaitable[None]]) -> None:
        """Runs a part while this gateway holds the lease, again whenever it does again, until cancelled.

        When the lease is lost, the part is cancelled, and awaited: what it then writes must be fenced. A part may also
        return when it sees that the lease is held no more.

        Raises:
            ValueError: this gateway does so already.
            Exception: what the part raised, but for `LostLeaseError`.
        """
        if name in self._held:
            raise ValueError(f"this gateway leads in {name!r} already")
        self._led[name] = _now()
        while True:
            lease = await self._take(name)
            try:
                await _until_lost(lease, part)
            finally:
                self._led[name] = _now()
                await asyncio.shield(self.give_back(lease))
            await asyncio.sleep(_LOOK)  # another gateway may be better off

    async def claim(self, name: str) -> Lease | None:
        """A lease, where nobody has it; it is renewed until it is lost, or given back.

        Raises:
            ValueError: this gateway has it already.
            SQLAlchemyError: the database does not answer.
        """
        if name in self._held:
            raise ValueError(f"this gateway leads in {name!r} already")
        began = _now()
        token = await self._ask(name)
        if token is None:
            return None
        until = began + self._term if self._engine is not None else float("inf")
        lease = self._held[name] = Lease(name, token, until)
        _log.info("leads", part=name, token=token)
        return lease

    async def give_back(self, lease: Lease) -> None:
        """This gateway does it no more; another one need not wait, unless the database does not answer."""
        if self._held.get(lease.name) is lease:
            del self._held[lease.name]
            lease.lose("")
            say = _log.warning if lease.reason else _log.info
            say("leads no more", part=lease.name, token=lease.token, reason=lease.reason or "it is given back")
        await self._release(lease)

    async def _take(self, name: str) -> Lease:
        away = False
        while True:
            try:
                if (lease := await self.claim(name)) is not None:
                    return lease
                away, self._led[name] = False, _now()
            except (SQLAlchemyError, OSError) as error:
                if not away:
                    _log.warning("lease not taken", part=name, reason=why(error))
                away = True
            await asyncio.sleep(_LOOK)

    async def _ask(self, name: str) -> int | None:
        term = round(self._term * SECOND)
        if self._engine is None:

            async def work(connection: AsyncConnection) -> int | None:
                return await store.take(connection, name, self.holder, now=time.time_ns(), term=0)

            return await self._database.write(work)
        async with asyncio.timeout(self._term), self._asking, self._engine.begin() as connection:
            return await store.take(connection, name, self.holder, now=None, term=term)

    async def _release(self, lease: Lease) -> None:
        """Another gateway need not wait. Where it fails, it does."""
        if self._engine is None:
            return
        try:
            async with asyncio.timeout(self._term), self._asking, self._engine.begin() as connection:
                await store.release(connection, lease.name, self.holder, lease.token)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("lease not given back, its time has to run out", part=lease.name, reason=why(error))

    async def _renew(self) -> None:
        assert self._engine is not None
        while True:
            await asyncio.sleep(self._term * _RENEW / TERM)
            held = [lease for lease in self._held.values() if lease.held]
            if not held:
                continue
            began, names = _now(), [lease.name for lease in held]
            try:
                async with asyncio.timeout(self._term / 2), self._engine.begin() as connection:
                    known = await store.renew(connection, self.holder, names, term=round(self._term * SECOND))
            except (SQLAlchemyError, OSError) as error:
                _log.warning("leases not renewed", reason=why(error))
                continue
            for lease in held:
                if known.get(lease.name) == lease.token:
                    lease.until = began + self._term
                else:
                    lease.lose("another gateway was given it")


async def _until_lost(lease: Lease, part: Callable[[Lease], Awaitable[None]]) -> None:
    """Runs a part until it has ended, which it must when the lease is lost."""
    running = asyncio.ensure_future(part(lease))
    losing = asyncio.create_task(lease.lost.wait())
    try:
        # By the clock, too: whoever renews may wait for a database that says nothing
        while lease.held and not running.done():
            await asyncio.wait(
                {running, losing}, timeout=max(0.0, lease.until - _now()), return_when=asyncio.FIRST_COMPLETED
            )
    finally:
        losing.cancel()
        ended = running.done()
        while not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=_PATIENCE)
            if not running.done():
                _log.error("does not end, though the lease is lost", part=lease.name)
    error = None if running.cancelled() else running.exception()
    if isinstance(error, LostLeaseError):
        lease.lose("another gateway was given it")
    elif error is not None and ended:
        raise error
    elif error is not None:
        _log.warning("failed when the lease was lost", part=lease.name, reason=str(error))
    lease.lose("the part has ended by itself")


def _now() -> float:
    """Seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
