# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's history at work: gathers readings from the bus, has them written now and then, and answers who asks.

The disk is touched on a thread of its own, by one call after the other. What waits to be written is part of every
answer; a power cut loses it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ganglion.bus import Bus
from ganglion.errors import InvalidError
from ganglion.event import Event
from ganglion.history import block
from ganglion.history.block import Numbered, Reading
from ganglion.history.query import KEYS, Page, Query, asked
from ganglion.history.store import Store
from ganglion.mesh.parameters import takes
from ganglion.worker import Worker
from ganglion_micro import cbor

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: Readings that are gathered before they are written early.
_GATHERED = block.MOST_READINGS
#: Readings that wait at most while the disk fails; the oldest are lost then.
_WAITING = 16 * _GATHERED
#: Seconds that the last write has when the node stops.
_GRACE = 5.0


class History:
    """One node's.

    Args:
        bus: Whose events are kept.
        folder: Where.
        topics: Filters of those that are.
        limit: Bytes at most.
        age: Nanoseconds of running that a reading is kept.
        sync: Nanoseconds that a reading waits at most to be written.
        now: Nanoseconds since the Unix epoch.

    Raises:
        InvalidError: the folder cannot be used.
    """

    def __init__(
        self,
        bus: Bus,
        folder: Path,
        *,
        topics: Sequence[str],
        limit: int,
        age: int,
        sync: int,
        now: Callable[[], int],
    ) -> None:
        self._bus = bus
        self._topics = topics
        self._limit = limit
        self._age = age
        self._sync = sync / 1e9
        self._now = now
        try:
            self._store = Store(folder, limit=limit, age=age)
        except OSError as error:
            raise InvalidError(f"no history can be kept here: {error.strerror or error}", where=str(folder)) from None
        self._worker = Worker("history")
        self._waiting: list[Reading] = []
        self._full = asyncio.Event()
        self._last: Event | None = None
        self._lost = self._refused = 0
        self._error = ""

    async def run(self) -> None:
        """Keeps what comes until it is cancelled, and writes what waits then."""
        subscriptions = [self._bus.subscribe(topic, self.keep) for topic in self._topics]
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._sync):
                        await self._full.wait()
                await self._write()
        finally:
            for subscription in subscriptions:
                subscription.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._write()
            self._worker.call(self._store.close)
            self._worker.stop()

    def keep(self, event: Event) -> None:
        """Takes an event, once where several filters let it through. A value that is too large has no place here."""
        if event == self._last:
            return
        self._last = event
        value = event.value
        try:
            if type(value) not in (float, bool, int):
                # Its own, as whoever sent it may change it, and no deeper than it may be in a block
                value = cbor.decode(cbor.encode([[value]]))[0][0]
            if block.weight(value) > block.MOST_VALUE or len(event.topic.encode()) > block.MOST_TOPIC:
                raise ValueError("too large")
        except ValueError:
            self._refused += 1
            return
        self._waiting.append(Reading(event.timestamp, event.topic, value))
        if len(self._waiting) > _WAITING:
            self._lost += 1
            del self._waiting[0]
        if len(self._waiting) >= _GATHERED and not self._error:
            self._full.set()

    @takes(*KEYS)
    async def query(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """The method `history.query`: a page of readings, or of intervals.

        Args:
            params: See `ganglion.history.query.asked`.

        Returns:
            `{"columns", "topics", "rows", "next"}`; see `ganglion.history.query.Page.document`. With `next` as `at`,
            the next page is asked for.

        Raises:
            InvalidError: a parameter is wrong.
        """
        query = asked(params, self._now())
        waiting = tuple(self._waiting)
        return await self._worker.call(lambda: Page(query).fill(self._blocks(query, waiting)).document())

    async def replay(self, topic: str, take: Callable[[Iterator[tuple[int, Any]]], T]) -> T:
        """What a function makes of all that is kept of a topic.

        Args:
            topic: A name, no filter.
            take: Called on the history's thread with time, in nanoseconds since the Unix epoch, and value of each
                reading, in the order in which they came.

        Raises:
            OSError: the disk cannot be read; and whatever `take` raises.
        """
        waiting = tuple(self._waiting)

        def readings() -> Iterator[tuple[int, Any]]:
            for _, several in self._blocks(Query(), waiting):
                yield from ((each.time, each.value) for each in several if each.topic == topic)

        return await self._worker.call(lambda: take(readings()))

    @takes()
    async def stats(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """The method `history.stats`: what is kept, what it costs, and what was lost."""
        waiting = len(self._waiting)
        told = await self._worker.call(self._figures)
        return {
            "topics": list(self._topics),
            "limit": self._limit,
            "age": self._age,
            **told,
            "waiting": waiting,
            "lost": self._lost,
            "refused": self._refused,
            "error": self._error,
        }

    async def _write(self) -> None:
        self._full.clear()
        readings, self._waiting = self._waiting, []
        try:
            await self._worker.call(lambda: self._append(readings))
        except OSError as error:
            if not self._error:
                _log.warning("the history cannot be written, and is tried again: %s", error)
            self._error = error.strerror or str(error)
            kept = (readings + self._waiting)[-_WAITING:]
            self._lost += len(readings) + len(self._waiting) - len(kept)
            self._waiting = kept
        else:
            self._error = ""

    def _append(self, readings: Sequence[Reading]) -> None:
        """On the worker's thread."""
        self._store.append(readings)
        self._store.retain()

    def _blocks(self, query: Query, waiting: Sequence[Reading]) -> Iterator[Numbered]:
        """On the worker's thread: what was written, and what waits, which comes after it."""
        rest = Numbered(self._store.next, waiting)
        if query.newest:
            yield rest
        yield from self._store.blocks(at=query.at, newest=query.newest, since=query.since, until=query.until)
        if not query.newest:
            yield rest

    def _figures(self) -> dict[str, Any]:
        """On the worker's thread."""
        store = self._store
        spans = [each.survey() for each in store.segments]
        return {
            "readings": store.next - store.segments[0].first if store.segments else 0,
            "bytes": sum(each.size for each in store.segments),
            "segments": len(store.segments),
            "earliest": min((earliest for earliest, _ in spans), default=None),
            "latest": max((latest for _, latest in spans), default=None),
            "written": {
                "readings": store.readings,
                "bytes": store.bytes,
                "syncs": store.syncs,
                "bytes_per_reading": round(store.bytes / store.readings, 1) if store.readings else None,
            },
        }
