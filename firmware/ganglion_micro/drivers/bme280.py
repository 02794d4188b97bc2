# SPDX-License-Identifier: GPL-3.0-or-later
"""Bosch BME280 (temperature, pressure, humidity) and BMP280 (without humidity) over I2C.

Registers in, physical units out; the caller sleeps between `start` and `sample`. Numbers are from the data sheet
BST-BME280-DS002, section in brackets. The compensation is Bosch's fixed-point one [4.2.3], because most boards'
MicroPython has 24-bit floats, in which the floating-point one is off by tenths of a degree.
"""

import errno
import struct

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x76  # SDO to ground; 0x77 when SDO is high [6.2]

_ID = 0xD0  # [5.4.1]
_CTRL_HUM = 0xF2  # [5.4.3]
_STATUS = 0xF3  # [5.4.4]; ctrl_meas, config, one reserved byte and the data registers follow up to 0xFE
_CTRL_MEAS = 0xF4  # [5.4.5]
_MEASURING = 0x08
_FORCED = 0x01  # [3.3.3]

_OVERSAMPLING = {1: 1, 2: 2, 4: 3, 8: 4, 16: 5}  # how often -> osrs code [5.4.5, table 24]

_SKIPPED = 0x80000  # what a channel reads as that was not measured [5.4.7]


class BMP280:
    """One chip without humidity.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x76 or 0x77.
        oversampling: 1, 2, 4, 8 or 16 measurements behind each result.

    Raises:
        OSError: nothing answers, or (ENODEV) another chip does.
        ValueError: the oversampling is not one of the five.
    """

    CHIP_ID = 0x58
    channels: "dict[str, str]" = {"temperature": "Cel", "pressure": "hPa"}  # UCUM units

    def __init__(self, i2c: "I2C", address: int = ADDRESS, oversampling: int = 1) -> None:
        if oversampling not in _OVERSAMPLING:
            raise ValueError("oversampling must be 1, 2, 4, 8 or 16, not {}".format(oversampling))
        self._i2c = i2c
        self._address = address
        code = _OVERSAMPLING[oversampling]
        self._osrs = code
        self._control = code << 5 | code << 2
        # The longest time, 9.1: 1.25 + 2.3 a measurement + 0.575 each for pressure and humidity, in ms
        self._wait = int(1.25 + 2.3 * oversampling * len(self.channels) + 0.575 * (len(self.channels) - 1)) + 1
        found = self._read(_ID, 1)[0]
        if found != self.CHIP_ID:
            raise OSError(
                errno.ENODEV,
                "0x{:02x} answers as chip 0x{:02x}, not 0x{:02x} ({})".format(
                    address, found, self.CHIP_ID, type(self).__name__
                ),
            )
        self._calibrate()

    def start(self) -> int:
        """Begins one forced-mode measurement [3.3.3]; returns the milliseconds after which `sample` has its result."""
        self._write(_CTRL_MEAS, self._control | _FORCED)
        return self._wait

    def sample(self) -> "dict[str, float]":
        """Result of the measurement: a value for each of `channels`, in its unit.

        Raises:
            OSError: EAGAIN, it is still being made; EIO, the chip was reset since `start` or reads out of its range.
        """
        raw = self._read(_STATUS, 12)
        if raw[0] & _MEASURING:
            raise OSError(errno.EAGAIN, "the chip is still measuring")
        pressure = raw[4] << 12 | raw[5] << 4 | raw[6] >> 4
        temperature = raw[7] << 12 | raw[8] << 4 | raw[9] >> 4
        if raw[1] & 0xFC != self._control or _SKIPPED in (pressure, temperature):
            raise OSError(errno.EIO, "the chip skipped the measurement: it was reset, or the bus is disturbed")
        fine = fine_temperature(temperature, self._calibration)
        return self._values(fine, pressure, raw)

    def _values(self, fine: int, pressure: int, raw: bytes) -> "dict[str, float]":
        return {
            "temperature": _within(fine / 5120, -40, 85, "Cel"),  # operating range, table 2
            "pressure": _within(compensate_pressure(pressure, fine, self._calibration) / 25600, 300, 1100, "hPa"),
        }

    def _calibrate(self) -> None:
        self._calibration = struct.unpack("<HhhHhhhhhhhh", self._read(0x88, 24))  # [4.2.2, table 16]

    def _read(self, register: int, count: int) -> bytes:
        data = self._i2c.readfrom_mem(self._address, register, count)
        if len(data) != count:
            raise OSError(errno.EIO, "{} bytes of {} from register 0x{:02x}".format(len(data), count, register))
        return data

    def _write(self, register: int, value: int) -> None:
        self._i2c.writeto_mem(self._address, register, bytes([value]))


class BME280(BMP280):
    """One chip with humidity; as BMP280 otherwise."""

    CHIP_ID = 0x60
    channels = {"temperature": "Cel", "pressure": "hPa", "humidity": "%"}

    def start(self) -> int:
        # Takes effect with the write to ctrl_meas that follows [5.4.3]
        self._write(_CTRL_HUM, self._osrs)
        return BMP280.start(self)

    def _values(self, fine: int, pressure: int, raw: bytes) -> "dict[str, float]":
        humidity = raw[10] << 8 | raw[11]
        if humidity == 0x8000:  # [5.4.9]
            raise OSError(errno.EIO, "the chip skipped humidity: it was reset, or the bus is disturbed")
        values = BMP280._values(self, fine, pressure, raw)
        values["humidity"] = compensate_humidity(humidity, fine, self._humidity) / 1024
        return values

    def _calibrate(self) -> None:
        BMP280._calibrate(self)
        h1 = self._read(0xA1, 1)[0]
        h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", self._read(0xE1, 7))
        # H4 and H5 are twelve bits each and share 0xE5 [4.2.2, table 16]
        self._humidity = (h1, h2, h3, e4 * 16 + (e5 & 15), e6 * 16 + (e5 >> 4), h6)


def fine_temperature(adc: int, calibration: "tuple[int, ...]") -> int:
    """Temperature in 1/5120 degree Celsius from the 20-bit reading: `t_fine` of [4.2.3]."""
    t1, t2, t3 = calibration[:3]
    a = ((adc >> 3) - (t1 << 1)) * t2 >> 11
    b = (adc >> 4) - t1
    return a + ((b * b >> 12) * t3 >> 14)


def compensate_pressure(adc: int, fine: int, calibration: "tuple[int, ...]") -> int:
    """Pressure in 1/256 Pa from the 20-bit reading, the 64-bit formula of [4.2.3]; 0 where it would divide by zero."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = calibration[3:]
    a = fine - 128000
    b = a * a * p6 + (a * p5 << 17) + (p4 << 35)
    a = (a * a * p3 >> 8) + (a * p2 << 12)
    a = ((1 << 47) + a) * p1 >> 33
    if not a:
        return 0
    p = (((1048576 - adc) << 31) - b) * 3125 // a
    return ((p + (p9 * (p >> 13) * (p >> 13) >> 25) + (p8 * p >> 19)) >> 8) + (p7 << 4)


def compensate_humidity(adc: int, fine: int, calibration: "tuple[int, ...]") -> int:
    """Relative humidity in 1/1024 percent, 0 to 100 %, from the 16-bit reading [4.2.3]."""
    h1, h2, h3, h4, h5, h6 = calibration
    v = fine - 76800
    gain = ((v * h6 >> 10) * ((v * h3 >> 11) + 32768) >> 10) + 2097152
    v = (((adc << 14) - (h4 << 20) - h5 * v + 16384) >> 15) * ((gain * h2 + 8192) >> 14)
    v -= ((v >> 15) * (v >> 15) >> 7) * h1 >> 4
    return min(max(v, 0), 419430400) >> 12


def _within(value: float, low: float, high: float, unit: str) -> float:
    if not low <= value <= high:
        raise OSError(errno.EIO, "{:.2f} {} is outside the chip's range of {} to {}".format(value, unit, low, high))
    return value
