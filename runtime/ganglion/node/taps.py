# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets somebody far away look at what flows through the bus: a queue that is emptied request by request.

The first request of an id opens it and every one says the same, so a node that was started anew just goes on. Whoever
stops asking is forgotten.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ganglion.bus import Bus, Filter, Queue, Subscription
from ganglion.errors import InvalidError, RefusedError
from ganglion.event import Event
from ganglion.mesh.parameters import takes
from ganglion.reader import Reader
from ganglion_micro import cbor

#: Taps at the same time, and seconds without a request until one is closed.
MOST = 8
FORGOTTEN = 30.0
#: Seconds a request may wait for an event.
LONGEST = 5.0
#: Events that wait for the next request, and bytes of one answer; a value that is larger by itself is not shown.
CAPACITY = 256
BYTES = 16_384
#: The size of what has no CBOR.
_NEVER = 1 << 62


class _Tap:
    def __init__(self, subscription: Subscription, queue: Queue) -> None:
        self.subscription = subscription
        self.queue = queue
        self.reader = Reader(queue)
        self.asked = 0.0
        self.dropped = 0
        self.left: Event | None = None


class Taps:
    """Those of one node.

    Args:
        bus: What is looked at.
        monotonic: Seconds.
    """

    def __init__(self, bus: Bus, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._monotonic = monotonic
        self._taps: dict[str, _Tap] = {}

    @takes("id", "topic", "type", "where", "wait", "end")
    async def watch(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What came since the request before, or comes soon: `{"events": […], "dropped": n}`.

        Args:
            params: `id`, a text that is this watcher's alone; `topic`, `type` and `where` as `Bus.subscribe` takes
                them; `wait`, the seconds to wait for an event, at most `LONGEST`; `end`, true for who asks no more.

        Raises:
            InvalidError: no filter, or no id.
            RefusedError: too many watch already.
        """
        self.forget()
        if params.get("end") is True:
            self._close(params.get("id"))
            return {"events": [], "dropped": 0}
        wait = params.get("wait", 0)
        if not isinstance(wait, int | float):
            raise InvalidError(f"must be seconds, not {wait!r}", where="wait")
        tap = self._find(params)
        tap.asked = self._monotonic() + LONGEST
        with suppress(TimeoutError):
            if tap.left is None:
                async with asyncio.timeout(min(max(wait, 0), LONGEST)):
                    await tap.reader.wait()
        tap.asked = self._monotonic()
        events = _take(tap)
        dropped, tap.dropped = tap.queue.statistics().dropped - tap.dropped, tap.queue.statistics().dropped
        return {"events": events, "dropped": dropped}

    def forget(self) -> None:
        """Closes those that nobody asks for any more."""
        for id, tap in list(self._taps.items()):
            if self._monotonic() - tap.asked > FORGOTTEN:
                self._close(id)

    def _close(self, id: object) -> None:
        if isinstance(id, str) and (tap := self._taps.pop(id, None)) is not None:
            tap.subscription.close()

    def _find(self, params: dict[str, Any]) -> _Tap:
        id = params.get("id")
        if not isinstance(id, str) or not 1 <= len(id) <= 64:
            raise InvalidError("must be a text of 1 to 64 letters", where="id")
        if id in self._taps:
            return self._taps[id]
        if len(self._taps) >= MOST:
            raise RefusedError(f"{MOST} watch this node's bus already; one that ends is forgotten in {FORGOTTEN:.0f} s")
        topic, type = params.get("topic", "#"), params.get("type", "")
        if not isinstance(topic, str) or not isinstance(type, str):
            raise InvalidError("topic and type must be texts")
        where = params.get("where")
        matching = None if where is None else Filter(where)
        try:
            tap = _Tap(*self._bus.queue(topic, capacity=CAPACITY, matching=matching, type=type))
        except ValueError as error:
            raise InvalidError(str(error)) from None
        self._taps[id] = tap
        return tap


def _take(tap: _Tap) -> list[dict[str, Any]]:
    """As many as fit an answer."""
    found, room = [], BYTES
    while (event := tap.left or tap.queue.take()) is not None:
        tap.left = None
        document = {**event._asdict(), "priority": int(event.priority)}
        size = _size(document)
        if size > BYTES:
            why = "cannot be shown" if size == _NEVER else "too large to be shown"
            document["value"] = f"({type(event.value).__name__}, {why})"
            size = _size(document)
        if size > room:
            tap.left = event
            break
        room -= size
        found.append(document)
    return found


def _size(document: dict[str, Any]) -> int:
    try:
        return len(cbor.encode(document))
    except ValueError:
        return _NEVER
