# SPDX-License-Identifier: GPL-3.0-or-later
"""The triggers of a script on a device: what comes on its bus is compared as the core of a node compares it.

What `ganglion.mova.trigger` promises holds here, but for messages of plain MQTT, which a device has none of. Of a
filter with wildcards, 16 topics are known at a time.
"""

from ganglion_micro import match as m
from ganglion_micro import plan as p
from ganglion_micro.expression import MISSING, lookup
from ganglion_micro.steps import store
from ganglion_micro.topic import matches

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Topics of a filter, numbers in a window, and values of `dedupe` that are remembered.
TOPICS = 16
WINDOW = 64
SEEN = 32

_ON_TOPICS = (p.SENSOR, p.EVENT, p.INTENT, p.WEBHOOK)
_OPERATORS = (m.ABOVE, m.BELOW, m.BETWEEN, m.EQUALS, m.CHANGES, m.ABOVE, m.BELOW, m.ALWAYS)
_CROSSINGS = (5, 6)
_INF = float("inf")
_NAN = float("nan")


class Topic:
    """What a trigger knows of one topic."""

    __slots__ = ("armed", "last", "match", "other", "value")

    def __init__(self, where: "list[Any] | None") -> None:
        self.match = m.Match(0, 0, 0, _where(where), [], 0)
        self.other = m.Match(0, 0, 0, _other_side(where), [], 0) if where and where[0] in _CROSSINGS else None
        self.armed = False
        self.last = None  # type: Any
        self.value = None  # type: Any


class Trigger:
    """One trigger of a plan.

    Attributes:
        id: As the document names it.
        protocol: The index of the protocol that it runs.
    """

    def __init__(self, raw: "list[Any]", now: int) -> None:
        self.id = str(raw[p.TRIGGER_ID])
        self.protocol = raw[p.PROTOCOL]
        self._raw = raw
        self._topics = {}  # type: dict[str, Topic]
        self._seen = []  # type: list[Any]
        self._fired = None  # type: int | None
        self._due = None  # type: int | None
        if raw[p.SOURCE] == p.STARTED:
            self._due = now
        elif raw[p.SOURCE] == p.EVERY:
            self._due = now + raw[p.PERIOD]
        self._calendar = _calendar(raw) if raw[p.SOURCE] == p.SCHEDULED else None

    def feed(self, topic: str, value: "Any", now: int) -> "list[tuple[str, Any]]":
        """Topic and value of what an event fires at once, if it does: of a window the mean."""
        raw = self._raw
        if raw[p.SOURCE] not in _ON_TOPICS or not matches(raw[p.TOPIC], topic):
            return []
        if raw[p.WHERE] is None:
            return [(topic, value)] if self._passes(value, now) else []
        at = self._topics.get(topic)
        if at is None:
            if len(self._topics) >= TOPICS:
                del self._topics[next(iter(self._topics))]
            at = self._topics[topic] = Topic(raw[p.WHERE])
        number, symbol = _NAN, 0
        if isinstance(value, (int, float)):
            number = float(value)
        elif value == raw[p.WHERE][3]:
            symbol = 1
        changed = value != at.last
        at.last = value
        if at.other is not None and at.other.feed(number, symbol, changed, now) == m.TOLD:
            at.armed = True
        answer = at.match.feed(number, symbol, changed, now)
        if answer == m.NOTHING:
            return []
        at.value = at.match.number if raw[p.WHERE][9] else value
        fires = answer == m.TOLD and (at.other is None or at.armed) and self._passes(at.value, now)
        return [(topic, at.value)] if fires else []

    def due(self, now: int, time: int = 0) -> "list[tuple[str, Any]]":
        """Topic and value of what fires because time has passed.

        Args:
            time: Nanoseconds since the Unix epoch; 0 where nobody has said it yet.
        """
        found = []  # type: list[tuple[str, Any]]
        if self._calendar is not None and self._calendar.due(time):
            found.append(("schedule", None))
        if self._due is not None and now >= self._due:
            if self._raw[p.SOURCE] == p.EVERY:
                self._due = max(self._due + self._raw[p.PERIOD], now)
                found.append(("every", None))
            else:
                self._due = None
                found.append(("start", None))
        for topic in self._topics:
            at = self._topics[topic]
            due = at.match.due
            if due <= now:
                at.match.due = m.NEVER
                if at.match.may_fire(due) and (at.other is None or at.armed) and self._passes(at.value, now):
                    found.append((topic, at.value))
        return found

    def mapped(self, value: "Any", data: "dict[str, Any]") -> "dict[str, Any]":
        """The data of a session with what `map` names of an event's value."""
        data = dict(data)
        for path, source in self._raw[p.MAP]:
            found = lookup(["payload"] + source, {"payload": value}, {})
            if found is not MISSING:
                store(data, path, found)
        return data

    def _passes(self, value: "Any", now: int) -> bool:
        """`dedupe` and `cooldown`, where the bus has not seen to these."""
        raw = self._raw
        if raw[p.DEDUPE] is not None:
            found = lookup(["payload"] + raw[p.DEDUPE], {"payload": value}, {})
            if found is not MISSING:
                if repr(found) in self._seen:
                    return False
                self._seen = self._seen[1 - SEEN :] + [repr(found)]
        if raw[p.COOLDOWN]:
            if self._fired is not None and now - self._fired < raw[p.COOLDOWN]:
                return False
            self._fired = now
        return True


def unfit(raw: "list[Any]", streams: "Any") -> str:
    """Why a trigger cannot be on this device; empty where it can.

    Args:
        streams: Names of the device's readings.
    """
    source, topic = raw[p.SOURCE], raw[p.TOPIC]
    if source == p.MQTT:
        return "the trigger {} is for plain MQTT, which a leaf has not; have its parent say it".format(
            raw[p.TRIGGER_ID]
        )
    if source == p.SCHEDULED:
        try:
            _calendar(raw)
        except ImportError:
            return (
                'the trigger {} is for the calendar: write "calendar": true in agent.json, and send its modules'.format(
                    raw[p.TRIGGER_ID]
                )
            )
        except ValueError as error:
            return "the trigger {} {}".format(raw[p.TRIGGER_ID], error)
    if source == p.SENSOR:
        for stream in streams:
            if topic_of(stream) == topic:
                return ""
        known = ", ".join(sorted(streams)) or "none"
        return "the trigger {} is for {}, which is no sensor here; known are {}".format(raw[p.TRIGGER_ID], topic, known)
    return ""


def _calendar(raw: "list[Any]") -> "Any":
    """The schedule of a trigger, where this board has a calendar."""
    from ganglion_agent.calendar import Calendar

    return Calendar(raw[p.SCHEDULE])


def topic_of(stream: str) -> str:
    """The topic of the device's bus that readings of a stream are on."""
    return "sensor/" + stream.replace(".", "/")


def _where(where: "list[Any] | None") -> m.Where:
    if where is None:
        return m.Where()
    operator, low, high, value, edge, hysteresis, lasting, cooldown, sample, window = where
    symbol = 0
    if value is not None:
        if isinstance(value, (int, float)):
            low = float(value)
        else:
            symbol = 1
    return m.Where(
        op=_OPERATORS[operator],
        low=low or 0.0,
        high=high or 0.0,
        symbol=symbol,
        edge=edge,
        hysteresis=hysteresis,
        lasting=lasting,
        cooldown=cooldown,
        sample=sample,
        statistic=m.MEAN if window else 0,
        capacity=WINDOW if window else 0,
        span=window,
    )


def _other_side(where: "list[Any]") -> m.Where:
    """Where a value is before it crosses: the limit itself is not beyond it."""
    low, high = (-_INF, where[1]) if where[0] == _CROSSINGS[0] else (where[1], _INF)
    window = where[9]
    statistic, capacity = (m.MEAN, WINDOW) if window else (0, 0)
    return m.Where(m.BETWEEN, low, high, edge=True, statistic=statistic, capacity=capacity, span=window)
