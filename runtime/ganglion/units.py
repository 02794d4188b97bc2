# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them (`250ms 10s 5m 2h 1d`), in integer nanoseconds as the code counts them."""

import re

from ganglion.errors import InvalidError

MILLISECOND = 1_000_000
SECOND = 1_000_000_000

_NANOSECONDS = {
    "ms": MILLISECOND,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86400 * SECOND,
}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration(text: str, *, where: str = "") -> int:
    """Nanoseconds in a duration such as `250ms`, `1.5s` or `10m`.

    Raises:
        InvalidError: it is not a number with one of the units ms, s, m, h, d.
    """
    if not isinstance(text, str) or not (match := DURATION.fullmatch(text.strip())):
        raise InvalidError(f"{text!r} is not a duration: write a number with ms, s, m, h or d, as in 10s", where=where)
    return round(float(match[1]) * _NANOSECONDS[match[2]])
