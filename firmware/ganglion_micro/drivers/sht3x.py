# SPDX-License-Identifier: GPL-3.0-or-later
"""Sensirion SHT30, SHT31 and SHT35 (temperature, humidity) over I2C, a single shot at a time.

Commands in, physical units out; the caller sleeps between `start` and `sample`. Numbers are from the data sheet
SHT3x-DIS. Clock stretching is left alone: few adapters can be relied on to wait.
"""

import errno

from ganglion_micro.drivers.crc8 import checked

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x44  # ADDR low; 0x45 when ADDR is high

# Repeatability -> the single-shot command without clock stretching, and the longest time it takes in ms
_SINGLE_SHOT = {"low": (b"\x24\x16", 5), "medium": (b"\x24\x0b", 7), "high": (b"\x24\x00", 16)}


class SHT3x:
    """One chip. It is not spoken to before `start`: it wants a millisecond between two commands.

    Args:
        i2c: `readfrom` and `writeto` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x44 or 0x45.
        repeatability: `low`, `medium` or `high`: noise against time and current.

    Raises:
        ValueError: the repeatability is none of the three.
    """

    channels: "dict[str, str]" = {"temperature": "Cel", "humidity": "%"}  # UCUM units

    def __init__(self, i2c: "I2C", address: int = ADDRESS, repeatability: str = "high") -> None:
        if repeatability not in _SINGLE_SHOT:
            raise ValueError("repeatability must be low, medium or high, not {}".format(repeatability))
        self._i2c = i2c
        self._address = address
        self._command, self._wait = _SINGLE_SHOT[repeatability]

    def start(self) -> int:
        """Begins one measurement; returns the milliseconds after which `sample` has its result."""
        self._i2c.writeto(self._address, self._command)
        return self._wait

    def sample(self) -> "dict[str, float]":
        """Result of the measurement: a value for each of `channels`, in its unit.

        Raises:
            OSError: what the bus raises where nothing is acknowledged, which is also how the chip says that it is still
                measuring; EIO, a CRC is wrong or a value is outside what the chip can measure.
        """
        data = self._i2c.readfrom(self._address, 6)
        temperature = _word(data[:3])
        humidity = _word(data[3:])
        celsius = -45 + 175 * temperature / 65535
        if not -40 <= round(celsius, 2) <= 125:
            raise OSError(errno.EIO, "{:.2f} Cel is outside the chip's range of -40 to 125".format(celsius))
        return {"temperature": celsius, "humidity": 100 * humidity / 65535}


def _word(data: bytes) -> int:
    two = checked(data, 2)
    return two[0] << 8 | two[1]
