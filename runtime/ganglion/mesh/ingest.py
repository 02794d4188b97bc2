# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's end of delivery: events in batches to the store, and a signed acknowledgement for what it has."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from ganglion.errors import GanglionError
from ganglion.mesh.member import Member, Received, Sealed
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Events in one transaction.
BATCH = 512
#: Events that may wait for the store. Beyond, they are dropped without an acknowledgement: the node sends them again.
WAITING = 8192
#: Events known to be stored, so that a copy is acknowledged without asking the database.
_STORED = 16384

_Key = tuple[str, int, int]


class Ingest:
    """Collects events, has them stored, acknowledges them.

    Args:
        member: Seals acknowledgements.
        store: Returns when the events are committed; it must take one that it has without storing it twice. What it
            raises is logged, and the batch is not acknowledged.
        publish: Sends an acknowledgement, at QoS 0: a lost one costs a copy.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        stored: Events handed to the store and committed.
        refused: Events dropped because too many waited.
        failed: Batches that the store did not take.
    """

    def __init__(
        self,
        member: Member,
        *,
        store: Callable[[list[Received]], Awaitable[None]],
        publish: Callable[[Sealed], None],
        clock: Callable[[], int],
    ) -> None:
        self._member = member
        self._store = store
        self._publish = publish
        self._clock = clock
        self._waiting: deque[Received] = deque()
        self._known: dict[_Key, bool] = {}  # False while it is on its way to the store
        self._again: dict[_Key, Received] = {}
        self._wake = asyncio.Event()
        self.stored = self.refused = self.failed = 0

    def take(self, received: Received) -> None:
        """An event of a member."""
        key = self._key(received)
        known = self._known.get(key)
        if known is None:
            if len(self._waiting) >= WAITING:
                self.refused += 1
                return
            self._known[key] = False
            self._waiting.append(received)
            self._wake.set()
        elif known:
            self._again[key] = received
            self._wake.set()

    async def run(self) -> None:
        """Stores and acknowledges, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._again or self._waiting:
                again, self._again = self._again, {}
                self._acknowledge(again.values())
                if batch := [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]:
                    await self._take_in(batch)

    async def _take_in(self, batch: list[Received]) -> None:
        try:
            await self._store(batch)
        except Exception as error:
            self.failed += 1
            said = "%d events were not stored; their nodes send them again"
            if isinstance(error, GanglionError):
                _log.error(f"{said}: %s", len(batch), error)
            else:
                _log.exception(f"{said}.", len(batch))
            for event in batch:
                self._known.pop(self._key(event), None)
            return
        self.stored += len(batch)
        for event in batch:
            self._known[self._key(event)] = True
        self._acknowledge(batch)
        while len(self._known) > _STORED:
            del self._known[next(iter(self._known))]

    def _acknowledge(self, events: Iterable[Received]) -> None:
        by_node: dict[str, list[tuple[int, int]]] = {}
        for event in events:
            # What was signed before a rotation too goes to the key of now: neighbours know no way to another
            by_node.setdefault(self._member.now_called(event.node_id), []).append((event.epoch, event.seq))
        for node, keys in by_node.items():
            for i in range(0, len(keys), BATCH):
                body = {"stored": keys[i : i + BATCH]}
                self._publish(self._member.seal(gl1.REPLY, body, now=self._clock(), to=node))

    @staticmethod
    def _key(event: Received) -> _Key:
        return (event.node_id, event.epoch, event.seq)
