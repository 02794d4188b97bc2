# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers readings into one body, so that one signature serves many. It knows no clock: the caller keeps the 20 ms."""

from typing import Any

from ganglion.mesh import codec
from ganglion_micro import cbor

#: Bytes after which a frame goes out at once: one frame stays below an Ethernet frame with envelope and topic.
FRAME_BYTES = 1024
#: Seconds that the first reading of a frame waits for others.
FRAME_SECONDS = 0.02
#: Levels around a value in a frame: MSG, body, reading.
_AROUND = 3


class Gatherer:
    """The readings of the next frame, encoded as they come, so that a bad value is refused where it enters."""

    __slots__ = ("_bytes", "_readings")

    def __init__(self) -> None:
        self._readings: list[cbor.Encoded] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._readings)

    def add(self, stream: str, timestamp: int, value: Any) -> bool:
        """Takes a reading; whether the frame is full.

        Raises:
            CBORError: the value has no place in CBOR.
        """
        data = codec.encode([stream, timestamp, value], _AROUND - 1)
        self._readings.append(cbor.Encoded(data))
        self._bytes += len(data)
        return self._bytes >= FRAME_BYTES

    def take(self) -> list[cbor.Encoded]:
        """The body of a BATCH, and an empty frame is begun."""
        readings, self._readings, self._bytes = self._readings, [], 0
        return readings
