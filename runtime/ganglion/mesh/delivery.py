# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that must arrive: on the way, in the spool, sent again until the gateway says it has them.

`Courier` is the rule, without I/O. `Delivery` gives it a spool in a thread and a way to publish. An event goes out at
once and to the disk at the same time; while older ones wait in the spool it goes to the disk alone and takes its turn.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ganglion.mesh.member import Sealed
from ganglion.mesh.spool import DEFAULT_BYTES, Key, Row, Spool

_log = logging.getLogger(__name__)

#: Events that may be under way; the gateway takes them in batches of as many.
WINDOW = 256
#: Seconds that an event waits for its acknowledgement before it is sent again, and the longest such wait.
PATIENCE = 5.0
_PATIENCE_MAX = 60.0
#: Seconds until the disk is tried again.
_DISK_RETRY = 5.0
#: Events kept in memory while the disk fails.
_STAGED = 4096

_START: Key = (-1, -1)


class _Flight:
    __slots__ = ("due", "row", "wait")

    def __init__(self, row: Row, due: float) -> None:
        self.row = row
        self.wait = PATIENCE
        self.due = due


class Courier:
    """Which event is to be sent when. Seconds are of any clock that never goes back.

    Attributes:
        behind: Whether older events wait in the spool: new ones then take their turn.
        cursor: Up to here everything was sent on this connection.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight] = {}
        self.behind = True
        self.cursor = _START

    @property
    def room(self) -> int:
        """How many more may be under way."""
        return WINDOW - len(self._flights)

    @property
    def deadline(self) -> float | None:
        """When `due` has something to say."""
        return min((flight.due for flight in self._flights.values()), default=None)

    def restart(self) -> None:
        """There is a new connection, or a new gateway: everything that is not acknowledged is sent again, in order."""
        self._flights.clear()
        self.behind = True
        self.cursor = _START

    def sent(self, row: Row, now: float) -> None:
        """This one is under way."""
        self._flights[row.key] = _Flight(row, now + PATIENCE)
        self.cursor = max(self.cursor, row.key)

    def arrived(self, key: Key) -> None:
        """The gateway has it, or it was dropped."""
        self._flights.pop(key, None)

    def due(self, now: float) -> list[Row]:
        """What waited too long, to be sent again; each time it waits twice as long."""
        late = [flight for flight in self._flights.values() if flight.due <= now]
        for flight in late:
            flight.wait = min(2 * flight.wait, _PATIENCE_MAX)
            flight.due = now + flight.wait
        return [flight.row for flight in late]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStatistics:
    """What became of events that must arrive.

    Attributes:
        spooled: On the disk now, not acknowledged.
        spooled_bytes: Their payload.
        acknowledged: Stored by the gateway.
        resent: Sent more than once on one connection.
        dropped: Lost because the spool was full, or the disk failed for long.
        disk_errors: Commits that failed and were tried again.
    """

    spooled: int
    spooled_bytes: int
    acknowledged: int
    resent: int
    dropped: int
    disk_errors: int


class Delivery:
    """Gets events to the gateway, over outages and restarts. Runs on one event loop.

    Args:
        path: The spool.
        publish: Sends topic and payload, at QoS 1.
        on_stored: Called with the key of each event that the gateway has acknowledged, once it is off the disk.
        on_silence: Called before events are sent again: perhaps the gateway does not know who sends them.
        limit: Bytes of the spool.

    Raises:
        sqlite3.Error: the spool cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        publish: Callable[[str, bytes], None],
        on_stored: Callable[[Key], None],
        on_silence: Callable[[], None],
        limit: int = DEFAULT_BYTES,
    ) -> None:
        self._spool = Spool(path, limit=limit)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._publish = publish
        self._on_stored = on_stored
        self._on_silence = on_silence
        self._courier = Courier()
        self._staged: list[Row] = []
        self._arrived: list[Key] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()  # everything posted is on the disk
        self._idle.set()
        self._up = False
        self._acknowledged = self._resent = self._dropped = self._disk_errors = 0

    def post(self, sealed: Sealed) -> None:
        """Takes an event. It is safe on the disk when `flush` returns, and at the gateway when `on_stored` says so."""
        row = Row(sealed.epoch, sealed.seq, sealed.topic, sealed.payload)
        courier = self._courier
        self._staged.append(row)
        if self._up and not courier.behind and courier.room > 0:
            self._publish(row.topic, row.payload)
            courier.sent(row, asyncio.get_running_loop().time())
        else:
            courier.behind = True
        self._idle.clear()
        self._wake.set()

    def arrived(self, keys: Iterable[Key]) -> None:
        """The gateway has stored these."""
        for key in keys:
            self._courier.arrived(key)
            self._arrived.append(key)
        self._idle.clear()
        self._wake.set()

    def connected(self) -> None:
        """The way is open (again): everything not acknowledged is sent, in order."""
        self._up = True
        self._courier.restart()
        self._wake.set()

    def disconnected(self) -> None:
        """The way is closed: events wait in the spool."""
        self._up = False

    async def flush(self) -> None:
        """Returns when everything posted so far is on the disk; needs `run`."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commits, sends and sends again, until cancelled; what is staged then is still committed."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                deadline = self._courier.deadline if self._up else None
                wait = None if deadline is None else max(0.0, deadline - loop.time())
                if self._staged or self._arrived:
                    wait = _DISK_RETRY if wait is None else min(wait, _DISK_RETRY)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                self._wake.clear()
                committed = await self._commit()
                if committed and not self._staged and not self._arrived:
                    self._idle.set()
                if self._up:
                    await self._send(loop)
        finally:
            await asyncio.shield(self._close())

    async def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        courier = self._courier
        if late := courier.due(loop.time()):
            self._on_silence()
        for row in late:
            self._resent += 1
            self._publish(row.topic, row.payload)
        while courier.behind and courier.room > 0:
            cursor = courier.cursor
            rows = await loop.run_in_executor(self._thread, self._spool.after, cursor, courier.room)
            if not self._up or courier.cursor != cursor:
                return  # the connection went, or went and came, meanwhile: `connected` has set the wake
            for row in rows:
                self._publish(row.topic, row.payload)
                courier.sent(row, loop.time())
            if not rows:
                if not self._staged:
                    courier.behind = False
                return

    async def _commit(self) -> bool:
        """Whether the disk took what was staged."""
        if not self._staged and not self._arrived:
            return True
        rows, self._staged = self._staged, []
        arrived, self._arrived = self._arrived, []
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, self._spool.commit, rows, arrived)
        except sqlite3.Error as error:
            self._disk_errors += 1
            _log.error("The spool cannot be written (%s): %d events wait in memory.", error, len(rows))
            kept = rows + self._staged
            self._dropped += max(0, len(kept) - _STAGED)
            self._staged = kept[-_STAGED:]
            self._arrived = arrived + self._arrived
            return False
        self._acknowledged += len(done.removed)
        if done.dropped:
            self._dropped += len(done.dropped)
            _log.error("The spool is full: the %d oldest events are lost.", len(done.dropped))
            for key in done.dropped:
                self._courier.arrived(key)
        for key in done.removed:
            self._on_stored(key)
        return True

    async def _close(self) -> None:
        await self._commit()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._spool.close)
        self._thread.shutdown()

    def statistics(self) -> DeliveryStatistics:
        """What happened so far."""
        return DeliveryStatistics(
            spooled=self._spool.count,
            spooled_bytes=self._spool.bytes,
            acknowledged=self._acknowledged,
            resent=self._resent,
            dropped=self._dropped,
            disk_errors=self._disk_errors,
        )
