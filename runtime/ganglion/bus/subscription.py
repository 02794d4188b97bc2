# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told of events, and what is said of how that went."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ganglion.bus.filter import Filter
from ganglion.bus.queue import Queue
from ganglion.bus.where import Where

if TYPE_CHECKING:
    from ganglion.bus.registry import Registry


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


@dataclass(slots=True)
class Ties:
    """What a subscription has that most have not.

    Attributes:
        matching: The filter on events.
        queue: Where its events go.
        symbols: Values that it has a symbol for.
        asks: Whether it looks at sources or priorities.
        is_decided: By the core alone, without a look by Python.
        is_direct: Whether the core fills its queue by itself.
        feeder: Who has to be closed with it.
        is_feeder: Whether it is one.
        prefix: Of the topics that it emits on, if it is.
        counts: What it was told, since it is closed.
    """

    matching: Filter | None = None
    queue: Queue | None = None
    symbols: list[Any] = field(default_factory=list)
    asks: bool = False
    is_decided: bool = True
    is_direct: bool = False
    feeder: "Subscription | None" = None
    is_feeder: bool = False
    prefix: str = ""
    counts: tuple[int, int] = (0, 0)


class Subscription:
    """One callback and its filter, until `close`. There may be very many, so most of them are four words.

    Attributes:
        filter: The topic filter.
        where: The condition on values, if any.
    """

    __slots__ = ("_registry", "filter", "handle", "rare", "where")

    def __init__(self, registry: "Registry", filter: str, where: Where | None) -> None:
        self._registry = registry
        self.filter = filter
        self.where = where
        self.rare: Ties | None = None
        self.handle = -1

    @property
    def ties(self) -> Ties:
        """What few have; made where there is none."""
        if self.rare is None:
            self.rare = Ties()
        return self.rare

    @property
    def is_open(self) -> bool:
        """Whether it is told of events."""
        return self.handle >= 0

    @property
    def is_feeder(self) -> bool:
        """Whether nobody has made it: it filters for another one."""
        return self.rare is not None and self.rare.is_feeder

    @property
    def matching(self) -> Filter | None:
        """The filter on events, if any."""
        return self.rare.matching if self.rare is not None else None

    @property
    def queue(self) -> Queue | None:
        """Where its events go, if not to a callback."""
        return self.rare.queue if self.rare is not None else None

    @property
    def delivered(self) -> int:
        """Events that the callback was told of."""
        return self._counts()[0]

    @property
    def failed(self) -> int:
        """Of these, how many made it raise."""
        return self._counts()[1]

    def _counts(self) -> tuple[int, int]:
        return self._registry.counts(self) if self.is_open else self.ties.counts

    def close(self) -> None:
        """Ends it; closing twice does nothing."""
        if self.is_open:
            handle, self.handle = self.handle, -1
            self.ties.counts = self._registry.drop(self, handle)
            if self.ties.feeder is not None:
                self.ties.feeder.close()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
