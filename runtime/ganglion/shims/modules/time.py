# SPDX-License-Identifier: GPL-3.0-or-later
"""`time`: ticks that wrap, sleeps in milliseconds, dates of eight numbers, and what else CPython's has."""

import time as _time
from typing import Any

from ganglion.shims import clock as _clock
from ganglion.shims.interrupts import INTERRUPTS as _INTERRUPTS

#: Ticks count from 0 to one less than this.
_PERIOD = 1 << 30


def __getattr__(name: str) -> Any:
    return getattr(_time, name)


def ticks_ms() -> int:
    """Milliseconds of a counter that begins again after 2**30."""
    return _time.monotonic_ns() // 1_000_000 & (_PERIOD - 1)


def ticks_us() -> int:
    """Microseconds of a counter that begins again after 2**30."""
    return _time.monotonic_ns() // 1000 & (_PERIOD - 1)


def ticks_cpu() -> int:
    """Nanoseconds of a counter that begins again after 2**30."""
    return _time.monotonic_ns() & (_PERIOD - 1)


def ticks_add(ticks: int, delta: int) -> int:
    """Ticks that are delta later, or earlier.

    Raises:
        OverflowError: delta is half of the counter's period or more.
    """
    if not -_PERIOD // 2 < delta < _PERIOD // 2:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & (_PERIOD - 1)


def ticks_diff(end: int, start: int) -> int:
    """Ticks from start to end, from -2**29 to 2**29 - 1, whether or not the counter began again between them."""
    return ((end - start + _PERIOD // 2) & (_PERIOD - 1)) - _PERIOD // 2


def sleep(seconds: float) -> None:
    _INTERRUPTS.run()
    if seconds > 0:
        _time.sleep(seconds)
    _INTERRUPTS.run()


def sleep_ms(ms: int) -> None:
    """Waits; a number that is not positive is no wait."""
    sleep(ms / 1000)


def sleep_us(us: int) -> None:
    """Waits; a number that is not positive is no wait."""
    sleep(us / 1_000_000)


def time() -> int:
    """Whole seconds since 1970 by the clock that `machine.RTC` sets."""
    return time_ns() // 1_000_000_000


def time_ns() -> int:
    """Nanoseconds since 1970 by the clock that `machine.RTC` sets."""
    return _time.time_ns() + _clock.offset


def localtime(seconds: float | None = None) -> tuple[int, ...]:
    """(year, month, day, hour, minute, second, weekday from Monday = 0, day of the year from 1)."""
    return _eight(_time.localtime(time() if seconds is None else seconds))


def gmtime(seconds: float | None = None) -> tuple[int, ...]:
    """As `localtime`, in UTC."""
    return _eight(_time.gmtime(time() if seconds is None else seconds))


def mktime(date: tuple[int, ...]) -> int:
    """Seconds since 1970 of a local date of eight or nine numbers, which need not be within their ranges.

    Raises:
        TypeError: it has another length.
    """
    if not 8 <= len(date) <= 9:
        raise TypeError(f"mktime needs a tuple of length 8 or 9 ({len(date)} given)")
    return int(_time.mktime((*date[:6], 0, 0, date[8] if len(date) == 9 else -1)))  # type: ignore[arg-type]


def _eight(date: _time.struct_time) -> tuple[int, ...]:
    return tuple(date)[:8]
