# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.RTC`: the script's own clock, which it may set, and a memory that survives resets."""

import time
from typing import Any

from ganglion.shims import clock, restart
from ganglion.shims.buffers import readable

_SECOND = 1_000_000_000
_Date = tuple[int, int, int, int, int, int, int, int]


class RTC:
    """The clock."""

    ALARM0 = 0

    def __init__(self, id: int = 0) -> None:
        pass

    def datetime(self, datetime: _Date | None = None) -> _Date | None:
        """(year, month, day, weekday from Monday = 0, hours, minutes, seconds, microseconds), local time.

        Raises:
            ValueError, OverflowError: there is no such date.
        """
        if datetime is None:
            now = time.time_ns() + clock.offset
            date = time.localtime(now // _SECOND)
            day = (date.tm_year, date.tm_mon, date.tm_mday, date.tm_wday)
            return (*day, date.tm_hour, date.tm_min, date.tm_sec, now % _SECOND // 1000)
        year, month, day_, _, hour, minute, second, part = datetime
        seconds = int(time.mktime((year, month, day_, hour, minute, second, 0, 0, -1)))
        clock.set_offset(seconds * _SECOND + part * 1000 - time.time_ns())
        return None

    def init(self, datetime: _Date | None = None) -> None:
        """Sets it where there is something to set."""
        if datetime is not None:
            self.datetime(datetime)

    def deinit(self) -> None:
        """Follows the machine's clock again."""
        clock.set_offset(0)

    def now(self) -> _Date | None:
        return self.datetime()

    def memory(self, data: Any = None) -> bytes | None:
        """What was put into it, before a reset too; with an argument, puts it there."""
        if data is None:
            return restart.memory
        restart.keep(readable(data))
        return None
