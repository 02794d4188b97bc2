# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated chip's file of 256 registers behind a pointer, on a bus that reads and writes on from it."""

from typing import Any

from ganglion.sim.device import Peripheral


class RegisterFile(Peripheral):
    """The first byte of a write is the pointer, which goes on with each byte that follows and is read from.

    Args:
        chip: What the other class of the chip, as `SimulatedChip`, is made of.
    """

    def __init__(self, **chip: Any) -> None:
        super().__init__(**chip)
        self._memory = bytearray(256)
        self._pointer = 0

    def _take(self, data: bytes) -> None:
        for place, value in enumerate(data):
            if place:
                self._set(self._pointer, value)
                self._pointer = self._after(self._pointer)
            else:
                self._pointer = value

    def _give(self, count: int) -> bytes:
        data = bytearray()
        for _ in range(count):
            data.append(self._get(self._pointer))
            self._pointer = self._after(self._pointer)
        return bytes(data)

    def _get(self, register: int) -> int:
        """What a register reads as."""
        return self._memory[register]

    def _set(self, register: int, value: int) -> None:
        """Takes what is written to a register."""
        self._memory[register] = value

    def _after(self, register: int) -> int:
        """Where the pointer goes."""
        return register + 1 & 0xFF
