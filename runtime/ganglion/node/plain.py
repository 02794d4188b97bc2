# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain MQTT topics of third parties, beside the mesh: what a script names comes onto the bus, marked as unsigned."""

import logging
from collections.abc import Collection
from typing import Any

from ganglion.bus import Bus, Pick, Routes
from ganglion.mesh.transport import Message, Transport
from ganglion.mova.plan import mqtt_topic
from ganglion.mova.trigger import KEPT, MQTT
from ganglion.node.payload import decode
from ganglion_micro.topic import matches

_log = logging.getLogger(__name__)

#: Topics whose route is remembered; a broker with more than these is only slower.
_MAX_ROUTES = 10_000


class PlainTopics:
    """Takes messages apart and emits each field that is asked for on the topic of `ganglion.mova.plan.mqtt_topic`.

    Args:
        bus: Where they go.
        transport: Whom to ask for them.

    Attributes:
        unreadable: Messages that `ganglion.node.payload` refuses, or that have nothing of what was asked for.
    """

    def __init__(self, bus: Bus, transport: Transport) -> None:
        self._bus = bus
        self._transport = transport
        self._wanted: dict[tuple[str, str], None] = {}
        self._routes: Routes = {}
        self._now = 0
        self.unreadable = 0

    def want(self, filter: str, field: str) -> None:
        """Asks for the topics of a filter; the value is at `field`, a dotted path, or is the whole payload for ""."""
        if (filter, field) not in self._wanted:
            self._wanted[filter, field] = None
            self._routes.clear()
            self._transport.subscribe(filter, 1)

    def keep(self, wanted: Collection[tuple[str, str]]) -> None:
        """Asks for these alone, each as of `want`; what is asked for already goes on without a gap."""
        for filter, field in wanted:
            self.want(filter, field)
        for gone in self._wanted.keys() - set(wanted):
            del self._wanted[gone]
            self._routes.clear()
            if not any(filter == gone[0] for filter, _ in self._wanted):
                self._transport.unsubscribe(gone[0])

    def take(self, messages: list[Message], now: int) -> None:
        """Emits what was asked for; `now` in nanoseconds is the time of all that arrived together."""
        self._now = now
        if any(message.retain for message in messages):  # they come after subscribing, and then no more
            for message in messages:
                self._take_slowly(message, 0)
        else:
            self._bus.take(messages, self._routes, now, self._take_slowly)

    def _take_slowly(self, message: Message, done: int) -> None:
        """What is no number beyond doubt, from one of the picks on; and what has no route yet."""
        topic, payload, _, retain = message
        source, picks = self._routes.get(topic) or self._route(topic)
        if retain:
            source = KEPT + topic
        if len(picks) == done:
            return
        try:
            value = decode(payload)
        except ValueError:
            self.unreadable += 1
            return
        found = done
        for handle, _, keys in picks[done:]:
            try:
                picked = _picked(value, keys)
            except LookupError:
                continue
            found += 1
            self._bus.emit(handle, picked, timestamp=self._now, source=source)
        self.unreadable += not found

    def _route(self, topic: str) -> tuple[str, tuple[Pick, ...]]:
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        # The whole message first: what is kept of it is there when a field of it fires
        fields = sorted(dict.fromkeys(field for filter, field in self._wanted if matches(filter, topic)), key=bool)
        picks = tuple((self._bus.topic(mqtt_topic(topic, field)), _path(field), _keys(field)) for field in fields)
        self._routes[topic] = route = (MQTT + topic, picks)
        return route


def _keys(field: str) -> tuple[str, ...]:
    return tuple(field.split(".")) if field else ()


def _path(field: str) -> bytes | None:
    """A field as the native core takes it, which knows no key without letters."""
    return None if field and "" in field.split(".") else field.encode()


def _picked(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(value, dict):
            raise LookupError(key)
        value = value[key]
    return value
