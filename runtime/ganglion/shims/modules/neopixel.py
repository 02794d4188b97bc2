# SPDX-License-Identifier: GPL-3.0-or-later
"""`neopixel`: strips of WS2812 and SK6812 pixels."""

from collections.abc import Iterator
from typing import Any

from ganglion.shims.modules.machine import Pin as _Pin
from ganglion.shims.modules.machine import bitstream as _bitstream

_TIMINGS = {0: (800, 1700, 1600, 900), 1: (400, 850, 800, 450)}


class NeoPixel:
    """A strip.

    Args:
        pin: What it hangs on.
        n: Pixels.
        bpp: Bytes of each: 3, or 4 with white.
        timing: 1 for 800 kHz, 0 for 400 kHz, or four times in nanoseconds.
    """

    #: Where red, green, blue and white stand in what is sent.
    ORDER = (1, 0, 2, 3)

    def __init__(self, pin: Any, n: int, bpp: int = 3, timing: Any = 1) -> None:
        self.pin, self.n, self.bpp = pin, n, bpp
        self.buf = bytearray(n * bpp)
        self.timing = _TIMINGS[timing] if isinstance(timing, int) else timing
        if isinstance(pin, _Pin):
            pin.init(_Pin.OUT)

    def __len__(self) -> int:
        return self.n

    def __setitem__(self, i: int, v: Any) -> None:
        for place, level in zip(self.ORDER, v[: self.bpp], strict=False):
            self.buf[self._at(i) + place] = level

    def __getitem__(self, i: int) -> tuple[int, ...]:
        return tuple(self.buf[self._at(i) + place] for place in self.ORDER[: self.bpp])

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return (self[i] for i in range(self.n))

    def fill(self, v: Any) -> None:
        """Gives all pixels one colour."""
        for i in range(self.n):
            self[i] = v

    def write(self) -> None:
        """Shows it."""
        _bitstream(self.pin, 0, self.timing, self.buf)

    def _at(self, i: int) -> int:
        if not -self.n <= i < self.n:
            raise IndexError("bytearray index out of range")
        return i % self.n * self.bpp
