# SPDX-License-Identifier: GPL-3.0-or-later
"""`dht`: DHT11 and DHT22 sensors of humidity and temperature."""

import errno as _errno
from typing import Any

from ganglion.shims import board as _board
from ganglion.shims.modules.machine.pin import name as _name
from ganglion.shims.oserror import oserror as _oserror


class DHTBase:
    """A sensor at a pin."""

    _kind = 0

    def __init__(self, pin: Any) -> None:
        self.pin = pin
        self.buf = bytearray(5)

    def measure(self) -> None:
        """Asks the sensor.

        Raises:
            OSError: ETIMEDOUT, it does not answer.
            Exception: what it sent has a wrong checksum.
        """
        try:
            self.buf[:] = _board.current().humidity(_name(self.pin), self._kind)
        except TimeoutError:
            raise _oserror(_errno.ETIMEDOUT) from None
        if sum(self.buf[:4]) & 0xFF != self.buf[4]:
            raise Exception("checksum error")


class DHT11(DHTBase):
    """Whole degrees and percent."""

    _kind = 1

    def humidity(self) -> int:
        return self.buf[0]

    def temperature(self) -> int:
        return self.buf[2]


class DHT22(DHTBase):
    """Tenths of degrees and percent."""

    _kind = 2

    def humidity(self) -> float:
        return (self.buf[0] << 8 | self.buf[1]) * 0.1

    def temperature(self) -> float:
        tenths = (self.buf[2] & 0x7F) << 8 | self.buf[3]
        return (-tenths if self.buf[2] & 0x80 else tenths) * 0.1
