# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that waits for an event of the bus, for so long."""

import asyncio
from collections.abc import Callable

from ganglion.bus import Bus
from ganglion.event import Event
from ganglion.units import SECOND
from ganglion_micro.effects import Listen


class Listening:
    """Listens for the effect until it is cancelled; the event loop must be running.

    Args:
        heard: Called with each event, and with None when time is over.
    """

    def __init__(self, bus: Bus, effect: Listen, heard: Callable[[Event | None], None]) -> None:
        self._subscription = bus.subscribe(effect.topic, heard) if effect.topic else None
        self._timer = asyncio.get_running_loop().call_later(effect.ns / SECOND, heard, None) if effect.ns else None

    def cancel(self) -> None:
        """Lets go of both."""
        if self._timer is not None:
            self._timer.cancel()
        if self._subscription is not None:
            self._subscription.close()
