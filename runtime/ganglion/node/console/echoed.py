# SPDX-License-Identifier: GPL-3.0-or-later
"""What was typed at a serial port, as far as it may be kept: the lines that the device has shown while they were typed.

A device that shows nothing of what it gets may have asked for a password, or be given a program: of that it is kept how
many bytes they were. Pure; time is an argument, in seconds.
"""

from collections import deque

from ganglion.redacted import Entered

#: Bytes of a line, beyond which it is none, and of what a device says that are looked through for it.
_LONGEST, _HEARD = 1000, 4096
#: Seconds within which a device shows a line again, and lines that wait for that.
_WITHIN, _MOST = 2.0, 64
#: Bytes that are not kept, after which it is said how many they were.
_MANY = 64 * 1024


class Echoed:
    """What one person types."""

    def __init__(self) -> None:
        self._entered = Entered()
        self._line = bytearray()
        self._bytes = 0  # of the line, with those that are no letters
        self._heard = bytearray()  # since the first line began that is not decided
        self._waiting: deque[tuple[str, int, float]] = deque()
        self._unshown = 0

    def typed(self, data: bytes, now: float) -> None:
        """More was typed."""
        for byte in data:
            if not self._bytes and not self._waiting:
                self._heard.clear()
            self._bytes += 1
            if byte in b"\r\n":
                self._waiting.append((self._line.decode("utf-8", "replace"), self._bytes, now))
                self._line.clear()
                self._bytes = 0
                if len(self._waiting) > _MOST:
                    self._drop()
            elif byte in (8, 127):
                del self._line[-1:]
            elif byte == 3:
                self._line.clear()
            elif byte >= 32:
                self._line.append(byte)
            if self._bytes > _LONGEST:
                self._unshown += self._bytes
                self._line.clear()
                self._bytes = 0

    def heard(self, data: bytes) -> None:
        """The device said this."""
        self._heard += bytes(byte for byte in data if byte >= 32)
        del self._heard[: max(0, len(self._heard) - _HEARD)]

    def lines(self, now: float, *, is_over: bool = False) -> tuple[list[str], int]:
        """The lines that may be kept since the last time, without their secrets; and bytes that are not, once known.

        Args:
            is_over: Nothing more is typed: what is not decided is not kept.
        """
        found: list[str] = []
        while self._waiting:
            text, _, at = self._waiting[0]
            letters = text.encode()
            begin = self._heard.find(letters)
            if begin < 0 and not is_over and now - at <= _WITHIN:
                break
            if begin < 0:
                self._drop()
                continue
            self._waiting.popleft()
            del self._heard[: begin + len(letters)]
            if text.strip():
                found.append(self._entered.line(text))
        if is_over:
            self._unshown += self._bytes
            self._line.clear()
            self._bytes = 0
        unshown = 0
        if found or is_over or self._unshown > _MANY:
            unshown, self._unshown = self._unshown, 0
        return found, unshown

    def _drop(self) -> None:
        _, count, _ = self._waiting.popleft()
        self._unshown += count
