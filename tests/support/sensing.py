# SPDX-License-Identifier: GPL-3.0-or-later
"""Sensors at work, with what they emit written down."""

import asyncio
import contextlib
import threading
from contextlib import asynccontextmanager

from ganglion.clock import Clock
from ganglion.sensors import Sensors


class Emitted:
    """Stands where the bus is: `(topic, value, timestamp, source, thread it came from)`, oldest first."""

    def __init__(self):
        self.events = []
        self._names = []

    def topic(self, name, *, type=""):
        self._names.append(name)
        return len(self._names) - 1

    def emit(self, topic, value, *, timestamp, source=""):
        self.events.append((self._names[topic], value, timestamp, source, threading.current_thread()))

    def values(self, topic):
        return [event[1] for event in self.events if event[0] == topic]


@asynccontextmanager
async def running(*all_sensors):
    """The registry with these sensors, and what it emits."""
    bus = Emitted()
    sensors = Sensors(bus, Clock())
    for each in all_sensors:
        sensors.add(each)
    task = asyncio.create_task(sensors.run())
    try:
        yield sensors, bus
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
