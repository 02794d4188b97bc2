# SPDX-License-Identifier: GPL-3.0-or-later
"""The native core through cffi, with the methods of its twin `ganglion_micro.dispatch.Dispatch`.

The import fails where the build has no native module.
"""

from typing import Any

from ganglion._native import ffi, lib
from ganglion_micro.dispatch import Where


class Dispatch:
    """Topics, subscriptions and the state between them, in C. See the twin for what each method does."""

    def __init__(self) -> None:
        self._bus = ffi.gc(_memory(lib.gg_bus_new()), lib.gg_bus_free)
        self._emit = lib.gg_bus_emit
        self._room = 16
        self._fired: Any = ffi.new("int32_t[]", self._room)
        self._matched: Any = ffi.new("int32_t *")
        self._due: Any = ffi.new("int32_t[2]")

    @property
    def matched(self) -> int:
        """How many filters matched at the last `emit`."""
        return int(self._matched[0])

    def topic(self, name: str) -> int:
        data = name.encode()
        return _handle(lib.gg_bus_topic(self._bus, data, len(data)))

    def subscribe(self, filter: str, priority: int, where: Where) -> int:
        fields = (where.op, int(where.edge), where.low, where.high, where.hysteresis, where.lasting, where.cooldown)
        data = filter.encode()
        handle = _handle(lib.gg_bus_subscribe(self._bus, data, len(data), priority, ffi.new("gg_where *", fields)))
        if handle >= self._room:
            self._room *= 2
            self._fired = ffi.new("int32_t[]", self._room)
        return handle

    def unsubscribe(self, subscription: int) -> None:
        lib.gg_bus_unsubscribe(self._bus, subscription)

    def emit(self, topic: int, value: float, now: int) -> list[int]:
        count = self._emit(self._bus, topic, value, now, self._fired, self._matched)
        if count <= 0:
            if count < 0:
                raise MemoryError("the bus has no memory for the subscriptions of a topic")
            return []
        fired: list[int] = ffi.unpack(self._fired, count)
        return fired

    @property
    def deadline(self) -> int:
        return int(lib.gg_bus_deadline(self._bus))

    def take_due(self, now: int) -> tuple[int, int] | None:
        if lib.gg_bus_take_due(self._bus, now, self._due, self._due + 1):
            return int(self._due[0]), int(self._due[1])
        return None


def _memory(pointer: Any) -> Any:
    if pointer == ffi.NULL:
        raise MemoryError("no memory for a bus")
    return pointer


def _handle(handle: int) -> int:
    if handle < 0:
        raise MemoryError("the bus has no memory for another topic or subscription")
    return int(handle)
