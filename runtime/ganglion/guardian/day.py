# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of the local day, for quiet hours: where a clock cannot be trusted it says so and does not guess."""

import re
import time

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_micro.limits import DAY

#: 2026-01-01, in seconds since the Unix epoch. A clock before it was never set: without a battery it begins in 1970.
_BUILT = 1_767_225_600
_WINDOW = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def time_of_day(wall: int | None = None) -> int | None:
    """Nanoseconds since local midnight, in the machine's time zone; None where its clock was never set.

    Args:
        wall: Nanoseconds since the Unix epoch, instead of the wall clock.
    """
    seconds, rest = divmod(time.time_ns() if wall is None else wall, SECOND)
    if seconds < _BUILT:
        return None
    local = time.localtime(seconds)
    return min(((local.tm_hour * 60 + local.tm_min) * 60 + local.tm_sec) * SECOND + rest, DAY - 1)


def window(text: str, *, where: str = "") -> tuple[int, int]:
    """Begin and end of `22:00-07:00`, in nanoseconds of the day.

    Raises:
        InvalidError: it is none.
    """
    match = _WINDOW.fullmatch(text.strip())
    if match is not None:
        first = _at(int(match[1]), int(match[2]))
        end = _at(int(match[3]), int(match[4])) or DAY
        if first < DAY and end <= DAY and first != end:
            return first, end
    raise InvalidError(
        say('{text!r} is no time of day: write two that differ, as in "22:00-07:00"', text=text), where=where
    )


def _at(hours: int, minutes: int) -> int:
    return (hours * 60 + minutes) * 60 * SECOND
