# SPDX-License-Identifier: GPL-3.0-or-later
"""Aosong AHT20 (temperature, humidity) over I2C.

Commands in, physical units out; the caller sleeps between `start` and `sample`. Numbers are from the data sheet of the
AHT20, section 5.
"""

import errno

from ganglion_micro.drivers.crc8 import checked

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x38  # the only one

_INITIALISE = b"\xbe\x08\x00"
_MEASURE = b"\xac\x33\x00"
_BUSY = 0x80
_CALIBRATED = 0x08


class AHT20:
    """One chip. It is not spoken to before `start`.

    Args:
        i2c: `readfrom` and `writeto` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x38.
    """

    channels: "dict[str, str]" = {"temperature": "Cel", "humidity": "%"}  # UCUM units

    def __init__(self, i2c: "I2C", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._measuring = False

    def start(self) -> int:
        """Begins one measurement, or loads the calibration first where the chip has not; returns milliseconds."""
        # The data sheet's "0x71" is the address with the read bit: the status is what any read begins with
        self._measuring = bool(self._read(1)[0] & _CALIBRATED)
        self._i2c.writeto(self._address, _MEASURE if self._measuring else _INITIALISE)
        return 80 if self._measuring else 10

    def sample(self) -> "dict[str, float]":
        """Result of the measurement: a value for each of `channels`, in its unit.

        Nothing when `start` had to load the calibration: begin another measurement then.

        Raises:
            OSError: EAGAIN, it is still being made; EIO, the CRC is wrong, the chip has no calibration, or a value is
                outside what it can measure.
        """
        if not self._measuring:
            self._check(self._read(1)[0])
            return {}
        data = self._read(7)
        self._check(data[0])
        checked(data, 6)
        humidity = data[1] << 12 | data[2] << 4 | data[3] >> 4
        temperature = (data[3] & 0x0F) << 16 | data[4] << 8 | data[5]
        celsius = 200 * temperature / 1048576 - 50
        if not -40 <= round(celsius, 2) <= 85:
            raise OSError(errno.EIO, "{:.2f} Cel is outside the chip's range of -40 to 85".format(celsius))
        return {"temperature": celsius, "humidity": 100 * humidity / 1048576}

    def _check(self, status: int) -> None:
        if status & _BUSY:
            raise OSError(errno.EAGAIN, "the chip is still measuring")
        if not status & _CALIBRATED:
            raise OSError(errno.EIO, "the chip has no calibration: it was reset, or is no AHT20")

    def _read(self, count: int) -> bytes:
        data = self._i2c.readfrom(self._address, count)
        if len(data) != count:
            raise OSError(errno.EIO, "{} bytes of {}".format(len(data), count))
        return data
