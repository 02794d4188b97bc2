# SPDX-License-Identifier: GPL-3.0-or-later
"""The triggers of a script that is loaded: subscriptions of the bus, which compares natively, and timers.

To be relied on:
- A sensor's trigger fires when its comparison becomes true; one on an event or message each time that it is true,
  unless `hysteresis` or `for` make it an edge, too. `rises` and `falls` fire when the value crosses: the first value
  that is seen never does. `window` compares the mean of the values in it.
- With `every` beside these, the latest value that would fire does so once in each such time.
- What fires later, by `for`, `every` or `cooldown`, does so with the latest value for which the comparison was true.
  `event.payload`, `map` and `dedupe` have the message which that value was in, whatever has come since on any topic.
- A message that the broker had kept tells how things are, and fires nothing but with `retained: true`, or where it
  stays so `for` as long as the trigger says.
- `every` alone counts from when the script was loaded. Ticks that were missed are not made up.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from ganglion.bus import Bus, Op, Statistic, Where, Window
from ganglion.event import Event
from ganglion.mova.lane import Lane
from ganglion.mova.plan import mqtt_topic
from ganglion.units import SECOND
from ganglion_micro import plan as p
from ganglion_micro.expression import MISSING, lookup
from ganglion_micro.steps import store

#: Values of the `dedupe` field that a trigger remembers; the oldest is forgotten first.
MAX_SEEN = 256
#: Topics of which a trigger keeps a message while its value has not fired; the oldest is forgotten first.
MAX_HELD = 256
#: How sources of plain MQTT messages begin, which nobody has signed, and of those that the broker had kept.
MQTT = "mqtt:"
KEPT = "mqtt-retained:"


class Bound(Protocol):
    """What a trigger holds on to while its script is loaded."""

    def close(self) -> None:
        """Lets go of it."""


class Trigger:
    """One trigger.

    Args:
        trigger: Of the plan.
        lane: Of the protocol that it runs.
        admit: Is given the trigger, the event and its payload when it fires.

    Attributes:
        id: As the document names it.
        has_map: Whether it takes values of a payload into the session.
        has_session: Whether a payload may name the session that a run goes on with.
    """

    __slots__ = (
        "_admit",
        "_armed",
        "_cooldown",
        "_crosses",
        "_dedupe",
        "_held",
        "_is_plain",
        "_plan",
        "_seen",
        "_since",
        "_takes_kept",
        "_whole",
        "has_map",
        "has_session",
        "id",
        "lane",
    )

    def __init__(self, trigger: list[Any], lane: Lane, admit: "Callable[[Trigger, Event, Any], None]") -> None:
        self.lane = lane
        self._plan = trigger
        self._admit = admit
        self._cooldown: int = trigger[p.COOLDOWN]
        self._since: int | None = None
        self._dedupe: list[Any] | None = trigger[p.DEDUPE]
        self._seen: dict[Any, None] = {}
        self._whole = Event("", None, 0)
        self._held: dict[str, Any] = {}
        self._armed: set[str] = set()
        where = trigger[p.WHERE]
        self._crosses = where is not None and p.COMPARISONS[where[0]] in ("rises", "falls")
        lasts = where is not None and where[6] > 0
        self._takes_kept = trigger[p.SOURCE] != p.MQTT or trigger[p.RETAINED] or lasts
        self._is_plain = not (self._cooldown or self._dedupe or trigger[p.WHOLE] or self._crosses)
        self.id = str(trigger[p.TRIGGER_ID])
        self.has_map = bool(trigger[p.MAP])
        self.has_session = trigger[p.SESSION] is not None

    def bind(self, bus: Bus, now: Callable[[], int]) -> list[Bound]:
        """Listens, or sets a timer, for which the event loop must be running. Schedules are the runner's to keep."""
        source, topic = self._plan[p.SOURCE], self._plan[p.TOPIC]
        if source == p.STARTED:
            return [_Once(lambda: self.fire(Event("start", None, now(), "start")))]
        if source == p.EVERY:
            return [_Ticker(self._plan[p.PERIOD], lambda: self.fire(Event("every", None, now(), "every")))]
        if source == p.SCHEDULED:
            return []
        bound: list[Bound] = []
        where = self._plan[p.WHERE]
        if self._plan[p.WHOLE]:
            whole = mqtt_topic(topic.removeprefix(mqtt_topic("", self._plan[p.FIELD])), "")
            bound.append(bus.subscribe(whole, self._keep))
            bound.append(bus.subscribe(topic, self._hold, where=None if where is None else _at_once(where)))
        if self._crosses:
            bound.append(bus.subscribe(topic, self._arm, where=other_side(where)))
        bound.append(bus.subscribe(topic, self.fire, where=None if where is None else compared(where)))
        return bound

    def fire(self, event: Event) -> None:
        """What the bus calls; what must not begin a run goes no further."""
        if not self._takes_kept and event.source.startswith(KEPT):
            return
        if self._is_plain:
            self._admit(self, event, event.value)
            return
        plan = self._plan
        if self._crosses and event.topic not in self._armed:
            return
        payload = self._held.pop(_mqtt_topic(event), None) if plan[p.WHOLE] else event.value
        if self._dedupe is not None and not self._is_new(lookup(["payload", *self._dedupe], {"payload": payload}, {})):
            return
        if self._cooldown:
            if self._since is not None and event.timestamp - self._since < self._cooldown:
                return
            self._since = event.timestamp
        self._admit(self, event, payload)

    def mapped(self, payload: Any, data: dict[str, Any]) -> dict[str, Any]:
        """The data of a session with what `map` names of a payload; what is not there is left out."""
        data = dict(data)
        for path, source in self._plan[p.MAP]:
            value = lookup(["payload", *source], {"payload": payload}, {})
            if value is not MISSING:
                store(data, path, value)
        return data

    def session_id(self, payload: Any) -> str | None:
        """The session that a run goes on with: what is said may name one, and payloads where the trigger says so."""
        named = lookup(["payload", *self._plan[p.SESSION]], {"payload": payload}, {})
        return str(named) if type(named) in (str, int) and named != "" else None

    def _keep(self, event: Event) -> None:
        """A whole message, which comes before its fields do."""
        self._whole = event

    def _hold(self, event: Event) -> None:
        """A value that fires, now or later: its message is kept for it."""
        topic, whole = _mqtt_topic(event), self._whole
        self._held.pop(topic, None)
        if len(self._held) >= MAX_HELD:
            del self._held[next(iter(self._held))]
        if _mqtt_topic(whole) == topic and whole.timestamp == event.timestamp:
            self._held[topic] = whole.value

    def _arm(self, event: Event) -> None:
        self._armed.add(event.topic)

    def _is_new(self, value: Any) -> bool:
        key = repr(value)
        if value is MISSING or key in self._seen:
            return value is MISSING
        if len(self._seen) >= MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return True


def session_key(script: str, session_id: str) -> str:
    """The id that a store knows a session by: scripts have no sessions together, whatever ids others give them."""
    return f"{script.replace('%', '%25').replace(':', '%3A')}:{session_id}"


def context(event: Event, payload: Any, id: str) -> dict[str, Any]:
    """What a script sees as `event`."""
    topic, value, timestamp, source, _ = event
    retained = False
    if source[:4] == "mqtt":
        retained = source.startswith(KEPT)
        if retained or source.startswith(MQTT):
            topic = source.partition(":")[2]  # the bus has a topic for each field of it
    return {
        "id": id,
        "source": source,
        "topic": topic,
        "value": value,
        "payload": payload,
        "timestamp": timestamp,
        "retained": retained,
    }


class _Once:
    """Fires in the next turn of the event loop."""

    def __init__(self, fire: Callable[[], None]) -> None:
        self._handle = asyncio.get_running_loop().call_soon(fire)

    def close(self) -> None:
        self._handle.cancel()


class _Ticker:
    """Fires again and again. The next time is counted from when the last was due: lateness does not add up."""

    def __init__(self, period: int, fire: Callable[[], None]) -> None:
        self._period = period / SECOND
        self._fire = fire
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + self._period
        self._handle = self._loop.call_at(self._due, self._tick)

    def close(self) -> None:
        self._handle.cancel()

    def _tick(self) -> None:
        self._due = max(self._due + self._period, self._loop.time())
        self._handle = self._loop.call_at(self._due, self._tick)
        self._fire()


_MAX = sys.float_info.max
_OPERATORS = {
    "above": Op.ABOVE,
    "below": Op.BELOW,
    "between": Op.BETWEEN,
    "equals": Op.EQUALS,
    "changes": Op.CHANGES,
    "rises": Op.ABOVE,
    "falls": Op.BELOW,
    "always": Op.ALWAYS,
}


def compared(where: list[Any]) -> Where:
    """What the bus compares for a trigger of a plan.

    Raises:
        ValueError: a limit is missing or no number.
    """
    operator, low, high, value, edge, hysteresis, lasting, cooldown, sample, window = where
    return Where(
        op=_OPERATORS[p.COMPARISONS[operator]],
        low=low,
        high=high,
        value=value,
        edge=edge,
        hysteresis=hysteresis,
        lasting=lasting,
        cooldown=cooldown,
        sample=sample,
        window=Window(statistic=Statistic.MEAN, span=window) if window else None,
    )


def _at_once(where: list[Any]) -> Where:
    """Whatever the bus would keep for later, told when it comes."""
    return replace(compared(where), edge=False, lasting=0, cooldown=0, sample=0)


def _mqtt_topic(event: Event) -> str:
    """The topic of a message, of any topic that `ganglion.mova.plan.mqtt_topic` gives it on the bus."""
    return event.topic.partition("/")[2]


def other_side(where: list[Any]) -> Where:
    """Where a value is before it crosses: the limit itself is not beyond it."""
    limit = where[1]
    low, high = (-_MAX, limit) if p.COMPARISONS[where[0]] == "rises" else (limit, _MAX)
    window = Window(statistic=Statistic.MEAN, span=where[9]) if where[9] else None
    return Where(op=Op.BETWEEN, low=low, high=high, edge=True, window=window)
