# SPDX-License-Identifier: GPL-3.0-or-later
"""What a computed sensor learns of its input from before it began, out of what the node has kept of its bus."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")
#: Time, in nanoseconds since the Unix epoch, and value of each reading, in the order in which they came.
Readings = Iterator[tuple[int, Any]]

#: Seconds that the history has, before a sensor begins without it.
_PATIENCE = 120.0


class Past(Protocol):
    """What a node has kept of its bus."""

    async def __call__(self, topic: str, take: Callable[[Readings], T]) -> T:
        """What a function makes, on another thread, of the readings of a topic."""
        ...


async def recall(past: Past, topic: str, learnt: Callable[[Readings], Callable[[], None] | None], *, name: str) -> None:
    """Has a sensor learn from what is kept of a topic. What comes meanwhile is not learnt from.

    Args:
        learnt: `Computed.learnt`; what it returns is called here, on the loop.
        name: Of the sensor.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            take_over = await past(topic, learnt)
    except (OSError, TimeoutError) as error:
        _log.warning("sensor %s learns anew, for the history cannot be read: %s", name, error or "it takes too long")
    else:
        if take_over is not None:
            take_over()
