# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions that a broker refused, asked for again after a while, ever less often. Runs on one event loop.

A refusal need not last: somebody gives the right, and a NATS cluster that is choosing its leaders answers with the same
code.
"""

import asyncio
from collections.abc import Callable

from ganglion.mesh.backoff import Backoff

#: Seconds until they are asked for again: bounds of the first and of the longest pause.
_PAUSE = (1.0, 60.0)


class Refusals:
    """What one connection was refused.

    Args:
        ask: Asks for filters, each with its QoS.
    """

    def __init__(self, ask: Callable[[list[tuple[str, int]]], None]) -> None:
        self._ask = ask
        self._backoff = Backoff(base=_PAUSE[0], cap=_PAUSE[1])
        self._filters: dict[str, int] = {}
        self._refused: set[str] = set()  # also while they are asked for again
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many were refused, and are not granted yet."""
        return len(self._refused)

    def add(self, filter: str, qos: int) -> None:
        """The broker refused it."""
        self._filters[filter] = qos
        self._refused.add(filter)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._backoff.delay(), self._due)

    def forget(self, filter: str) -> None:
        """It is granted, or asked for again now, or never."""
        self._filters.pop(filter, None)
        self._refused.discard(filter)

    def clear(self) -> None:
        """The connection is over: the next one asks for everything."""
        self._filters.clear()
        self._refused.clear()
        self._backoff.reset()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        filters, self._filters = self._filters, {}
        if filters:
            self._ask(list(filters.items()))
