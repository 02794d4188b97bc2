# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that leave slowly: a device that has no flow control loses what comes faster than it reads."""

#: Bytes that leave together: what the smallest UART keeps while its device is busy.
PIECE = 32


class Paced:
    """A queue of bytes. Time is an argument, in seconds.

    Args:
        rate: Bytes a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._waiting = bytearray()
        self._next = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, data: bytes) -> None:
        """Has more leave, after what waits."""
        self._waiting += data

    def clear(self) -> None:
        """Forgets what has not left."""
        self._waiting.clear()

    @property
    def deadline(self) -> float | None:
        """When more may leave; None where nothing waits."""
        return self._next if self._waiting else None

    def due(self, now: float) -> bytes:
        """What leaves now; b"" before its time."""
        if not self._waiting or now < self._next:
            return b""
        piece = bytes(self._waiting[:PIECE])
        del self._waiting[:PIECE]
        self._next = now + len(piece) / self._rate
        return piece
