# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble.core`: the radio, its settings, and how an error of the other side is told."""

from collections.abc import Callable
from typing import Any

from ganglion.shims import board
from ganglion.shims.bluetooth.radio import Radio

#: 0 for nothing, 1 for errors, 2 for warnings too, 3 for all.
log_level = 1
#: Called by `stop`.
_ends: list[Callable[[], None]] = []
_settings: dict[str, Any] = {}


def log_error(*words: object) -> None:
    if log_level > 0:
        print("[aioble] E:", *words)


def log_warn(*words: object) -> None:
    if log_level > 1:
        print("[aioble] W:", *words)


def log_info(*words: object) -> None:
    if log_level > 2:
        print("[aioble] I:", *words)


class GattError(Exception):
    """The other side refused.

    Args:
        status: Why: Core specification, volume 3, part F, 3.4.1.1.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self._status = status


def radio() -> Radio:
    """That of the board in use.

    Raises:
        OSError, UsageError: it has none; with the remedy.
    """
    return board.current().radio()


def config(*what: str, **settings: Any) -> Any:
    """A setting by its name: `mac`, which is (type, address), `mtu`, `gap_name`; with keywords, sets some.

    Raises:
        ValueError: there is no such setting.
    """
    if settings:
        _settings.update(settings)
        return None
    if len(what) != 1:
        raise ValueError("config takes one name, or keywords")
    if what[0] == "mac":
        return radio().mac
    if what[0] not in known():
        raise ValueError("unknown config param")
    return known()[what[0]]


def known() -> dict[str, Any]:
    """Settings that were made, before them what they are at first."""
    return {"mtu": 256, "gap_name": "MPY GANGLION", **_settings}


def at_end(function: Callable[[], None]) -> None:
    """Has a function called by `stop`."""
    _ends.append(function)


def stop() -> None:
    """Ends connections, advertisements and scans."""
    radio().stop()
    for each in _ends:
        each()
