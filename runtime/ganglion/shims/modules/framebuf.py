# SPDX-License-Identifier: GPL-3.0-or-later
"""`framebuf`: drawing into a buffer of pixels in any of MicroPython's formats."""

from collections.abc import Sequence
from typing import Any

from ganglion.shims.buffers import readable as _readable
from ganglion.shims.font import GLYPHS as _GLYPHS
from ganglion.shims.pixels import (
    GS2_HMSB as GS2_HMSB,
)
from ganglion.shims.pixels import (
    GS4_HMSB as GS4_HMSB,
)
from ganglion.shims.pixels import (
    GS8 as GS8,
)
from ganglion.shims.pixels import (
    MONO_HLSB as MONO_HLSB,
)
from ganglion.shims.pixels import (
    MONO_HMSB as MONO_HMSB,
)
from ganglion.shims.pixels import (
    MONO_VLSB as MONO_VLSB,
)
from ganglion.shims.pixels import (
    RGB565 as RGB565,
)
from ganglion.shims.pixels import (
    Pixels as _Pixels,
)
from ganglion.shims.shapes import (
    ellipse as _ellipse,
)
from ganglion.shims.shapes import (
    line as _line,
)
from ganglion.shims.shapes import (
    polygon as _polygon,
)

MVLSB = MONO_VLSB


class FrameBuffer:
    """Pixels in a buffer of the caller's, who sees each change.

    Args:
        buffer: Its bytes.
        width, height: Pixels.
        format: One of this module's constants.
        stride: Pixels from one row to the next; the width without it.

    Raises:
        ValueError: no such format, or the buffer is too small for so many pixels.
    """

    def __init__(self, buffer: Any, width: int, height: int, format: int, stride: int | None = None) -> None:
        self._buffer = buffer
        self._pixels = _Pixels(buffer, width, height, format, width if stride is None else stride)

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(self._buffer)

    def __bytes__(self) -> bytes:
        return bytes(self._buffer)

    def fill(self, c: int) -> None:
        self.fill_rect(0, 0, self._pixels.width, self._pixels.height, c)

    def fill_rect(self, x: int, y: int, w: int, h: int, c: int) -> None:
        pixels = self._pixels
        left, right = max(x, 0), min(x + w, pixels.width)
        for row in range(max(y, 0), min(y + h, pixels.height)):
            for column in range(left, right):
                pixels.put(column, row, c)

    def pixel(self, x: int, y: int, c: int | None = None) -> int | None:
        """Without a colour the one that is there; nothing outside."""
        pixels = self._pixels
        if not (0 <= x < pixels.width and 0 <= y < pixels.height):
            return None
        if c is None:
            return pixels.get(x, y)
        pixels.put(x, y, c)
        return None

    def hline(self, x: int, y: int, w: int, c: int) -> None:
        self.fill_rect(x, y, w, 1, c)

    def vline(self, x: int, y: int, h: int, c: int) -> None:
        self.fill_rect(x, y, 1, h, c)

    def rect(self, x: int, y: int, w: int, h: int, c: int, f: bool = False) -> None:
        if f:
            self.fill_rect(x, y, w, h, c)
            return
        self.fill_rect(x, y, w, 1, c)
        self.fill_rect(x, y + h - 1, w, 1, c)
        self.fill_rect(x, y, 1, h, c)
        self.fill_rect(x + w - 1, y, 1, h, c)

    def line(self, x1: int, y1: int, x2: int, y2: int, c: int) -> None:
        for x, y in _line(x1, y1, x2, y2):
            self.pixel(x, y, c)

    def ellipse(self, x: int, y: int, xr: int, yr: int, c: int, f: bool = False, m: int = 15) -> None:
        """Around a centre; m chooses quarters, 1 the upper right one and then against the clock."""
        for left, row, width in _ellipse(x, y, xr, yr, bool(f), m):
            self.fill_rect(left, row, width, 1, c)

    def poly(self, x: int, y: int, coords: Sequence[int], c: int, f: bool = False) -> None:
        """A closed outline through points relative to x and y, given as an array of x, y, x, y …"""
        points = list(zip(coords[0::2], coords[1::2], strict=False))
        if not points:
            return
        if f:
            for left, row, width in _polygon(points):
                self.fill_rect(x + left, y + row, width, 1, c)
            return
        for (x1, y1), (x2, y2) in zip(points[-1:] + points[:-1], points, strict=True):
            self.line(x + x2, y + y2, x + x1, y + y1, c)

    def text(self, s: str, x: int, y: int, c: int = 1) -> None:
        """Eight by eight pixels a character, which are drawn; what lies behind them stays."""
        for char in _readable(s):
            glyph = _GLYPHS[char - 32 if 32 <= char < 127 else 95]
            for row, bits in enumerate(glyph):
                for column in range(8):
                    if bits & (0x80 >> column):
                        self.pixel(x + column, y + row, c)
            x += 8

    def scroll(self, xstep: int, ystep: int) -> None:
        """Moves what is there; what it moves away from stays."""
        pixels = self._pixels
        columns = range(pixels.width) if xstep < 0 else range(pixels.width - 1, -1, -1)
        rows = range(pixels.height) if ystep < 0 else range(pixels.height - 1, -1, -1)
        for y in rows:
            if not 0 <= y - ystep < pixels.height:
                continue
            for x in columns:
                if 0 <= x - xstep < pixels.width:
                    pixels.put(x, y, pixels.get(x - xstep, y - ystep))

    def blit(self, fbuf: Any, x: int, y: int, key: int = -1, palette: Any = None) -> None:
        """Draws another one's pixels.

        Args:
            fbuf: It, or what it would be made of.
            key: A colour that is not drawn, of those that the palette gives where there is one.
            palette: One row of pixels that says what each colour becomes.
        """
        source = _of(fbuf)
        colours = None if palette is None else _of(palette)
        target = self._pixels
        key &= 0xFFFFFFFF
        for row in range(max(y, 0), min(y + source.height, target.height)):
            for column in range(max(x, 0), min(x + source.width, target.width)):
                colour = source.get(column - x, row - y)
                if colours is not None:
                    colour = colours.get(colour, 0)
                if colour != key:
                    target.put(column, row, colour)


def _of(fbuf: Any) -> _Pixels:
    if isinstance(fbuf, FrameBuffer):
        return fbuf._pixels
    if isinstance(fbuf, tuple | list) and 4 <= len(fbuf) <= 5:
        return FrameBuffer(*fbuf)._pixels
    raise TypeError("object with buffer protocol required")


def FrameBuffer1(buffer: Any, width: int, height: int, stride: int | None = None) -> FrameBuffer:
    """A frame buffer in MONO_VLSB."""
    return FrameBuffer(buffer, width, height, MONO_VLSB, stride)
