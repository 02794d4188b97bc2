# SPDX-License-Identifier: GPL-3.0-or-later
"""Solomon Systech SSD1306, a display of 128 x 64 or 128 x 32 points, over I2C.

What is drawn is drawn into `buffer`, which is laid out as MicroPython's `framebuf` has it under MONO_VLSB:

    picture = framebuf.FrameBuffer(display.buffer, display.width, display.height, framebuf.MONO_VLSB)

`show` sends what has changed since it was called before. Commands are those of the data sheet's section 9.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x3C  # 0x3D with SA0 high

_COMMANDS = b"\x00"  # control byte: commands until the end of the transfer
_DATA = b"\x40"  # control byte: data until the end of the transfer

_OFF = 0xAE
_ON = 0xAF
_COLUMNS = 0x21
_PAGES = 0x22
_CONTRAST = 0x81
_NORMAL = 0xA6
_INVERSE = 0xA7


class SSD1306:
    """One display: dark at first, then empty and on.

    Args:
        i2c: `writeto` as `machine.I2C` has it; OSError when the device is silent.
        address: 0x3C or 0x3D.
        height: Points, 64 or 32.

    Attributes:
        width: 128 points.
        height: Points.
        buffer: A bit a point, 1 for lit: byte `x + 128 * (y // 8)`, bit `y % 8`.

    Raises:
        OSError: nothing answers.
        ValueError: it is neither height.
    """

    width = 128

    def __init__(self, i2c: "I2C", address: int = ADDRESS, height: int = 64) -> None:
        if height not in (32, 64):
            raise ValueError("height must be 32 or 64, not {}".format(height))
        self._i2c = i2c
        self._address = address
        self.height = height
        self.buffer = bytearray(self.width * height // 8)
        self._shown = bytearray(len(self.buffer))
        self._known = 0  # a bit for each page that the display has as in `_shown`
        self._command(_OFF)
        self._command(0xD5, 0x80)  # clock
        self._command(0xA8, height - 1)  # rows
        self._command(0xD3, 0x00, 0x40)  # the first of them is the first of the memory
        self._command(0x20, 0x00)  # data goes from left to right
        self._command(0xA1, 0xC8)  # and is upright with the connector above, as modules have it
        self._command(0xDA, 0x12 if height == 64 else 0x02)  # how the glass is wired
        self._command(0xD9, 0xF1, 0xDB, 0x30)  # for the charge pump's voltage
        self._command(0xA4, _NORMAL, 0x2E)  # what is in the memory, not inverted, not moving
        self.contrast(0xCF)
        self.show()
        self._command(0x8D, 0x14)  # charge pump
        self.power(True)

    def show(self) -> None:
        """Sends the parts of `buffer` that have changed: of each row of eight lines, from the first change to the last.

        Raises:
            OSError: nothing answers; what was not sent is sent the next time.
        """
        for page in range(self.height // 8):
            start = page * self.width
            first, last = self._changes(page)
            if first > last:
                continue
            self._known &= ~(1 << page)
            part = self.buffer[start + first : start + last + 1]
            self._command(_COLUMNS, first, last, _PAGES, page, page)
            self._i2c.writeto(self._address, _DATA + part)
            self._shown[start + first : start + last + 1] = part
            self._known |= 1 << page

    def power(self, on: bool) -> None:
        """Turns the display on or off; off it keeps its picture and can be drawn to."""
        self._command(_ON if on else _OFF)

    def contrast(self, level: int) -> None:
        """Brightness, 0 to 255; ValueError outside."""
        if not 0 <= level <= 255:
            raise ValueError("contrast must be 0 to 255, not {}".format(level))
        self._command(_CONTRAST, level)

    def invert(self, on: bool) -> None:
        """Lights what is dark and darkens what is lit, without drawing anew."""
        self._command(_INVERSE if on else _NORMAL)

    def _changes(self, page: int) -> "tuple[int, int]":
        """First and last column of a page that the display has to be sent; the first is beyond the last if none."""
        first = page * self.width
        last = first + self.width - 1
        if self._known >> page & 1:
            while first <= last and self.buffer[first] == self._shown[first]:
                first += 1
            while first < last and self.buffer[last] == self._shown[last]:
                last -= 1
        return first - page * self.width, last - page * self.width

    def _command(self, *commands: int) -> None:
        self._i2c.writeto(self._address, _COMMANDS + bytes(commands))
