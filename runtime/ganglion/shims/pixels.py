# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a pixel lies in a buffer, for each of MicroPython's formats. Coordinates must be inside."""

import sys
from typing import Any

from ganglion.shims.buffers import writable

MONO_VLSB, RGB565, GS4_HMSB, MONO_HLSB, MONO_HMSB, GS2_HMSB, GS8 = range(7)
#: Format to bits a pixel and to how many pixels a row is rounded up to.
_FORMATS = {
    MONO_VLSB: (1, 1),
    RGB565: (16, 1),
    GS4_HMSB: (4, 2),
    MONO_HLSB: (1, 8),
    MONO_HMSB: (1, 8),
    GS2_HMSB: (2, 4),
    GS8: (8, 1),
}


class Pixels:
    """Reads and writes single pixels.

    Raises:
        ValueError: no such format, or the buffer is too small.
    """

    def __init__(self, buffer: Any, width: int, height: int, format: int, stride: int) -> None:
        if width < 1 or height < 1 or width > 0xFFFF or height > 0xFFFF or stride > 0xFFFF or stride < width:
            raise ValueError
        if format not in _FORMATS:
            raise ValueError("invalid format")
        bits, rounded = _FORMATS[format]
        self.width, self.height, self._format = width, height, format
        self._stride = -(-stride // rounded) * rounded
        self._bytes = writable(buffer)
        rows = -(-height // 8) * 8 if format == MONO_VLSB else height
        # Of the last row, only the pixels that there are need room
        needed = ((rows - 8) * self._stride + 8 * width) // 8 if format == MONO_VLSB else None
        if needed is None:
            needed = -(-((height - 1) * self._stride + -(-width // rounded) * rounded) * bits // 8)
        if len(self._bytes) < needed:
            raise ValueError
        self._bits = bits

    def get(self, x: int, y: int) -> int:
        if self._format == RGB565:
            at = 2 * (x + y * self._stride)
            return int.from_bytes(self._bytes[at : at + 2], sys.byteorder)
        at, shift = self._place(x, y)
        return self._bytes[at] >> shift & ((1 << self._bits) - 1)

    def put(self, x: int, y: int, colour: int) -> None:
        if self._format == RGB565:
            at = 2 * (x + y * self._stride)
            self._bytes[at : at + 2] = (colour & 0xFFFF).to_bytes(2, sys.byteorder)
            return
        at, shift = self._place(x, y)
        mask = (1 << self._bits) - 1
        value = (colour != 0) if self._bits == 1 else colour & mask
        self._bytes[at] = self._bytes[at] & ~(mask << shift) | value << shift

    def _place(self, x: int, y: int) -> tuple[int, int]:
        """The byte, and how far from its lowest bit."""
        if self._format == MONO_VLSB:
            return (y >> 3) * self._stride + x, y & 7
        at = x + y * self._stride
        if self._format == MONO_HLSB:
            return at >> 3, 7 - (x & 7)
        if self._format == MONO_HMSB:
            return at >> 3, x & 7
        if self._format == GS2_HMSB:
            return at >> 2, (x & 3) << 1
        if self._format == GS4_HMSB:
            return at >> 1, 0 if x & 1 else 4
        return at, 0
