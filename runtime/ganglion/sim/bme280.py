# SPDX-License-Identifier: GPL-3.0-or-later
"""A Bosch BME280 or BMP280 down to its registers, written from the data sheet BST-BME280-DS002, section in brackets.

It shares no line with the driver: its physics are the floating-point formulas of appendix A [8.1] run backwards,
while the driver compensates with the integer ones [4.2.3].
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.device import nack
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_ID, _RESET, _CTRL_HUM, _STATUS, _CTRL_MEAS, _CONFIG, _DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
_RESET_WORD = 0xB6  # [5.4.2]
_STARTUP = 2_000_000  # ns until the NVM is copied and the chip answers, table 1
_MEASURING = 0x08  # [5.4.4]
_SKIPPED = b"\x80\x00\x00\x80\x00\x00\x80\x00"  # press, temp, hum after a reset [5.3, table 18]
_TIMES = {0: 0, 1: 1, 2: 2, 3: 4, 4: 8}  # osrs code -> oversampling; 5 and above are 16 [5.4.5]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """The calibration in the chip's NVM [4.2.2, table 16]: dig_T1..3, dig_P1..9, dig_H1..6."""

    t: tuple[int, int, int]
    p: tuple[int, int, int, int, int, int, int, int, int]
    h: tuple[int, int, int, int, int, int]

    def registers(self) -> dict[int, bytes]:
        """The bytes as they lie from 0x88, at 0xA1 and from 0xE1."""
        h1, h2, h3, h4, h5, h6 = self.h
        shared = (h4 & 0x0F) | (h5 & 0x0F) << 4
        return {
            0x88: struct.pack("<Hhh", *self.t) + struct.pack("<Hhhhhhhhh", *self.p),
            0xA1: bytes([h1]),
            0xE1: struct.pack("<hBbBbb", h2, h3, h4 >> 4, shared, h5 >> 4, h6),
        }


#: Temperature and pressure of Bosch's worked example (BST-BMP280-DS001 section 3.12); humidity as chips have it.
TRIM = Trim(
    t=(27504, 26435, -1000),
    p=(36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000),
    h=(75, 362, 0, 313, 50, 30),
)


#: What it can measure [1.1 to 1.3]: degrees Celsius, percent of relative humidity, hPa. It rests at sea level.
AIR = {
    "celsius": Quantity(20.0, -40, 85),
    "percent": Quantity(45.0, 0, 100),
    "hectopascal": Quantity(1013.25, 300, 1100),
}
#: Channel of the driver to the quantity of the air that it measures.
QUANTITIES: Mapping[str, str] = {"temperature": "celsius", "pressure": "hectopascal", "humidity": "percent"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip` for `now`, `trace` and errors.

    Args:
        trim: Calibration.
    """

    name = "BME280"
    quantities = AIR
    chip_id = 0x60  # [5.4.1]

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None, trim: Trim = TRIM) -> None:
        super().__init__(now=now, trace=trace)
        self._awake = now()
        self._trim = trim
        self._pointer = 0
        self._memory = bytearray(256)
        self._memory[_ID] = self.chip_id
        for register, data in trim.registers().items():
            self._memory[register : register + len(data)] = data
        self._clear()

    def _take(self, data: bytes) -> None:
        """Register and value in pairs; a single byte sets the pointer that the next read begins at [6.2.1, 6.2.2]."""
        self._acknowledge()
        if len(data) % 2:
            self._pointer = data[-1]
        for register, value in zip(data[0::2], data[1::2], strict=False):
            self._set(register, value)

    def _give(self, count: int) -> bytes:
        self._acknowledge()
        self._finish()
        data = bytes(self._memory[(self._pointer + i) & 0xFF] for i in range(count))
        self._pointer = (self._pointer + count) & 0xFF
        return data

    def _acknowledge(self) -> None:
        if self._now() < self._awake:
            raise nack()

    def _clear(self) -> None:
        """The registers of table 18 in their reset state."""
        self._done: int | None = None
        self._humidity_control = 0
        self._memory[_CTRL_HUM : _CONFIG + 1] = bytes(4)
        self._memory[_DATA : _DATA + 8] = _SKIPPED

    def _set(self, register: int, value: int) -> None:
        if register == _RESET and value == _RESET_WORD:
            self._clear()
            self._awake = self._now() + _STARTUP
        elif register == _CTRL_HUM:
            self._memory[register] = value & 0x07
        elif register == _CONFIG:
            self._memory[register] = value & 0xFD
        elif register == _CTRL_MEAS:
            self._finish()
            self._memory[register] = value
            # "Changes to this register only become effective after a write operation to ctrl_meas" [5.4.3]
            self._humidity_control = self._memory[_CTRL_HUM]
            if value & 0x03:
                self._done = self._now() + self._measuring_time()

    def _oversampling(self) -> tuple[int, int, int]:
        """Of temperature, pressure, humidity; 0 is skipped."""
        control = self._memory[_CTRL_MEAS]
        return tuple(_TIMES.get(code, 16) for code in (control >> 5, control >> 2 & 7, self._humidity_control))  # type: ignore[return-value]

    def _measuring_time(self) -> int:
        """Typical time in ns [9.1]."""
        t, p, h = self._oversampling()
        return 1_000_000 + 2_000_000 * (t + p + h) + 500_000 * (bool(p) + bool(h))

    def _finish(self) -> None:
        """Puts a measurement that is due into the data registers; normal mode begins the next at once."""
        if self._done is None:
            return
        if self._busy(self._done):
            self._memory[_STATUS] |= _MEASURING
            return
        self._memory[_STATUS] &= ~_MEASURING
        self._memory[_DATA : _DATA + 8] = self._measure()
        if self._memory[_CTRL_MEAS] & 0x03 == 0x03:
            self._done = self._now() + self._measuring_time()
        else:
            self._memory[_CTRL_MEAS] &= 0xFC  # back to sleep after a forced measurement [3.3.3]
            self._done = None

    def _measure(self) -> bytes:
        air = self.surroundings
        times_t, times_p, times_h = self._oversampling()
        exact = _search(lambda raw: _fine(raw, self._trim) / 5120, air["celsius"], 1 << 20)
        temperature = _resolve(exact, times_t)
        fine = _fine(temperature if times_t else exact, self._trim)
        # Pressure falls as its reading rises
        pressure = _search(lambda raw: -_pascal(raw, fine, self._trim), -100 * air["hectopascal"], 1 << 20)
        humidity = _search(lambda raw: _percent(raw, fine, self._trim), air["percent"], 1 << 16)
        pressure = _resolve(pressure, times_p)
        if not times_h:
            humidity = 0x8000
        elif humidity == 0x8000:  # no measurement says what means that there is none
            humidity += 1
        return (pressure << 4).to_bytes(3, "big") + (temperature << 4).to_bytes(3, "big") + humidity.to_bytes(2, "big")


class BMP280Model(ChipModel):
    """The chip without humidity (BST-BMP280-DS001): another id [4.3.1], and no registers of humidity."""

    name = "BMP280"
    chip_id = 0x58

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None, trim: Trim = TRIM) -> None:
        super().__init__(now=now, trace=trace, trim=trim)
        self._memory[0xA1] = 0
        self._memory[0xE1:0xE8] = bytes(7)

    def _set(self, register: int, value: int) -> None:
        if register != _CTRL_HUM:
            super()._set(register, value)


def _resolve(raw: int, times: int) -> int:
    """A 20-bit reading at the resolution of its oversampling without filter, 16 bits at 1x to 20 at 16x [5.4.7]."""
    if not times:
        return 0x80000
    low = 4 - times.bit_length() + 1
    found = min(raw + (1 << low >> 1), 0xFFFFF) >> low << low
    return found + (1 << low) if found == 0x80000 else found  # which means that there is none


def _search(rising: Callable[[int], float], wanted: float, size: int) -> int:
    """The reading below `size` whose value is nearest to `wanted`, by bisection."""
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) // 2
        if rising(middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return min((max(low - 1, 0), low), key=lambda raw: abs(rising(raw) - wanted))


def _fine(raw: int, trim: Trim) -> float:
    t1, t2, t3 = trim.t
    return (raw / 16384 - t1 / 1024) * t2 + (raw / 131072 - t1 / 8192) ** 2 * t3


def _pascal(raw: int, fine: float, trim: Trim) -> float:
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = trim.p
    a = fine / 2 - 64000
    b = (a * a * p6 / 32768 + a * p5 * 2) / 4 + p4 * 65536
    a = (1 + (p3 * a * a / 524288 + p2 * a) / 524288 / 32768) * p1
    p = (1048576 - raw - b / 4096) * 6250 / a
    return p + (p9 * p * p / 2147483648 + p * p8 / 32768 + p7) / 16


def _percent(raw: int, fine: float, trim: Trim) -> float:
    h1, h2, h3, h4, h5, h6 = trim.h
    v = fine - 76800
    v = (raw - (h4 * 64 + h5 / 16384 * v)) * (h2 / 65536 * (1 + h6 / 67108864 * v * (1 + h3 / 67108864 * v)))
    return v * (1 - h1 * v / 524288)
