# SPDX-License-Identifier: GPL-3.0-or-later
"""A Solomon Systech SSD1306 on its glass: commands in, a picture as one sees it out; written from the data sheet."""

from collections.abc import Callable

from ganglion.sim.device import Peripheral

_WIDTH, _ROWS = 128, 64
#: How many bytes follow a command [section 9, table 9-1]; the ranges that have none are left out.
_ARGUMENTS = {0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2, 0xA8: 1} | {
    0xD3: 1,
    0xD5: 1,
    0xD9: 1,
    0xDA: 1,
    0xDB: 1,
}
_WITHOUT = {*range(0x20), 0x2E, 0x2F, *range(0x40, 0x80), 0xA0, 0xA1, *range(0xA4, 0xA8), 0xAE, 0xAF, 0xE3} | {
    *range(0xB0, 0xB8),
    *range(0xC0, 0xD0),
}


class ChipModel(Peripheral):
    """One display: a device for `SimulatedI2C`.

    Args:
        now: Nanoseconds; the display has no use for them, all models take them.
        height: Rows of the glass, 64 or 32.

    Attributes:
        contrast: 0 to 255.
        written: How many bytes of its memory were written since power-on.
    """

    def __init__(self, *, now: Callable[[], int], height: int = 64) -> None:
        super().__init__()
        self._height = height
        self.power_cycle()

    def power_cycle(self) -> None:
        """Commands as after a reset [8.5]; what is in the memory is anything."""
        self._memory = bytearray(place * 73 + place // 7 & 0xFF for place in range(_WIDTH * _ROWS // 8))
        self._pending: list[int] = []
        self._on = self._pump = self._inverse = self._all = self._mirrored = self._upward = False
        self._start = self._offset = self._column = self._page = 0
        self._mode = 2
        self._columns = (0, _WIDTH - 1)
        self._pages = (0, 7)
        self._multiplex = 63
        self._alternative = True
        self.contrast = 0x7F
        self.written = 0

    @property
    def lit(self) -> bool:
        """Whether points can be lit: the display is on and its charge pump makes their voltage."""
        return self._on and self._pump

    def picture(self) -> list[str]:
        """What one sees, a row a string, `#` for a point that is lit, with the connector above the glass."""
        rows = ["." * _WIDTH] * self._height
        if not self.lit:
            return rows
        for line in range(self._multiplex + 1):
            row = (line + self._start) % _ROWS
            com = (self._multiplex - line if self._upward else line) + self._offset
            place = self._height - 1 - self._wired(com % _ROWS)
            if 0 <= place < self._height:
                # The glass has its first segment at the right
                rows[place] = "".join("#" if self._point(_WIDTH - 1 - x, row) else "." for x in range(_WIDTH))
        return rows

    def _point(self, segment: int, row: int) -> bool:
        return self._all or bool(self._memory[segment + row // 8 * _WIDTH] >> row % 8 & 1) != self._inverse

    def _wired(self, com: int) -> int:
        """Row of the glass, from below: one of 64 rows has every other on either side, one of 32 all in turn."""
        if self._alternative == (self._height == 64):
            return com
        return com // 2 + com % 2 * (self._height // 2)

    def _give(self, count: int) -> bytes:
        return bytes([0x03 if self._on else 0x43]) * count  # bit 6: the display is off [table 9-2]

    def _take(self, data: bytes) -> None:
        rest = list(data)
        while rest:
            control = rest.pop(0)
            several = not control & 0x80  # Co: one byte, and another control byte follows it [8.1.5.2]
            chunk, rest = (rest, []) if several else (rest[:1], rest[1:])
            for byte in chunk:
                if control & 0x40:
                    self._draw(byte)
                else:
                    self._pending.append(byte)
                    self._run()

    def _run(self) -> None:
        command, *arguments = self._pending
        if command not in _ARGUMENTS and command not in _WITHOUT:
            raise AssertionError(f"0x{command:02x} is no command of an SSD1306")
        if len(arguments) == _ARGUMENTS.get(command, 0):
            self._pending = []
            self._command(command, arguments)

    def _command(self, command: int, arguments: list[int]) -> None:
        match command:
            case 0x20:
                self._mode = arguments[0] & 3
            case 0x21:
                self._columns = (arguments[0] & 0x7F, arguments[1] & 0x7F)
                self._column = self._columns[0]
            case 0x22:
                self._pages = (arguments[0] & 7, arguments[1] & 7)
                self._page = self._pages[0]
            case 0x81:
                self.contrast = arguments[0]
            case 0x8D:
                self._pump = bool(arguments[0] & 0x04)
            case 0xA0 | 0xA1:
                self._mirrored = command == 0xA1
            case 0xA4 | 0xA5:
                self._all = command == 0xA5
            case 0xA6 | 0xA7:
                self._inverse = command == 0xA7
            case 0xA8:
                self._multiplex = arguments[0] & 0x3F
            case 0xAE | 0xAF:
                self._on = command == 0xAF
            case 0xD3:
                self._offset = arguments[0] & 0x3F
            case 0xDA:
                self._alternative = bool(arguments[0] & 0x10)
            case _ if 0x40 <= command < 0x80:
                self._start = command & 0x3F
            case _ if 0xC0 <= command < 0xD0:
                self._upward = bool(command & 0x08)
            case _ if self._mode == 2:
                self._by_page(command)

    def _by_page(self, command: int) -> None:
        """Commands of the page addressing mode alone."""
        if command < 0x10:
            self._column = self._column & 0x70 | command
        elif command < 0x20:
            self._column = (command & 7) << 4 | self._column & 0x0F
        elif 0xB0 <= command < 0xB8:
            self._page = command & 7

    def _draw(self, byte: int) -> None:
        # Mirrored as it is written: what is there already stays where it is [table 9-1, A0/A1]
        segment = _WIDTH - 1 - self._column if self._mirrored else self._column
        self._memory[segment + self._page * _WIDTH] = byte
        self.written += 1
        if self._mode == 2:
            self._column = (self._column + 1) % _WIDTH
        elif self._mode == 1:
            self._page, carry = _step(self._page, self._pages)
            self._column = _step(self._column, self._columns)[0] if carry else self._column
        else:
            self._column, carry = _step(self._column, self._columns)
            self._page = _step(self._page, self._pages)[0] if carry else self._page


def _step(place: int, window: tuple[int, int]) -> tuple[int, bool]:
    """The next place of a window, and whether it began again."""
    return (window[0], True) if place == window[1] else (place + 1, False)
