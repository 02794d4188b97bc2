# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that must arrive: on the way, in the spool, sent again until the gateway says it has them.

`Courier` has the rule; here it gets a spool in a thread and a way to publish. An event goes out at once and to the disk
at the same time; while older ones wait in the spool it goes to the disk alone and takes its turn.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ganglion.mesh.courier import Courier
from ganglion.mesh.member import Sealed
from ganglion.mesh.spool import DEFAULT_BYTES, Key, Rank, Row, Spool

_log = logging.getLogger(__name__)

#: Seconds until the disk is tried again.
_DISK_RETRY = 5.0
#: Bytes of events that wait for the disk, with what Python needs for each. Beyond, they are dropped as from the spool.
_STAGED = 16 * 1024 * 1024
_ROW = 300
#: Seconds between two looks at what has grown too old, and between two lines of the log about what was dropped.
_LOOK = 3600.0
_SAY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStatistics:
    """What became of events that must arrive.

    Attributes:
        spooled: On the disk now, not acknowledged.
        spooled_by_rank: The same, by `alert`, `event` and `record`.
        spooled_bytes: Their payload.
        acknowledged: Stored by the gateway.
        refused: Lost, since the start, because the policy does not let this node say them.
        resent: Sent more than once on one connection.
        dropped: Lost, since the start, because the spool was full, they were too old, or the disk failed for long.
        dropped_by_rank: The same, by `alert`, `event` and `record`; those that lost none are missing.
        expired: Of these, the ones that were too old.
        disk_errors: Commits that failed and were tried again.
    """

    spooled: int
    spooled_by_rank: Mapping[str, int]
    spooled_bytes: int
    acknowledged: int
    refused: int
    resent: int
    dropped: int
    dropped_by_rank: Mapping[str, int]
    expired: int
    disk_errors: int


class Delivery:
    """Gets events to the gateway, over outages and restarts. Runs on one event loop.

    Args:
        path: The spool.
        publish: Sends topic and payload, at QoS 1.
        on_stored: Called with the key of each event that the gateway has acknowledged, once it is off the disk.
        on_silence: Called with events before they are sent again: perhaps the gateway does not know who sends them.
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
        on_silence: Callable[[list[bytes]], None],
        limit: int = DEFAULT_BYTES,
    ) -> None:
        self._spool = Spool(path, limit=limit)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._publish = publish
        self._on_stored = on_stored
        self._on_silence = on_silence
        self._courier = Courier()
        self._staged: list[Row] = []
        self._staged_bytes = 0
        self._arrived: list[Key] = []
        self._denied: set[Key] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()  # everything posted is on the disk
        self._idle.set()
        self._up = False
        self._acknowledged = self._refused = self._resent = self._dropped = self._expired = self._disk_errors = 0
        self._by_rank: Counter[Rank] = Counter()
        self._unsaid: Counter[Rank] = Counter()
        self._unsaid_refused = 0
        self._say_at = self._say_refused_at = self._look_at = 0.0

    def post(self, sealed: Sealed) -> None:
        """Takes an event. It is safe on the disk when `flush` returns, and at the gateway when `on_stored` says so."""
        row = Row(sealed.epoch, sealed.seq, sealed.topic, sealed.payload)
        courier = self._courier
        self._staged.append(row)
        self._staged_bytes += _size(row)
        self._make_room()
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

    def refused(self, keys: Iterable[Key]) -> None:
        """The gateway takes these from nobody who is as we are: they are dropped."""
        denied = set(keys)
        self._denied |= denied
        self.arrived(denied)

    def connected(self) -> None:
        """The way is open (again), or a gateway came to it: everything not acknowledged is sent, in order."""
        self._up = True
        self._look_at = 0.0  # what is too old is not sent any more
        self._courier.restart()
        self._wake.set()

    def disconnected(self) -> None:
        """The way is closed: events wait in the spool."""
        self._up = False

    async def upto(self, epoch: int) -> list[Key]:
        """What waits of this epoch and of those before."""
        rows = await asyncio.get_running_loop().run_in_executor(self._thread, self._spool.upto, epoch)
        return [*rows, *(row.key for row in self._staged if row.epoch <= epoch)]

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
                elif self._spool.count:
                    wait = _LOOK if wait is None else min(wait, _LOOK)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                self._wake.clear()
                committed = await self._commit()
                if committed and not self._staged and not self._arrived:
                    self._idle.set()
                self._say_dropped(loop.time())
                if self._up:
                    await self._send(loop)
        finally:
            await asyncio.shield(self._close())

    async def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        courier = self._courier
        if late := courier.due(loop.time()):
            self._on_silence([row.payload for row in late])
        for row in late:
            self._resent += 1
            self._publish(row.topic, row.payload)
        while courier.behind and courier.room > 0:
            cursor = courier.cursor
            rows = await loop.run_in_executor(self._thread, self._spool.after, cursor, courier.room)
            if not self._up or courier.cursor != cursor:
                return  # the connection went, or went and came, meanwhile: `connected` has set the wake
            if not rows:  # of what is newer than the spool's last, a disk that fails holds nothing up
                rows = [row for row in self._staged if row.key > cursor][: courier.room]
            for row in rows:
                self._publish(row.topic, row.payload)
                courier.sent(row, loop.time())
            courier.behind = bool(rows)

    async def _commit(self) -> bool:
        """Whether the disk took what was staged. An empty commit looks for what has grown too old."""
        loop = asyncio.get_running_loop()
        if not self._staged and not self._arrived and loop.time() < self._look_at:
            return True
        self._look_at = loop.time() + _LOOK
        rows, self._staged, self._staged_bytes = self._staged, [], 0
        arrived, self._arrived = self._arrived, []
        work = loop.run_in_executor(self._thread, self._spool.commit, rows, arrived)
        try:
            done = await asyncio.shield(work)
        except asyncio.CancelledError:
            # Cancelled, it would not begin where something is before it in the thread, and nobody have its rows.
            await asyncio.wait([work])
            if work.exception() is not None:
                self._take_back(rows, arrived)
            raise
        except sqlite3.Error as error:
            self._disk_errors += 1
            _log.error("The spool cannot be written (%s): %d events wait in memory.", error, len(rows))
            self._take_back(rows, arrived)
            self._make_room()
            return False
        for dropped in done.dropped:
            self._lose(dropped.key, dropped.rank)
            self._expired += dropped.is_old
        refused = self._denied.intersection(done.removed)
        self._denied.difference_update(arrived)
        self._refused += len(refused)
        self._unsaid_refused += len(refused)
        self._acknowledged += len(done.removed) - len(refused)
        for key in done.removed:
            if key not in refused:
                self._on_stored(key)
        return True

    def _take_back(self, rows: list[Row], arrived: list[Key]) -> None:
        self._staged = rows + self._staged
        self._staged_bytes = sum(map(_size, self._staged))
        self._arrived = arrived + self._arrived

    def _make_room(self) -> None:
        """Where too much waits for the disk, keeps the newest of what matters most; with some room, for what comes."""
        if self._staged_bytes <= _STAGED:
            return
        room = _STAGED * 3 // 4
        kept: set[Key] = set()
        for row in sorted(self._staged, key=lambda row: (row.rank, row.key), reverse=True):
            room -= _size(row)
            if room >= 0:
                kept.add(row.key)
            else:
                self._lose(row.key, row.rank)
        self._staged = [row for row in self._staged if row.key in kept]
        self._staged_bytes = sum(map(_size, self._staged))

    def _lose(self, key: Key, rank: Rank) -> None:
        self._courier.dropped(key)
        self._dropped += 1
        self._by_rank[rank] += 1
        self._unsaid[rank] += 1

    def _say_dropped(self, now: float) -> None:
        """A line of the log for each reason, once a minute at most."""
        if self._unsaid and now >= self._say_at:
            self._say_at = now + _SAY
            lost = ", ".join(f"{count} of rank {rank.name.lower()}" for rank, count in sorted(self._unsaid.items()))
            _log.error("The spool has no room for everything, or for so long: lost are %s.", lost)
            self._unsaid.clear()
        if self._unsaid_refused and now >= self._say_refused_at:
            self._say_refused_at = now + _SAY
            _log.error(
                "The policy lets this node not say all it says: %d events are lost; `ganglion mesh explain` says why.",
                self._unsaid_refused,
            )
            self._unsaid_refused = 0

    async def _close(self) -> None:
        await self._commit()
        self._say_dropped(float("inf"))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._spool.close)
        self._thread.shutdown()

    def statistics(self) -> DeliveryStatistics:
        """What happened so far."""
        return DeliveryStatistics(
            spooled=self._spool.count,
            spooled_by_rank={rank.name.lower(): self._spool.counts[rank] for rank in Rank},
            spooled_bytes=self._spool.bytes,
            acknowledged=self._acknowledged,
            refused=self._refused,
            resent=self._resent,
            dropped=self._dropped,
            dropped_by_rank={rank.name.lower(): count for rank, count in sorted(self._by_rank.items())},
            expired=self._expired,
            disk_errors=self._disk_errors,
        )


def _size(row: Row) -> int:
    return len(row.payload) + len(row.topic) + _ROW
