# SPDX-License-Identifier: GPL-3.0-or-later
"""An Aosong AHT20 down to its commands, written from its data sheet, section "Sensor communication"."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.crc import with_crc
from ganglion.sim.device import nack
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_INITIALISE, _MEASURE, _RESET = b"\xbe\x08\x00", b"\xac\x33\x00", b"\xba"
_INITIALISING, _MEASURING, _RESETTING = 10_000_000, 80_000_000, 20_000_000  # ns
_BUSY_BIT, _CALIBRATED_BIT = 0x80, 0x08

#: Channel of the driver to the quantity of the air that it measures.
QUANTITIES: Mapping[str, str] = {"temperature": "celsius", "humidity": "percent"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip`.

    Args:
        calibrated: Whether it has loaded its calibration when it is switched on, as most have.
    """

    name = "AHT20"
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "celsius": Quantity(20.0, -40, 85),
        "percent": Quantity(45.0, 0, 100),
    }

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None, calibrated: bool = True) -> None:
        super().__init__(now=now, trace=trace)
        self._calibrated = calibrated
        self._done = self._deaf_until = now()
        self._measured: bytes | None = bytes(5)  # None while they are being measured

    def _take(self, data: bytes) -> None:
        now = self._now()
        if now < self._deaf_until:
            raise nack()
        if data == _INITIALISE:
            self._calibrated = True
            self._done = now + _INITIALISING
        elif data == _MEASURE:
            if self._now() < self._done:
                return  # it is busy and does not begin again
            self._measured = None
            self._done = now + _MEASURING
        elif data == _RESET:
            self._measured = bytes(5)
            self._deaf_until = self._done = now + _RESETTING
        elif data:
            raise nack()

    def _give(self, count: int) -> bytes:
        """The status, five bytes of values, and the checksum of the six."""
        if self._now() < self._deaf_until:
            raise nack()
        busy = self._busy(self._done)
        if self._measured is None and not busy:
            self._measured = self._measure()
        status = 0x10 | (_BUSY_BIT if busy else 0) | (_CALIBRATED_BIT if self._calibrated else 0)
        return (with_crc(bytes([status]) + (self._measured or bytes(5))) + b"\xff" * count)[:count]

    def _measure(self) -> bytes:
        """Twenty bits of each; all ones are the most that there is."""
        air = self.surroundings
        humidity, temperature = (
            min(round(share * (1 << 20)), (1 << 20) - 1)
            for share in (air["percent"] / 100, (air["celsius"] + 50) / 200)
        )
        return (humidity << 20 | temperature).to_bytes(5, "big")
