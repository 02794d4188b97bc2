# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python core, which boards run too, with the methods of `ganglion.bus.native`."""

from collections.abc import Sequence

from ganglion_micro.dispatch import Dispatch, Where

#: (op, field, symbol, number, integer), as in `gg_test`.
Test = tuple[int, int, int, float, int]

_NO_TOPIC = -2


class Core:
    """Topics, subscriptions and the state between them. See `ganglion.bus.native.Core`."""

    def __init__(self) -> None:
        self._dispatch = Dispatch()
        self._fired: list[int] = []
        self.topic = self._dispatch.topic
        self.unsubscribe = self._dispatch.unsubscribe
        self.take_due = self._dispatch.take_due
        self.attributes = self._dispatch.attributes
        self.emitted = self._dispatch.emitted

    def subscribe(self, filter: str, priority: int, where: Where, tests: Sequence[Test]) -> int:
        return self._dispatch.subscribe(filter, priority, where, list(tests))

    def emit(self, topic: int, number: float, now: int) -> int:
        try:
            self._fired = fired = self._dispatch.emit(topic, float(number), now)
        except IndexError:
            return _NO_TOPIC
        return self._dispatch.matched << 32 | len(fired)

    def emit_symbol(self, topic: int, symbol: int, changed: bool, now: int) -> int:
        try:
            self._fired = fired = self._dispatch.emit_symbol(topic, symbol, changed, now)
        except IndexError:
            return _NO_TOPIC
        return self._dispatch.matched << 32 | len(fired)

    def emit_many(
        self, topics: "memoryview[int]", numbers: "memoryview[float]", times: "memoryview[int]", start: int
    ) -> tuple[int, int, int]:
        try:
            taken, matched, self._fired = self._dispatch.emit_many(topics, numbers, times, start)
        except IndexError:
            return 0, 0, _NO_TOPIC
        return taken, matched, len(self._fired)

    def fired(self, count: int) -> list[int]:
        return self._fired

    @property
    def deadline(self) -> int:
        return self._dispatch.deadline
