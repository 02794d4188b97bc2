# SPDX-License-Identifier: GPL-3.0-or-later
"""The native core through cffi, with the methods of `ganglion.bus.twin`.

The import fails where the build has no native module, or where cffi is not installed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ganglion._native import ffi, lib
from ganglion.bus.twin import Test
from ganglion_micro.dispatch import Where


class Core:
    """Topics, subscriptions and the state between them, in C: native/include/ganglion.h says what each call means.

    Attributes:
        emit: `emit(topic, number, now)`: how many filters match the topic, times 2**32, plus how many subscriptions are
                told; -1 without memory, -2 where there is no such topic. Another one after each `subscribe`.
        emit_symbol: The same for `emit_symbol(topic, symbol, changed, now)`.
    """

    emit: Callable[[int, float, int], int]
    emit_symbol: Callable[[int, int, bool, int], int]

    def __init__(self) -> None:
        self._bus = ffi.gc(_memory(lib.gg_bus_new()), lib.gg_bus_free)
        self.attributes = partial(lib.gg_bus_attributes, self._bus)
        self.emitted = partial(lib.gg_bus_emitted, self._bus)
        self._due: Any = ffi.new("int32_t[2]")
        self._counts: Any = ffi.new("int64_t[2]")
        self._make_room(16)

    def _make_room(self, room: int) -> None:
        self._room = room
        self._fired: Any = ffi.new("int32_t[]", room)
        self.emit = partial(lib.gg_bus_emit, self._bus, self._fired)
        self.emit_symbol = partial(lib.gg_bus_emit_symbol, self._bus, self._fired)

    def emit_many(
        self, topics: "memoryview[int]", numbers: "memoryview[float]", times: "memoryview[int]", start: int
    ) -> tuple[int, int, int]:
        """Emits from `start` on until somebody is told: how many, the sum of the filters that match, how many are told.

        The third is -1 or -2, as of `emit`, where the next one fails.
        """
        counts = self._counts
        taken = lib.gg_bus_emit_many(
            self._bus,
            self._fired,
            ffi.from_buffer("int32_t[]", topics) + start,
            ffi.from_buffer("double[]", numbers) + start,
            ffi.from_buffer("int64_t[]", times) + start,
            len(topics) - start,
            counts,
        )
        return taken, counts[0], counts[1]

    def fired(self, count: int) -> list[int]:
        """The subscriptions that were told last, in order."""
        handles: list[int] = ffi.unpack(self._fired, count)
        return handles

    def topic(self, name: str) -> int:
        data = name.encode()
        return _handle(lib.gg_bus_topic(self._bus, data, len(data)))

    def subscribe(self, filter: str, priority: int, where: Where, tests: Sequence[Test]) -> int:
        data = filter.encode()
        fields = {
            "op": where.op,
            "edge": where.edge,
            "low": where.low,
            "high": where.high,
            "symbol": where.symbol,
            "hysteresis": where.hysteresis,
            "lasting": where.lasting,
            "cooldown": where.cooldown,
        }
        condition, predicate = ffi.new("gg_where *", fields), ffi.new("gg_test[]", list(tests))
        handle = _handle(lib.gg_bus_subscribe(self._bus, data, len(data), priority, condition, predicate, len(tests)))
        if handle >= self._room:
            self._make_room(2 * self._room)
        return handle

    def unsubscribe(self, subscription: int) -> None:
        lib.gg_bus_unsubscribe(self._bus, subscription)

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
    if handle == -3:
        raise ValueError("the tests of a subscription are no predicate")
    if handle < 0:
        raise MemoryError("the bus has no memory for another topic or subscription")
    return int(handle)
