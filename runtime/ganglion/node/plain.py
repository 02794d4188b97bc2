# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain MQTT topics of third parties, beside the mesh: what a script names comes onto the bus, marked as unsigned."""

import json
import logging
from typing import Any

from ganglion.bus import Bus, Pick, Routes
from ganglion.mesh.transport import Message, Transport
from ganglion.mova.plan import mqtt_topic
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
        unreadable: Messages that are neither JSON nor CBOR, or lack the field.
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

    def take(self, messages: list[Message], now: int) -> None:
        """Emits what was asked for; `now` in nanoseconds is the time of all that arrived together."""
        self._now = now
        self._bus.take(messages, self._routes, now, self._take_slowly)

    def _take_slowly(self, message: Message, done: int) -> None:
        """What is no number beyond doubt, from one of the picks on; and what has no route yet."""
        topic, payload, _, _ = message
        source, picks = self._routes.get(topic) or self._route(topic)
        if len(picks) == done:
            return
        try:
            value = _decode(payload)
            for handle, _, keys in picks[done:]:
                picked = value
                for key in keys:
                    picked = picked[key]
                self._bus.emit(handle, picked, timestamp=self._now, source=source)
        except (ValueError, LookupError, TypeError, RecursionError):
            self.unreadable += 1

    def _route(self, topic: str) -> tuple[str, tuple[Pick, ...]]:
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        fields = dict.fromkeys(field for filter, field in self._wanted if matches(filter, topic))
        picks = tuple((self._bus.topic(mqtt_topic(topic, field)), _path(field), _keys(field)) for field in fields)
        self._routes[topic] = route = (f"mqtt:{topic}", picks)
        return route


def _keys(field: str) -> tuple[str, ...]:
    return tuple(field.split(".")) if field else ()


def _path(field: str) -> bytes | None:
    """A field as the native core takes it, which knows no key without letters."""
    return None if field and "" in field.split(".") else field.encode()


def _decode(payload: bytes) -> Any:
    """The value of a payload: JSON where it is that, else CBOR, else text that is no JSON (`ON`, `open`)."""
    try:
        return json.loads(payload)
    except ValueError:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            import cbor2  # loaded where a device speaks CBOR on a plain topic

            return cbor2.loads(payload)
        return text
