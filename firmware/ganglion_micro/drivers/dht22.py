# SPDX-License-Identifier: GPL-3.0-or-later
"""Aosong DHT22 (AM2302): temperature and relative humidity over one line of its own.

Forty bits in, physical units out. The line needs a timing that only the port's C has: MicroPython's `dht_readinto`, or
times of pulses from whatever measured them. The numbers are the data sheet's.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_SHORTEST, _ONE, _LONGEST = 10, 48, 100  # us: a 0 is high for 26 to 28, a 1 for 70, the answer before them for 80


class DHT22:
    """One chip, not read more often than every two seconds. It says what it measured when it was read last.

    Args:
        readinto: `machine.dht_readinto`: fills five bytes from a pin, or raises OSError.
        pin: What `readinto` wants: an open-drain pin with a pull-up.
    """

    channels: "dict[str, str]" = {"temperature": "Cel", "humidity": "%"}  # UCUM units

    def __init__(self, readinto: "Callable[[Any, bytearray], None]", pin: "Any") -> None:
        self._readinto = readinto
        self._pin = pin

    def start(self) -> int:
        """Nothing to begin: 0 milliseconds."""
        return 0

    def sample(self) -> "dict[str, float]":
        """Reads the chip: a value for each of `channels`, in its unit.

        Raises:
            OSError: ETIMEDOUT, it does not answer; EIO, what came is damaged.
        """
        data = bytearray(5)
        self._readinto(self._pin, data)
        return decode(data)


def decode(data: "bytes | bytearray") -> "dict[str, float]":
    """Five bytes of the chip: humidity in tenths of a percent, temperature in tenths of a degree with a sign bit, sum.

    Raises:
        OSError: EIO, the sum is wrong, or the chip cannot have measured this.
    """
    if len(data) != 5 or sum(data[:4]) & 0xFF != data[4]:
        raise OSError(errno.EIO, "the checksum is wrong: shorten the cable or strengthen the pull-up")
    if not any(data):
        raise OSError(errno.EIO, "the line is held low: all bits are 0")
    humidity = (data[0] << 8 | data[1]) / 10
    celsius = ((data[2] & 0x7F) << 8 | data[3]) / 10
    if data[2] & 0x80:
        celsius = -celsius
    if humidity > 100 or not -40 <= celsius <= 125:
        raise OSError(errno.EIO, "{} % at {} Cel is outside the chip's range".format(humidity, celsius))
    return {"temperature": celsius, "humidity": humidity}


def bits(highs: "Sequence[int]") -> bytes:
    """Five bytes from how long the line was high, in microseconds, pulse after pulse.

    Args:
        highs: The forty bits', with or without the answer's before them.

    Raises:
        OSError: EIO, pulses are missing, or one is none of the chip's.
    """
    if not 40 <= len(highs) <= 41:
        raise OSError(errno.EIO, "{} pulses in place of 40".format(len(highs)))
    data = bytearray(5)
    for i, high in enumerate(highs[-40:]):
        if not _SHORTEST <= high <= _LONGEST:
            raise OSError(errno.EIO, "a pulse of {} us is none of the chip's".format(high))
        data[i >> 3] = data[i >> 3] << 1 & 0xFF | (high > _ONE)
    return bytes(data)
