# SPDX-License-Identifier: GPL-3.0-or-later
"""What came from the fleet, as text that is safe to print: a node may be anyone's, and a terminal obeys escapes."""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ganglion.printable import printable
from ganglion.units import SECOND


def plain(value: Any) -> str:
    """A text as it is and any other value as JSON, on one line, with what no terminal may see replaced."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return printable(text)


def progress(said: Mapping[str, Any]) -> None:
    """A line on stderr: how far a node says that it is."""
    done, total, text = said.get("done"), said.get("total"), said.get("text")
    far = "" if done is None else plain(done) if total is None else f"{plain(done)} of {plain(total)}"
    print(": ".join(part for part in (far, plain(text)) if part), file=sys.stderr, flush=True)


def bytes_done(what: str) -> Callable[[int, int], None]:
    """Shows on a terminal how many bytes of something are there, of how many; nothing elsewhere."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = done * 100 // max(total, 1)
        if percent != shown and sys.stderr.isatty():
            shown = percent
            end = "\n" if done == total else ""
            print(f"\r{plain(what)}  {percent} %  {done} of {total} bytes", end=end, file=sys.stderr, flush=True)

    return show


def clock(at: int) -> str:
    """A time of day of this machine's zone, to the millisecond, from nanoseconds since the Unix epoch."""
    local = _local(at)
    return "--:--:--.---" if local is None else f"{local:%H:%M:%S}.{at % SECOND // 1_000_000:03}"


def instant(at: int) -> str | None:
    """A time in UTC as ISO 8601 has it, to the millisecond; None where no calendar has it."""
    local = _local(at)
    return None if local is None else f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at % SECOND // 1_000_000:03}Z"


def moment(at: int) -> str:
    """Day and time of this machine's zone, to the minute, from nanoseconds since the Unix epoch."""
    local = _local(at)
    return "---------- --:--" if local is None else f"{local:%Y-%m-%d %H:%M}"


def second(at: int) -> str:
    """Day and time of this machine's zone, to the second, from nanoseconds since the Unix epoch."""
    local = _local(at)
    return "---------- --:--:--" if local is None else f"{local:%Y-%m-%d %H:%M:%S}"


def _local(at: int) -> datetime | None:
    """In this machine's zone; None for what is no time: a node may say any number."""
    try:
        return datetime.fromtimestamp(at // SECOND, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def ago(at: int, now: int) -> str:
    """How long ago it was, in its greatest unit."""
    seconds = max(0, now - at) // SECOND
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
