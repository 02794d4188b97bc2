# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told of events, and what is said of how that went."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ganglion.bus.filter import Filter
from ganglion.bus.queue import Queue
from ganglion.bus.where import Where
from ganglion.event import Event

if TYPE_CHECKING:
    from ganglion.bus.bus import Bus


class Emitted(NamedTuple):
    """What became of an event.

    Attributes:
        matched: Filters that match its topic.
        delivered: Callbacks that were told, and queues that it is in.
        dropped: Events that were lost in full queues: it itself, or others for its sake.
        failed: Callbacks that raised; they count as told.
        sequence: Its number.
    """

    matched: int
    delivered: int
    dropped: int
    failed: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counters since the bus was made.

    Attributes:
        topics, subscriptions: Known now.
        emitted: Events.
        delivered: Callbacks that were told, and events that went into queues.
        dropped: Events that were lost in full queues.
        failed: Callbacks that raised; the others were told all the same.
    """

    topics: int
    subscriptions: int
    emitted: int
    delivered: int
    dropped: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicStatistics:
    """A topic and how many events it had."""

    name: str
    emitted: int


class Told(list["Subscription"]):
    """Who is told of every event of a topic, without a look at the event; and how many there were."""

    __slots__ = ("events",)

    def __init__(self, subscriptions: Iterable["Subscription"]) -> None:
        super().__init__(subscriptions)
        self.events = 0


class Subscription:
    """One callback and its filter, until `close`.

    Attributes:
        filter: The topic filter.
        where: The condition on values, if any.
        matching: The filter on events, if any.
        delivered: Events that the callback was told of.
        failed: Of these, how many made it raise.
        is_open: Whether it is told of events.
    """

    __slots__ = (
        "_bus", "asks", "callback", "delivered", "failed", "feeder", "feeder_of", "filter", "handle", "is_open",
        "matching", "queue", "rest", "symbols", "where",
    )  # fmt: skip

    def __init__(self, bus: "Bus", filter: str, callback: Callable[[Event], object], where: Where | None) -> None:
        self._bus = bus
        self.filter = filter
        self.callback = callback
        self.where = where
        self.matching: Filter | None = None
        self.rest: list[Any] | None = None  # of the filter: what the core cannot decide
        self.symbols: list[Any] = []  # values that it has a symbol for
        self.asks = False  # whether it looks at sources or priorities
        self.feeder: Subscription | None = None  # who has to be closed with it
        self.feeder_of: Subscription | None = None
        self.queue: Queue | None = None
        self.handle = -1
        self.is_open = True
        self.delivered = 0
        self.failed = 0

    def close(self) -> None:
        """Ends it; closing twice does nothing."""
        if self.is_open:
            self.is_open = False
            self._bus._drop(self)
            if self.feeder is not None:
                self.feeder.close()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
