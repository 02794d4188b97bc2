# SPDX-License-Identifier: GPL-3.0-or-later
"""A Sensirion SHT3x down to its commands, written from the data sheet SHT3x-DIS, section "Operation and Communication".

It knows single shots without clock stretching, the status, the heater and the soft reset.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.crc import with_crc
from ganglion.sim.device import nack
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_IDLE = 1_000_000  # ns after a command in which the chip takes no other
_RESETTING = 1_500_000
#: Command -> ns that a measurement takes at the most.
_SINGLE_SHOTS = {0x2416: 4_500_000, 0x240B: 6_500_000, 0x2400: 15_500_000}
_STATUS, _CLEAR_STATUS, _RESET, _HEATER_ON, _HEATER_OFF = 0xF32D, 0x3041, 0x30A2, 0x306D, 0x3066
_HEATING = 1 << 13
_WAS_RESET = 1 << 4
_CLEARED = 1 << 15 | 1 << 11 | 1 << 10 | _WAS_RESET  # the bits that "clear status" clears

#: Channel of the driver to the quantity of the air that it measures.
QUANTITIES: Mapping[str, str] = {"temperature": "celsius", "humidity": "percent"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip`."""

    name = "SHT3x"
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "celsius": Quantity(20.0, -40, 125),
        "percent": Quantity(45.0, 0, 100),
    }

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__(now=now, trace=trace)
        self._deaf_until = now()
        self._reset()

    def _reset(self) -> None:
        self._status = 1 << 15 | _WAS_RESET
        self._answer = b""
        self._done: int | None = None

    def _take(self, data: bytes) -> None:
        """A command of 16 bits; nothing at all asks whether the chip is there."""
        if self._now() < self._deaf_until:
            raise nack()
        if not data:
            return
        command = int.from_bytes(data, "big")
        self._deaf_until = self._now() + _IDLE
        self._answer = b""
        if command in _SINGLE_SHOTS:
            self._done = self._now() + _SINGLE_SHOTS[command]
        elif command == _STATUS:
            self._answer = with_crc(self._status.to_bytes(2, "big"))
        elif command == _CLEAR_STATUS:
            self._status &= ~_CLEARED
        elif command == _HEATER_ON:
            self._status |= _HEATING
        elif command == _HEATER_OFF:
            self._status &= ~_HEATING
        elif command == _RESET:
            self._reset()
            self._deaf_until = self._now() + _RESETTING
        else:
            raise nack()

    def _give(self, count: int) -> bytes:
        """What was asked for, once; a chip that has nothing yet does not acknowledge."""
        if self._done is not None and not self._busy(self._done):
            self._done = None
            self._answer = self._measure()
        if not self._answer:
            raise nack()
        answer, self._answer = self._answer, b""
        return (answer + b"\xff" * count)[:count]

    def _measure(self) -> bytes:
        air = self.surroundings
        words = [(air["celsius"] + 45) / 175, air["percent"] / 100]
        return b"".join(with_crc(round(share * 65535).to_bytes(2, "big")) for share in words)
