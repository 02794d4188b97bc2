# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.ADC`."""

from typing import Any

from ganglion.shims import board
from ganglion.shims.modules.machine.pin import name


class ADC:
    """An analog input.

    Args:
        id: A pin or a channel.
    """

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12
    CORE_TEMP = 4

    def __init__(self, id: Any, **options: Any) -> None:
        self._id = name(id)
        self._board = board.current()
        self._bits = 12

    def init(self, **options: Any) -> None:
        """Nothing to set."""

    deinit = init

    def read_u16(self) -> int:
        """0 to 65535 at full scale."""
        measured, full = self._board.microvolts(self._id)
        return measured * 65535 // full

    def read_uv(self) -> int:
        """Microvolts."""
        return self._board.microvolts(self._id)[0]

    def read(self) -> int:
        """0 to 4095, or what `width` says, at full scale."""
        return self.read_u16() >> (16 - self._bits)

    def atten(self, atten: int | None = None) -> None:
        """Nothing: the board knows its full scale."""

    def width(self, bits: int) -> None:
        """How many bits `read` has."""
        self._bits = bits
