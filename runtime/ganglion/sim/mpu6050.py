# SPDX-License-Identifier: GPL-3.0-or-later
"""An InvenSense MPU-6050 down to its registers, written from the register map RM-MPU-6000A-00 and the specification."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.device import Fault
from ganglion.sim.registers import RegisterFile
from ganglion.sim.surroundings import Quantity, Surroundings
from ganglion.sim.trace import Trace

_CONFIG, _GYRO_CONFIG, _ACCEL_CONFIG, _SMPLRT_DIV = 0x1A, 0x1B, 0x1C, 0x19
_FIFO_EN, _INT_ENABLE, _INT_STATUS, _DATA = 0x23, 0x38, 0x3A, 0x3B
_USER_CTRL, _PWR_MGMT_1, _FIFO_COUNT_H, _FIFO_COUNT_L, _FIFO_R_W, _WHO_AM_I = 0x6A, 0x6B, 0x72, 0x73, 0x74, 0x75
_READY, _OVERFLOW, _SLEEP, _RESET = 0x01, 0x10, 0x40, 0x80
_QUEUE = 1024
_GYRO_START = 30_000_000  # ns until a gyroscope that woke measures rotation, and not its own start
_STANDARD_GRAVITY = 9.80665

_MOTION = {
    "acceleration_x": Quantity(0.0, -156.9, 156.9),
    "acceleration_y": Quantity(0.0, -156.9, 156.9),
    "acceleration_z": Quantity(_STANDARD_GRAVITY, -156.9, 156.9),
    "rotation_x": Quantity(0.0, -2000, 2000),
    "rotation_y": Quantity(0.0, -2000, 2000),
    "rotation_z": Quantity(0.0, -2000, 2000),
}
#: Channel of the driver to the quantity that it measures.
QUANTITIES: Mapping[str, str] = {**dict(zip(_MOTION, _MOTION, strict=True)), "temperature": "celsius"}


class ChipModel(RegisterFile, SimulatedChip):
    """One chip; see `SimulatedChip`. It rests on a table, and samples at its rate, whoever reads that.

    Its quantities are what it measures at its widest scales: m/s2, degrees a second, degrees Celsius.
    """

    name = "MPU-6050"
    quantities: ClassVar[Mapping[str, Quantity]] = {**_MOTION, "celsius": Quantity(25.0, -40, 85)}

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__(now=now, trace=trace)
        self._taken = now()  # when the last sample was: that, and not when it is read, is the time of its trace
        self._surroundings = Surroundings(f"a {self.name}", self.quantities, now=lambda: self._taken, trace=trace)
        self.power_cycle()

    def power_cycle(self) -> None:
        """All registers are 0 but for two: the chip sleeps [registers 107 and 117]."""
        self._memory[:] = bytes(256)
        self._memory[_PWR_MGMT_1] = _SLEEP
        self._memory[_WHO_AM_I] = 0x68
        self._queue = bytearray()
        self._woke = self._taken = self._now()

    def _take(self, data: bytes) -> None:
        self._advance()
        super()._take(data)

    def _get(self, register: int) -> int:
        if register == _INT_STATUS:
            status = self._memory[_INT_STATUS]
            self._memory[_INT_STATUS] = 0  # "each bit will clear after the register is read"
            return status
        if register == _FIFO_COUNT_H:
            self._memory[_FIFO_COUNT_H : _FIFO_COUNT_L + 1] = len(self._queue).to_bytes(2, "big")
        elif register == _FIFO_R_W and self._queue:
            self._memory[_FIFO_R_W] = self._queue.pop(0)
        return self._memory[register]

    def _set(self, register: int, value: int) -> None:
        if register == _PWR_MGMT_1:
            if value & _RESET:
                self.power_cycle()
                return
            if self._memory[register] & _SLEEP and not value & _SLEEP:
                self._woke = self._taken = self._now()
        elif register == _USER_CTRL and value & 0x04 and not value & 0x40:
            self._queue.clear()
            value &= ~0x04
        elif register == _WHO_AM_I or _INT_STATUS <= register <= 0x60:
            return
        self._memory[register] = value

    def _after(self, register: int) -> int:
        return register if register == _FIFO_R_W else super()._after(register)  # it is read on and on

    @property
    def _period(self) -> int:
        """Nanoseconds from sample to sample: the gyroscope's 8 kHz without filter, 1 kHz with one, divided [25]."""
        filtered = self._memory[_CONFIG] & 7 not in (0, 7)
        return (1_000_000 if filtered else 125_000) * (1 + self._memory[_SMPLRT_DIV])

    def _advance(self) -> None:
        """Takes the samples that are due."""
        if self._memory[_PWR_MGMT_1] & _SLEEP or self.fault is Fault.BUSY:
            self._taken = self._now()
            return
        due = (self._now() - self._taken) // self._period
        queued = self._memory[_USER_CTRL] & 0x40 and self._memory[_FIFO_EN] & 0xF8
        # Of more samples than the queue holds the oldest are lost anyway
        wanted = min(due, _QUEUE) if queued else min(due, 1)
        self._taken += (due - wanted) * self._period
        for _ in range(wanted):
            self._taken += self._period
            self._measure(bool(queued))

    def _measure(self, queued: bool) -> None:
        motion = self.surroundings
        per_g = 16384 >> (self._memory[_ACCEL_CONFIG] >> 3 & 3)
        per_degree = 131 / 2 ** (self._memory[_GYRO_CONFIG] >> 3 & 3)
        start = 90.0 if self._taken - self._woke < _GYRO_START else 0.0
        acceleration = b"".join(_word(motion[f"acceleration_{a}"] / _STANDARD_GRAVITY * per_g) for a in "xyz")
        temperature = _word((motion["celsius"] - 36.53) * 340)
        rotation = b"".join(_word((motion[f"rotation_{a}"] + start) * per_degree) for a in "xyz")
        data = acceleration + temperature + rotation
        self._memory[_DATA : _DATA + 14] = data
        self._raise(_READY)
        if queued:
            chosen = self._memory[_FIFO_EN]
            frame = acceleration if chosen & 0x08 else b""
            frame += temperature if chosen & 0x80 else b""
            for place, flag in enumerate((0x40, 0x20, 0x10)):
                frame += rotation[2 * place : 2 * place + 2] if chosen & flag else b""
            self._queue += frame
            if len(self._queue) > _QUEUE:
                del self._queue[: len(self._queue) - _QUEUE]
                self._raise(_OVERFLOW)

    def _raise(self, interrupt: int) -> None:
        self._memory[_INT_STATUS] |= interrupt & self._memory[_INT_ENABLE]


def _word(reading: float) -> bytes:
    """Sixteen bits, high byte first; a reading beyond them stays at their end."""
    return max(-32768, min(32767, round(reading))).to_bytes(2, "big", signed=True)
