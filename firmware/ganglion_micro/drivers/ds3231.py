# SPDX-License-Identifier: GPL-3.0-or-later
"""Maxim DS3231, a clock with a battery of its own and a crystal that it corrects for temperature, over I2C.

Date and time in, date and time out, in whatever zone they were set, usually UTC; the chip's own temperature as a
sensor. A clock that stood still since it was set says so and gives no time.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x68

_SECONDS = 0x00  # the time follows up to the year at 0x06
_DATE = 0x04
_CONTROL = 0x0E
_STATUS = 0x0F  # the aging offset follows, whole degrees at 0x11, and quarters in the two high bits of 0x12

_CONVERT = 0x20  # CONV of the control register
_STOPS_ON_BATTERY = 0x80  # EOSC
_STOPPED = 0x80  # OSF of the status register: the oscillator stood still at some time
_BUSY = 0x04  # BSY
_NEVER_SET = 0x70  # bits of the status register that read 0
_CENTURY = 0x80  # of the month
_TWELVE = 0x40  # of the hours: 1 to 12, and bit 5 for the afternoon
_AFTERNOON = 0x20

_CONVERSION = 200  # ms, the longest
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class DS3231:
    """One chip.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x68, and no other.

    Raises:
        OSError: nothing answers, or (ENODEV) what answers is no DS3231.
    """

    channels: "dict[str, str]" = {"temperature": "Cel"}  # UCUM units

    def __init__(self, i2c: "I2C", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        status = self._read(_STATUS, 1)[0]
        if status & _NEVER_SET:
            raise OSError(errno.ENODEV, "0x{:02x} has a status of 0x{:02x}: it is no DS3231".format(address, status))

    def time(self) -> "tuple[int, int, int, int, int, int]":
        """Year (2000 to 2199), month, day, hour (0 to 23), minute, second; all of one moment.

        Raises:
            OSError: EIO, the clock stood still since it was set, or it shows what is no time.
        """
        # One transfer: the chip holds the time from its start, and a clock that stops meanwhile is not missed
        raw = self._read(_SECONDS, 16)
        if raw[_STATUS] & _NEVER_SET:
            raise OSError(errno.EIO, "the bus is stuck or disturbed")
        if raw[_STATUS] & _STOPPED:
            raise OSError(errno.EIO, "the clock stood still, its battery is empty or it is new: set it")
        hours = raw[2]
        if hours & _TWELVE:
            hour = _decimal(hours & ~(_TWELVE | _AFTERNOON), 1, 12, "hour") % 12 + (12 if hours & _AFTERNOON else 0)
        else:
            hour = _decimal(hours, 0, 23, "hour")
        year = 2000 + _decimal(raw[6], 0, 99, "year") + (100 if raw[5] & _CENTURY else 0)
        month = _decimal(raw[5] & ~_CENTURY, 1, 12, "month")
        day = _decimal(raw[4], 1, days(year, month), "day")
        return (year, month, day, hour, _decimal(raw[1], 0, 59, "minute"), _decimal(raw[0], 0, 59, "second"))

    def set_time(self, year: int, month: int, day: int, hour: int, minute: int, second: int) -> None:
        """Sets the clock, which runs from the start of that second, on its battery too, and is trusted again.

        Raises:
            OSError: nothing answers, or (EIO) the clock does not show what it was set to.
            ValueError: not a date from 2000 to 2199 with a time of 24 hours. The chip takes 2100 for a leap year: set
                on 28 February it shows no time from the next day on.
        """
        if not (2000 <= year <= 2199 and 1 <= month <= 12 and 1 <= day <= days(year, month)):
            raise ValueError("{}-{:02}-{:02} is no date from 2000 to 2199".format(year, month, day))
        if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
            raise ValueError("{:02}:{:02}:{:02} is no time of 24 hours".format(hour, minute, second))
        century = _CENTURY if year >= 2100 else 0
        fields = (second, minute, hour, weekday(year, month, day), day, month, year % 100)
        data = bytearray([field // 10 << 4 | field % 10 for field in fields])
        data[5] |= century
        control = self._read(_CONTROL, 2)
        self._write(_CONTROL, control[0] & ~_STOPS_ON_BATTERY)
        self._i2c.writeto_mem(self._address, _SECONDS, bytes(data))
        # Its second begins anew with this write: only what comes more than one later could show another
        shown = self._read(_SECONDS, 7)
        if shown[1:] != data[1:]:
            raise OSError(errno.EIO, "the clock does not show what it was set to: the bus is disturbed")
        self._write(_STATUS, control[1] & ~_STOPPED)

    def start(self) -> int:
        """Begins a conversion of the temperature; returns the milliseconds after which `sample` has its result."""
        control = self._read(_CONTROL, 2)
        if not control[1] & _BUSY:  # the chip converts by itself each 64 s
            self._write(_CONTROL, control[0] | _CONVERT)
        return _CONVERSION

    def sample(self) -> "dict[str, float]":
        """Temperature of the chip in quarters of a degree.

        Raises:
            OSError: EAGAIN, the conversion is not done; EIO, the chip reads out of its range.
        """
        raw = self._read(_DATE, 15)
        control, status, _, high, low = raw[10:]
        # A calendar has no day 0, and the low bits of a temperature are none: so a line is not that is stuck
        if not raw[0] or low & 0x3F:
            raise OSError(errno.EIO, "the bus is stuck or disturbed")
        if control & _CONVERT or status & _BUSY:
            raise OSError(errno.EAGAIN, "the chip is still converting")
        quarters = high << 2 | low >> 6
        temperature = (quarters - 1024 if quarters & 0x200 else quarters) / 4
        if not -40 <= temperature <= 85:
            raise OSError(errno.EIO, "{} Cel is outside the chip's range of -40 to 85".format(temperature))
        return {"temperature": temperature}

    def _read(self, register: int, count: int) -> bytes:
        data = self._i2c.readfrom_mem(self._address, register, count)
        if len(data) != count:
            raise OSError(errno.EIO, "{} bytes of {} from register 0x{:02x}".format(len(data), count, register))
        return data

    def _write(self, register: int, value: int) -> None:
        self._i2c.writeto_mem(self._address, register, bytes([value]))


def days(year: int, month: int) -> int:
    """Days of a month of the Gregorian calendar."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + (1 if leap and month == 2 else 0)


def weekday(year: int, month: int, day: int) -> int:
    """1 for Monday to 7 for Sunday, by Zeller's congruence."""
    if month < 3:
        month += 12
        year -= 1
    return (day + 13 * (month + 1) // 5 + year + year // 4 - year // 100 + year // 400 + 5) % 7 + 1


def _decimal(field: int, low: int, high: int, name: str) -> int:
    """Of two binary coded digits."""
    value = (field >> 4) * 10 + (field & 15)
    if field & 15 > 9 or not low <= value <= high:
        raise OSError(errno.EIO, "the clock shows 0x{:02x} as its {}: set it".format(field, name))
    return value
