# SPDX-License-Identifier: GPL-3.0-or-later
"""Serial lines in memory: what one end writes, the other reads."""

from collections.abc import Callable


class SimSerial:
    """One end of a serial line. Without another end, what is written is kept in `sent`."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.settings: dict[str, int | None] = {}
        self.breaks = 0
        self._received = bytearray()
        self._other: SimSerial | None = None
        self._listener: Callable[[], None] | None = None

    def join(self, other: "SimSerial") -> None:
        """Crosses the wires of two ends; an end joined to itself hears itself."""
        self._other, other._other = other, self

    def configure(self, *, baudrate: int, bits: int, parity: int | None, stop: int) -> None:
        self.settings = {"baudrate": baudrate, "bits": bits, "parity": parity, "stop": stop}

    def feed(self, data: bytes) -> None:
        """Lets bytes arrive."""
        self._received += data
        if self._listener is not None:
            self._listener()

    def any(self) -> int:
        return len(self._received)

    def read(self, count: int) -> bytes:
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def write(self, data: bytes) -> int:
        if self._other is None:
            self.sent += data
        else:
            self._other.feed(data)
        return len(data)

    def drain(self) -> None:
        """Nothing waits."""

    def send_break(self) -> None:
        self.breaks += 1

    def close(self) -> None:
        self._listener = None

    def listen(self, received: Callable[[], None] | None) -> None:
        self._listener = received
