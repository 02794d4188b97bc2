# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations and sizes as people write them (`250ms 10s 5m`, `64MB`), in nanoseconds and bytes as the code counts."""

import re

from ganglion.errors import InvalidError
from ganglion.sentences import say

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
        InvalidError: it is not a number with one of the units ms, s, m, h, d, or its nanoseconds need over 64 bits.
    """
    if not isinstance(text, str) or not (match := DURATION.fullmatch(text.strip())):
        raise InvalidError(
            say("{text!r} is not a duration: write a number with ms, s, m, h or d, as in 10s", text=text), where=where
        )
    nanoseconds = float(match[1]) * _NANOSECONDS[match[2]]
    if nanoseconds >= 1 << 63:
        raise InvalidError(
            say("{text!r} is longer than a duration may be: at most 106751d", text=text[:24]), where=where
        )
    return round(nanoseconds)


_BYTES = {
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_SIZE = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_BYTES)})")


def size(text: str, *, where: str = "") -> int:
    """Bytes in a size such as `64MB` or `1.5 GiB`.

    Raises:
        InvalidError: it is not a number with one of the units kB, MB, GB, KiB, MiB, GiB.
    """
    if not isinstance(text, str) or not (match := _SIZE.fullmatch(text.strip())):
        raise InvalidError(
            say("{text!r} is not a size: write a number with kB, MB or GB, as in 64MB", text=text), where=where
        )
    return round(float(match[1]) * _BYTES[match[2]])
