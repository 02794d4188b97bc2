# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told of events, and what is said of how that went."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganglion.bus.filter import Filter
from ganglion.bus.queue import Queue
from ganglion.bus.where import Where

if TYPE_CHECKING:
    from ganglion.bus.bus import Bus


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
    """A topic, how many events it had, and their type, "" where it has none."""

    name: str
    emitted: int
    type: str


class Subscription:
    """One callback and its filter, until `close`.

    Attributes:
        filter: The topic filter.
        where: The condition on values, if any.
        matching: The filter on events, if any.
        is_open: Whether it is told of events.
    """

    __slots__ = (
        "_bus", "_counts", "asks", "feeder", "feeder_of", "filter", "handle", "is_decided", "is_direct", "is_open",
        "matching", "queue", "symbols", "where",
    )  # fmt: skip

    def __init__(self, bus: "Bus", filter: str, where: Where | None) -> None:
        self._bus = bus
        self._counts = (0, 0)  # since it is closed
        self.filter = filter
        self.where = where
        self.matching: Filter | None = None
        self.symbols: list[Any] = []  # values that it has a symbol for
        self.asks = False  # whether it looks at sources or priorities
        self.feeder: Subscription | None = None  # who has to be closed with it
        self.feeder_of: Subscription | None = None
        self.queue: Queue | None = None
        self.is_decided = True  # by the core alone, without a look by Python
        self.is_direct = False  # whether the core fills the queue by itself
        self.handle = -1
        self.is_open = True

    @property
    def delivered(self) -> int:
        """Events that the callback was told of."""
        return self._bus._counts(self)[0] if self.is_open else self._counts[0]

    @property
    def failed(self) -> int:
        """Of these, how many made it raise."""
        return self._bus._counts(self)[1] if self.is_open else self._counts[1]

    def close(self) -> None:
        """Ends it; closing twice does nothing."""
        if self.is_open:
            self._counts = self._bus._drop(self)
            self.is_open = False
            if self.feeder is not None:
                self.feeder.close()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
