# SPDX-License-Identifier: GPL-3.0-or-later
"""A Maxim DS3231 down to its registers, written from the data sheet 19-5170: clock, battery, temperature."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.device import Fault
from ganglion.sim.registers import RegisterFile
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_HOURS, _DAY, _MONTH, _YEAR, _CONTROL, _STATUS, _TEMPERATURE = 0x02, 0x03, 0x05, 0x06, 0x0E, 0x0F, 0x11
_EOSC, _CONV, _OSF, _BSY = 0x80, 0x20, 0x80, 0x04
_CONVERSION = 125_000_000  # ns, typically; 200 ms at most
_EACH = 64_000_000_000  # ns from one conversion to the next that nobody asked for
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SECOND = 1_000_000_000

#: Channel of the driver to the quantity that it measures.
QUANTITIES: Mapping[str, str] = {"temperature": "celsius"}


class ChipModel(RegisterFile, SimulatedChip):
    """One chip; see `SimulatedChip`. It is new: its oscillator stood still, and it shows 1 January 2000."""

    name = "DS3231"
    quantities: ClassVar[Mapping[str, Quantity]] = {"celsius": Quantity(25.0, -40, 85)}

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__(now=now, trace=trace)
        self._memory[_CONTROL] = 0x1C
        self._memory[_STATUS] = 0x08
        self._converting: int | None = None  # since when
        self._convert()
        self._blank()

    def power_cycle(self, *, battery: bool = True) -> None:
        """The supply fails for a moment; with a battery the clock runs on, unless it was told to stop on it."""
        if not battery:
            self._blank()
        elif self._memory[_CONTROL] & _EOSC:
            self._memory[_STATUS] |= _OSF
        self._converting = None

    def _blank(self) -> None:
        self._memory[: _YEAR + 1] = bytes([0, 0, 0, 1, 1, 1, 0])
        self._memory[_STATUS] |= _OSF
        self._began = self._now()

    def _take(self, data: bytes) -> None:
        self._advance()
        super()._take(data)

    def _give(self, count: int) -> bytes:
        self._advance()  # "buffers are synchronized to the internal registers on any START"
        return super()._give(count)

    def _set(self, register: int, value: int) -> None:
        if register == 0:
            self._began = self._now()  # the countdown chain begins anew with a write to the seconds
        if register == _CONTROL and value & _CONV and self._converting is None:
            self._converting = self._now()
        elif register == _STATUS:
            cleared = 0x83 & ~value  # OSF and the alarms' flags can be cleared, not set
            value = self._memory[register] & ~cleared & ~0x08 | value & 0x08
        elif register in (_TEMPERATURE, _TEMPERATURE + 1):
            return
        self._memory[register] = value

    def _get(self, register: int) -> int:
        if register == _STATUS and self._converting is not None:
            return self._memory[register] | _BSY
        return self._memory[register]

    def _after(self, register: int) -> int:
        return 0 if register == 0x12 else register + 1

    def _advance(self) -> None:
        passed = (self._now() - self._began) // _SECOND
        self._began += passed * _SECOND
        shown = self._shown()
        if passed and shown is not None:
            self._show(shown + passed, shown)
        if self._converting is None and self._now() - self._converted >= _EACH:
            self._converting = self._converted + _EACH
        if self._converting is not None and self._now() - self._converting >= _CONVERSION:
            self._convert()

    def _convert(self) -> None:
        if self.fault is Fault.BUSY:
            return
        self._converting, self._converted = None, self._now()
        self._memory[_CONTROL] &= ~_CONV
        quarters = round(self.surroundings["celsius"] * 4)
        self._memory[_TEMPERATURE : _TEMPERATURE + 2] = (quarters << 6 & 0xFFC0).to_bytes(2, "big")

    def _shown(self) -> int | None:
        """Seconds since 2000 in the chip's own calendar, None for what is no time: then it stands still."""
        try:
            second, minute, hours, _, day, month, year = self._memory[: _YEAR + 1]
            hour = _hour(hours)
            years = _two_digits(year) + (100 if month & 0x80 else 0)
            before = _days_before(years, _two_digits(month & 0x7F)) + _two_digits(day) - 1
            return ((before * 24 + hour) * 60 + _two_digits(minute)) * 60 + _two_digits(second)
        except ValueError:
            return None

    def _show(self, moment: int, before: int) -> None:
        minutes, second = divmod(moment, 60)
        days, minute_of_day = divmod(minutes, 1440)
        midnights = days - before // 86400
        years, month = 0, 1
        days %= 200 * 365 + 50
        while days >= 365 + (years % 4 == 0):
            days -= 365 + (years % 4 == 0)
            years += 1
        while days >= (length := _MONTHS[month - 1] + (month == 2 and years % 4 == 0)):
            days -= length
            month += 1
        hour, minute = divmod(minute_of_day, 60)
        if self._memory[_HOURS] & 0x40:
            hours = 0x40 | (0x20 if hour >= 12 else 0) | _coded((hour + 11) % 12 + 1)
        else:
            hours = _coded(hour)
        weekday = (self._memory[_DAY] - 1 + midnights) % 7 + 1
        date = [_coded(days + 1), _coded(month) | (0x80 if years >= 100 else 0), _coded(years % 100)]
        self._memory[: _YEAR + 1] = bytes([_coded(second), _coded(minute), hours, weekday, *date])


def _days_before(years: int, month: int) -> int:
    """Days from the start of 2000 to that of a month, with a leap year each fourth year, 2100 too."""
    if not 1 <= month <= 12:
        raise ValueError(month)
    return years * 365 + (years + 3) // 4 + sum(_MONTHS[: month - 1]) + (1 if month > 2 and years % 4 == 0 else 0)


def _hour(coded: int) -> int:
    if not coded & 0x40:
        return _two_digits(coded)
    return _two_digits(coded & 0x1F) % 12 + (12 if coded & 0x20 else 0)


def _two_digits(coded: int) -> int:
    return int(f"{coded:02x}")  # ValueError where it is no decimal digit


def _coded(value: int) -> int:
    return int(str(value), 16)
