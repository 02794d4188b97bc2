# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a history, and one page of the answer. No I/O: blocks of readings in, a document out.

Readings are in the order in which they came, each with its time. Where a clock was set back between two starts, times
go back there, and nothing is sorted: a range of times finds readings from before and after.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion.history.block import Numbered, Reading, weight
from ganglion.units import SECOND, duration
from ganglion_micro.topic import is_filter, matches

#: Bytes of the readings of one answer; a message of the mesh has 64 KiB.
MOST_BYTES = 40 * 1024
#: Readings or intervals of one answer.
MOST = 5000
#: Readings that are looked at for one answer; where nothing else ends it, the next goes on from there.
MOST_SEEN = 50_000
#: A reading that came after a later one, by no more than this, counts in the interval of that one.
_LATE = 5 * SECOND
#: Of a row: for a reading, and for an interval.
READING = ("time", "topic", "value")
INTERVAL = ("time", "topic", "count", "mean", "least", "greatest")
#: Bytes around the value of a reading: its array, its time and the place of its topic.
_AROUND = 14
#: And of an interval: its array, time, topic, count and three numbers.
_INTERVAL = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question.

    Attributes:
        topic: A filter of topics.
        since, until: Nanoseconds since the Unix epoch, both included; None for any.
        newest: Whether the last come first.
        limit: Readings or intervals at most.
        every: Nanoseconds of an interval; 0 for the readings themselves.
        at: The number to go on at, as `next` of the page before has it.
    """

    topic: str = "#"
    since: int | None = None
    until: int | None = None
    newest: bool = False
    limit: int = MOST
    every: int = 0
    at: int | None = None


#: The parameters of `history.query`.
KEYS = ("topic", "since", "until", "order", "limit", "every", "at")


def asked(params: Mapping[str, Any], now: int) -> Query:
    """The question in the parameters of `history.query`.

    Args:
        params: `topic`, a filter; `since` and `until`, nanoseconds since the Unix epoch, or how long ago as in `1h`;
            `order`, `oldest` or `newest`; `limit`; `every`, as in `1m`; `at`. All may be missing.
        now: Nanoseconds since the Unix epoch.

    Raises:
        InvalidError: one is wrong.
    """
    topic, order = params.get("topic", "#"), params.get("order", "oldest")
    if not isinstance(topic, str) or not is_filter(topic):
        raise InvalidError(f"{topic!r} is no filter of topics", where="topic")
    if order not in ("oldest", "newest"):
        raise InvalidError(f"must be oldest or newest, not {order!r}", where="order")
    every = params.get("every")
    if every is not None and not duration(every, where="every"):
        raise InvalidError(f"{every}: an interval takes time, as 1m does", where="every")
    return Query(
        topic=topic,
        since=_time(params, "since", now),
        until=_time(params, "until", now),
        newest=order == "newest",
        limit=_whole(params, "limit", MOST, 1, MOST),
        every=0 if every is None else duration(every, where="every"),
        at=None if params.get("at") is None else _whole(params, "at", 0, 0, 2**63),
    )


def _time(params: Mapping[str, Any], key: str, now: int) -> int | None:
    given = params.get(key)
    if given is None or type(given) is int:
        return given
    if not isinstance(given, str):
        raise InvalidError("must be nanoseconds since the Unix epoch, or how long ago as in 1h", where=key)
    return now - duration(given, where=key)


def _whole(params: Mapping[str, Any], key: str, otherwise: int, low: int, high: int) -> int:
    given = params.get(key, otherwise)
    if type(given) is not int or not low <= given <= high:
        raise InvalidError(f"must be a whole number from {low} to {high}, not {given!r}", where=key)
    return given


@dataclass(slots=True)
class _Interval:
    """Numbers of one topic in one interval."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    greatest: float = 0.0

    def add(self, value: float) -> None:
        self.least = value if not self.count else min(self.least, value)
        self.greatest = value if not self.count else max(self.greatest, value)
        self.count += 1
        self.total += value


class Page:
    """One answer, as it grows.

    Attributes:
        next: Where the next one goes on; None where this is the last.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._topics: dict[str, int] = {}
        self._passed: dict[str, bool] = {}
        self._rows: list[list[Any]] = []
        self._room = MOST_BYTES
        self._seen = 0
        self._open: dict[str, _Interval] = {}
        self._at: int | None = None
        self._began = 0
        self._newest = 0
        self.next: int | None = None

    def fill(self, blocks: Iterable[Numbered]) -> "Page":
        """Takes readings until it is full, or they end."""
        for number, reading in self._readings(blocks):
            self._seen += 1
            if not self._wants(reading):
                # The end of a look that finds little; an interval that is open begins anew on the next page.
                if self._seen >= MOST_SEEN and (self._at is None or self._rows):
                    self.next = number if self._at is None else self._began
                    return self
            elif not (self._count(number, reading) if self._query.every else self._take(number, reading)):
                return self
        self._close(None)
        return self

    def document(self) -> dict[str, Any]:
        """What is answered: `columns` names the parts of `rows`, whose topics are places in `topics`."""
        columns = INTERVAL if self._query.every else READING
        return {"columns": list(columns), "topics": list(self._topics), "rows": self._rows, "next": self.next}

    def _readings(self, blocks: Iterable[Numbered]) -> Iterable[tuple[int, Reading]]:
        at = self._query.at
        for first, readings in blocks:
            for i in range(len(readings))[:: -1 if self._query.newest else 1]:
                number = first + i
                if at is None or (number <= at if self._query.newest else number >= at):
                    yield number, readings[i]

    def _wants(self, reading: Reading) -> bool:
        query = self._query
        if (query.since is not None and reading.time < query.since) or (
            query.until is not None and reading.time > query.until
        ):
            return False
        if (passed := self._passed.get(reading.topic)) is None:
            passed = self._passed[reading.topic] = matches(query.topic, reading.topic)
        return passed

    def _take(self, number: int, reading: Reading) -> bool:
        size = _AROUND + weight(reading.value) + self._cost(reading.topic)
        if len(self._rows) == self._query.limit or size > self._room:
            self.next = number
            return False
        self._room -= size
        self._rows.append([reading.time, self._topic(reading.topic), reading.value])
        return True

    def _count(self, number: int, reading: Reading) -> bool:
        value = reading.value
        if not isinstance(value, int | float):
            return True
        late = (reading.time - self._newest) * (-1 if self._query.newest else 1)
        time = reading.time if self._at is None or not -_LATE < late < 0 else self._newest
        at = time // self._query.every
        if self._at is not None and at != self._at:
            if not self._close(number):
                return False
            if self._seen >= MOST_SEEN or len(self._rows) >= self._query.limit:
                self.next = number
                return False
        if self._at is None:
            self._at, self._began = at, number
        self._newest = time
        self._open.setdefault(reading.topic, _Interval()).add(float(value))
        return True

    def _close(self, number: int | None) -> bool:
        """Ends the interval that is open; False where it has to wait for the next page."""
        if self._at is None:
            return True
        cost = sum(_INTERVAL + self._cost(topic) for topic in self._open)
        if cost > self._room or len(self._rows) + len(self._open) > self._query.limit:
            if not self._rows:
                raise InvalidError(
                    f"an interval has {len(self._open)} topics, and no answer holds so many: ask for fewer",
                    where="topic",
                )
            self.next = self._began
            return False
        self._room -= cost
        start = self._at * self._query.every
        for topic, each in sorted(self._open.items()):
            row = [start, self._topic(topic), each.count, each.total / each.count, each.least, each.greatest]
            self._rows.append(row)
        self._open.clear()
        self._at = None
        return True

    def _topic(self, name: str) -> int:
        return self._topics.setdefault(name, len(self._topics))

    def _cost(self, topic: str) -> int:
        return 0 if topic in self._topics else len(topic.encode()) + 3
