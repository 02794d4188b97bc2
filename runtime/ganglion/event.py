# SPDX-License-Identifier: GPL-3.0-or-later
"""What flows through a node: one reading, one state change, one alert is an `Event`."""

from enum import IntEnum
from typing import Any, NamedTuple


class Priority(IntEnum):
    """Who goes first when several events wait."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


class Event(NamedTuple):
    """One fact. A tuple, because one is made for each delivery and a frozen dataclass costs three times as much.

    Attributes:
        topic: MQTT topic name (3.1.1 section 4.7), for example `sensor/fridge/temperature`.
        value: A number or bool on the fast path, any CBOR value otherwise.
        timestamp: Nanoseconds since the Unix epoch, monotonic per source.
        source: Where it came from: a sensor's id, `mqtt:` and a topic for unsigned third-party messages, a run's id.
        priority: 0 (low) to 3 (urgent).
    """

    topic: str
    value: Any
    timestamp: int
    source: str = ""
    priority: int = Priority.NORMAL
