# SPDX-License-Identifier: GPL-3.0-or-later
"""Readings on their way out: gathered for 20 ms or until a frame is full, then signed once."""

import asyncio
from collections.abc import Callable
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.frames import FRAME_SECONDS, Gatherer
from ganglion_micro import cbor


class Readings:
    """The readings of one member. Runs on one event loop.

    Args:
        send: Signs and sends a frame, for a group where it is confidential; whether anybody hears it. Telemetry is not
            kept.

    Attributes:
        frames: Sent.
        dropped: Readings that nobody was there to hear.
    """

    def __init__(self, send: Callable[[list[cbor.Encoded], bool], bool]) -> None:
        self._send = send
        self._gatherers = {False: Gatherer(), True: Gatherer()}  # by whether it is confidential
        self._timer: asyncio.TimerHandle | None = None
        self.frames = self.dropped = 0

    def add(self, stream: str, value: Any, timestamp: int, *, confidential: bool) -> None:
        """Takes a reading for the next frame.

        Raises:
            InvalidError: the value has no place in CBOR.
        """
        try:
            full = self._gatherers[confidential].add(stream, timestamp, value)
        except ValueError as error:
            raise InvalidError(f"the reading cannot be sent: {error}", where=stream) from error
        if full:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FRAME_SECONDS, self.flush)

    def flush(self) -> None:
        """Sends what was gathered so far."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for confidential, gatherer in self._gatherers.items():
            readings = gatherer.take()
            if readings and self._send(readings, confidential):
                self.frames += 1
            else:
                self.dropped += len(readings)
