# SPDX-License-Identifier: GPL-3.0-or-later
"""An ST VL53L0X down to the registers that ST's public programming interface uses; the data sheet has few of them.

It answers only to what that interface says: registers of ST's own are behind pages, a distance needs the tuning and
both calibrations. Time passes with each byte on the bus, so that who polls it sees it become ready.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.device import Fault, nack
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_BYTE = 22_500  # ns: nine clocks of a bus at 400 kHz
_BOOT = 1_200_000  # ns from power-on to the first answer, data sheet, t_boot
_STROBE = 500_000  # ns that the factory's settings take to be read
_CALIBRATION = 5_000_000  # ns of each
_OUT_OF_RANGE = 8190  # what the distance reads as then
_RANGE = 2000  # mm of a white target indoors, data sheet

#: Channel of the driver to the quantity that it measures.
QUANTITIES: Mapping[str, str] = {"distance": "millimetres"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip`. What is farther away than 2 m is out of its range.

    Args:
        spads: How many reference detectors the factory found to be right, and whether they have an aperture.

    Attributes:
        failure: A device error that its measurements end with, of ST's VL53L0X_DeviceError; None for what they find.
    """

    name = "VL53L0X"
    quantities: ClassVar[Mapping[str, Quantity]] = {"millimetres": Quantity(500.0, 0, 10_000)}

    #: Reference detectors that work, in the factory's map.
    GOOD = bytes((0xFB, 0xFF, 0xEF, 0xFF, 0xFF, 0x0F))
    STOP = 0x3C  # of this chip; it is given back before each measurement

    def __init__(
        self, *, now: Callable[[], int], trace: Trace | None = None, spads: tuple[int, bool] = (5, True)
    ) -> None:
        super().__init__(now=now, trace=trace)
        self.failure: int | None = None
        self._bus = 0
        self._spads = spads
        self.power_cycle()
        self._awake = now()  # it had its power for long

    def power_cycle(self) -> None:
        """Registers as after power-on [data sheet, reference registers], nothing calibrated."""
        self._memory: dict[tuple[int, int], int] = {
            (0, 0xC0): 0xEE,
            (0, 0xC1): 0xAA,
            (0, 0xC2): 0x10,
            (0, 0x01): 0xFF,
            (0, 0x52): 0x99,
        }
        self._memory[1, 0x91] = self.STOP
        for place, byte in enumerate(self.GOOD):
            self._memory[0, 0xB0 + place] = byte
        self._pointer = 0
        self._page = 0
        self._calibrated: set[str] = set()
        self._running: tuple[str, int] | None = None  # what, and when it is done
        self._strobe: int | None = None
        self._awake = self._time() + _BOOT

    @property
    def detectors(self) -> list[int]:
        """Reference detectors that are enabled."""
        enabled = bytes(self._memory[0, 0xB0 + place] for place in range(6))
        return [bit for bit in range(48) if enabled[bit // 8] & 1 << bit % 8]

    @property
    def measuring_time(self) -> float:
        """Milliseconds of one measurement, from the timeouts of its steps."""
        steps = self._memory[0, 0x01]
        pre = self._periods(0x51) * _macro(self._register(0x50))
        selection = (self._register(0x46) + 1) * _macro(self._register(0x50))
        final = (self._periods(0x71) - (self._periods(0x51) if steps & 0x40 else 0)) * _macro(self._register(0x70))
        us = 1910.0 + 960.0
        us += selection + 590 if steps & 0x10 else 0
        us += 2 * (selection + 690) if steps & 0x08 else (selection + 660 if steps & 0x04 else 0)
        us += pre + 660 if steps & 0x40 else 0
        us += final + 550 if steps & 0x80 else 0
        return us / 1000

    def _time(self) -> int:
        return self._now() + self._bus

    def _pass(self, count: int) -> None:
        """The time of so many bytes and the address."""
        if self._time() < self._awake:
            raise nack()
        self._bus += _BYTE * (1 + count)

    def _take(self, data: bytes) -> None:
        self._pass(len(data))
        if data:
            self._pointer = data[0]
        for value in data[1:]:
            self._set(self._pointer, value)
            self._pointer = self._pointer + 1 & 0xFF

    def _give(self, count: int) -> bytes:
        self._pass(count)
        self._finish()
        data = bytes(self._get(self._pointer + place & 0xFF) for place in range(count))
        self._pointer = self._pointer + count & 0xFF
        return data

    def _register(self, register: int) -> int:
        return self._memory.get((0, register), 0)

    def _periods(self, register: int) -> int:
        """A timeout: a mantissa in the low byte, a power of two in the high one."""
        return (self._register(register + 1) << self._register(register)) + 1

    def _get(self, register: int) -> int:
        if register == 0xFF:
            return self._page
        if self._page == 7 and self._strobe is not None:
            ready = self._time() >= self._strobe and self.fault is not Fault.BUSY
            if register == 0x83:
                return 0x10 if ready else 0
            if register == 0x92 and ready:
                count, aperture = self._spads
                return count | (0x80 if aperture else 0)
        return self._memory.get((self._page, register), 0)

    def _set(self, register: int, value: int) -> None:
        if register == 0xFF:
            self._page = value
            return
        if (self._page, register) in {(0, 0xC0), (0, 0xC1), (0, 0xC2), (0, 0x13), (0, 0x14)}:
            return
        self._memory[self._page, register] = value
        opened = self._memory.get((6, 0x83), 0) & 0x04 and self._memory.get((7, 0x81), 0)
        if (self._page, register, value) == (7, 0x83, 0) and opened and self._memory.get((7, 0x94), 0) == 0x6B:
            self._strobe = self._time() + _STROBE
        elif self._page == 0 and register == 0x0B and value & 1:
            self._memory[0, 0x13] = 0
        elif self._page == 0 and register == 0x00 and value & 1:
            self._begin(value)

    def _begin(self, value: int) -> None:
        steps = self._memory[0, 0x01]
        if steps == 0x01 and value & 0x40:
            self._running = ("voltage", self._time() + _CALIBRATION)
        elif steps == 0x02:
            self._running = ("phase", self._time() + _CALIBRATION)
        elif steps & 0x80:
            self._running = ("distance", self._time() + round(self.measuring_time * 1e6))

    def _finish(self) -> None:
        """Ends what is running and due, and raises the interrupt that was asked for."""
        if self._running is None or self.fault is Fault.BUSY or self._time() < self._running[1]:
            return
        what, self._running = self._running[0], None
        self._memory[0, 0x00] = self._register(0x00) & ~1
        self._memory[0, 0x13] = self._register(0x0A)
        if what != "distance":
            self._calibrated.add(what)
            return
        error, distance = self._measure()
        self._memory[0, 0x14] = error << 3
        self._memory[0, 0x1E], self._memory[0, 0x1F] = divmod(distance, 256)

    def _measure(self) -> tuple[int, int]:
        """VL53L0X_DeviceError and the distance register."""
        distance = round(self.surroundings["millimetres"])
        if "voltage" not in self._calibrated:
            return 3, 0
        if "phase" not in self._calibrated or self._memory.get((1, 0x23)) != 0x34:
            return 6, _OUT_OF_RANGE
        if self.failure is not None:
            return self.failure, distance
        return (11, distance) if distance <= _RANGE else (4, _OUT_OF_RANGE)


def _macro(period: int) -> float:
    """Microseconds of one macro period, 2304 laser periods whose clocks take 1655 ps, from the laser's register."""
    return 2304 * 2 * (period + 1) * 1655e-6
