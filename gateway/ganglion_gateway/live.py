# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet says, as it is said, for whoever watches: a bus of the gateway's own, and a bounded queue a watcher.

Topics are the node's name and what the node calls it: `fridge/sensor/fridge/temperature`, `fridge/alert/fridge`. What
is for another node has its name too: `fridge/node:hall/note/heat`. What all share has no name: `/kv/shared/target`.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ganglion.bus import Bus, Filter, Queue
from ganglion.errors import InvalidError
from ganglion.mova.ports import addressed
from ganglion.reader import Reader
from ganglion_gateway.fleet import Node
from ganglion_gateway.rows import marked
from ganglion_gateway.stream.channels import channel
from ganglion_gateway.stream.ring import Ring

#: Events that wait for one watcher; beyond, the oldest are dropped and counted.
QUEUE = 1000


class Watcher:
    """One who watches; made by `Live.watch`."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._reader = Reader(queue)
        self._told = 0  # of the events that were lost

    async def next(self, *, within: float) -> list[dict[str, Any]]:
        """What came since the last call, at least one; an empty list where nothing did within so many seconds.

        Each is a document with an event's fields; the first may be `{"dropped": n}`: so many were lost before it.
        """
        try:
            async with asyncio.timeout(within):
                await self._reader.wait()
        except TimeoutError:
            return []
        lost = self._queue.statistics().dropped - self._told
        self._told += lost
        documents: list[dict[str, Any]] = [{"dropped": lost}] if lost else []
        return documents + [event._asdict() for event in self._queue.drain()]


class Live:
    """The events of the fleet, while somebody watches.

    Attributes:
        ring: The same and more, as `/ws` tells it.
    """

    def __init__(self) -> None:
        self.ring = Ring()
        self._news = asyncio.Event()
        self._bus = Bus()
        self._watchers = 0

    @contextmanager
    def watch(self, topic: str, where: Filter | None) -> Iterator[Watcher]:
        """Watches until the block ends.

        Raises:
            InvalidError: `topic` is no topic filter.
        """
        try:
            subscription, queue = self._bus.queue(topic, capacity=QUEUE, matching=where)
        except ValueError as error:
            raise InvalidError(str(error), where="topic") from None
        self._watchers += 1
        try:
            yield Watcher(queue)
        finally:
            subscription.close()
            self._watchers -= 1
            if not self._watchers:
                self._bus = Bus()  # it remembers every topic, and whoever speaks may make up any number of them

    def readings(self, name: str, rows: Iterable[dict[str, Any]], *, wrong: bool = False) -> None:
        """Rows of `readings`, of a node with this name; `wrong`: its clock is."""
        if self.is_heard:
            rows = list(rows)
            for row in rows:
                number = row["value"] if row["number"] is None else row["number"]
                told = {"node": row["node"], "name": name, "sensor": row["sensor"], "value": number}
                self.tell("readings", name, row["sensor"], data={**told, "timestamp": row["timestamp"]})
        if self._watchers:
            for row in rows:
                value = row["value"] if row["number"] is None else row["number"]
                self._emit(
                    name,
                    f"sensor/{row['sensor'].replace('.', '/')}",
                    value,
                    row["timestamp"],
                    marked(row["sensor"], wrong),
                )

    def event(self, name: str, row: dict[str, Any], *, to: str = "") -> None:
        """A row of `events`; `to` is the node that it is for, if it is for one."""
        if self.is_heard:
            told = {key: row[key] for key in ("id", "node", "topic", "value", "source", "run", "timestamp")}
            self.tell("events", name, row["cls"], data={**told, "name": name, "class": row["cls"], "to": to or None})
        if self._watchers:
            self._emit(name, addressed(row["topic"], to), row["value"], row["timestamp"], row["source"])

    def presence(self, node: Node) -> None:
        """A node has come or gone."""
        told = {"node": node.id, "name": node.name, "online": node.online, "last_seen": node.last_seen}
        self.tell("presence", node.name, data=told)

    def consent(self, document: dict[str, Any]) -> None:
        """A command waits for a person, or one has decided on it."""
        self.tell("consents", document["name"], data=document)

    @property
    def is_heard(self) -> bool:
        """Whether it matters what is said on the channels of `/ws`."""
        return self.ring.is_heard(time.monotonic())

    def tell(self, kind: str, *levels: str, data: dict[str, Any]) -> None:
        """Says something on a channel of `/ws`: see the table of channels. Costs nothing where nobody follows any."""
        now = time.monotonic()
        if self.ring.is_heard(now):
            self.ring.say(channel(kind, *levels), data, now)
            self._news.set()
            self._news = asyncio.Event()

    async def news(self, within: float) -> None:
        """Returns when something more is said on a channel, or so many seconds later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()

    def shared(self, key: str, value: Any, timestamp: int, source: str) -> None:
        """What all members share is another at a key."""
        if self._watchers:
            self._bus.emit(shared(key), value, timestamp=timestamp, source=source)

    def _emit(self, name: str, topic: str, value: Any, timestamp: int, source: str) -> None:
        self._bus.emit(_topic(name, topic), value, timestamp=timestamp, source=source)


def shared(key: str) -> str:
    """The topic of a key that all members share: one that no node can speak on."""
    return f"/kv/{key}".translate(_NO_WILDCARDS)


def _topic(name: str, topic: str) -> str:
    """A name is one level, and neither has wildcards: a node may call itself and its topics what it likes."""
    level = name.replace("/", "_") or "_"
    return f"{level}/{topic}".translate(_NO_WILDCARDS)


_NO_WILDCARDS = str.maketrans("+#\x00", "___")
