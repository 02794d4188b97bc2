# SPDX-License-Identifier: GPL-3.0-or-later
"""Texas Instruments INA219 (voltage and current of a supply) over I2C, one measurement at a time.

Registers in, physical units out; the caller sleeps between `start` and `sample`. Numbers are from the data sheet
SBOS448, sections "Programming the Calibration Register" and "Register Maps". Power is made of the other two here: the
chip's own register counts in steps of twenty of the current's, and has no sign.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x40  # A0 and A1 to ground; up to 0x4F otherwise

_CONFIG = 0x00
_SHUNT = 0x01  # 10 uV a step, signed
_BUS = 0x02  # 4 mV a step from bit 3 on
_CURRENT = 0x04
_CALIBRATION = 0x05

_RANGE_32V = 0x2000
_TWELVE_BITS = 0x0198  # of both voltages, 0.59 ms each at the most
_TRIGGERED = 0x0003
_READY = 0x0002  # in the bus voltage register, where also is:
_OVERFLOW = 0x0001


class INA219:
    """One chip.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x40 to 0x4F.
        shunt: Resistance of the shunt in ohm; 0.1 on most boards.
        max_current: The most that is measured, in ampere; less gives finer steps. Times the shunt 0.0205 to 0.32 V.

    Raises:
        OSError: nothing answers, or (ENODEV) something that is no INA219.
        ValueError: shunt and current do not go together.
    """

    channels: "dict[str, str]" = {"bus_voltage": "V", "shunt_voltage": "mV", "current": "A", "power": "W"}  # UCUM units

    def __init__(self, i2c: "I2C", address: int = ADDRESS, shunt: float = 0.1, max_current: float = 3.2) -> None:
        # Below, the calibration would not fit its register; above, the shunt voltage not the chip
        if not (shunt > 0 and 0.0205 <= shunt * max_current <= 0.3200001):
            raise ValueError("shunt {} ohm times max_current {} A must be 0.0205 to 0.32 V".format(shunt, max_current))
        # 0.04096 / (current's step * shunt), the step being max_current / 2^15; floats may fall short of a whole number
        calibration = int(1342.17728 / (max_current * shunt) * 1.000001) & 0xFFFE
        gain = 0
        while 0.0400001 * (1 << gain) < shunt * max_current:
            gain += 1
        self._i2c = i2c
        self._address = address
        self._calibration = calibration
        self._step = 0.04096 / (calibration * shunt)  # ampere
        self._clipped = 4000 << gain
        self._config = _RANGE_32V | gain << 11 | _TWELVE_BITS | _TRIGGERED
        self._write(_CALIBRATION, calibration)
        if self._read(_CALIBRATION) != calibration:
            raise OSError(errno.ENODEV, "0x{:02x} does not answer as an INA219".format(address))

    def start(self) -> int:
        """Begins a measurement of both voltages; returns the milliseconds after which `sample` has its result."""
        self._write(_CONFIG, self._config)
        return 2

    def sample(self) -> "dict[str, float]":
        """Result of the measurement: a value for each of `channels`, in its unit. A current is negative backwards.

        Raises:
            OSError: EAGAIN, it is still being made; EIO, voltage or current are beyond their range, or the chip was
                reset since `start`.
        """
        bus = self._read(_BUS)
        if not bus & _READY:
            raise OSError(errno.EAGAIN, "the chip is still measuring")
        volts = (bus >> 3) / 250
        if bus >> 3 > 26 * 250:
            raise OSError(errno.EIO, "{:.2f} V is outside the chip's range of 0 to 26".format(volts))
        shunt = _signed(self._read(_SHUNT))
        if bus & _OVERFLOW or abs(shunt) >= self._clipped:
            raise OSError(errno.EIO, "the current is beyond what shunt and max_current allow")
        current = _signed(self._read(_CURRENT))
        if abs(current * 4096 - shunt * self._calibration) > 2 * 4096:
            raise OSError(errno.EIO, "current and shunt voltage differ: the chip was reset, or the bus is disturbed")
        amperes = current * self._step
        return {
            "bus_voltage": volts,
            "shunt_voltage": shunt * 0.01,
            "current": amperes,
            "power": volts * amperes,
        }

    def _read(self, register: int) -> int:
        data = self._i2c.readfrom_mem(self._address, register, 2)
        if len(data) != 2:
            raise OSError(errno.EIO, "{} bytes of 2 from register 0x{:02x}".format(len(data), register))
        return data[0] << 8 | data[1]

    def _write(self, register: int, value: int) -> None:
        self._i2c.writeto_mem(self._address, register, bytes([value >> 8, value & 0xFF]))


def _signed(value: int) -> int:
    return value - ((value & 0x8000) << 1)
