# SPDX-License-Identifier: GPL-3.0-or-later
"""`select`: of objects, not of numbers; an object without a file is asked by its `ioctl`."""

import errno as _errno
import select as _select
import time as _time
from collections.abc import Iterator, Sequence
from typing import Any

from ganglion.shims.oserror import oserror as _oserror

POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16
#: POLLNVAL: what is asked about is closed.
_CLOSED = 32
#: The request by which a stream is asked what it is ready for.
_POLL = 3
#: Seconds between two looks at objects without a file.
_LOOK = 0.001


def ready(stream: Any, events: int) -> int:
    """What of these events a stream without a file is ready for.

    Raises:
        OSError: it says so by a negative number.
    """
    found = int(stream.ioctl(_POLL, events))
    if found < 0:
        raise _oserror(-found)
    return found


def _key(obj: Any) -> int:
    """What an object is told apart by, a file's number by itself."""
    return ~obj if isinstance(obj, int) else id(obj)


def is_file(stream: Any) -> bool:
    """Whether Linux can wait for it."""
    return isinstance(stream, int) or (hasattr(stream, "fileno") and not hasattr(stream, "ioctl"))


class poll:
    """A set of objects that are waited for together."""

    def __init__(self) -> None:
        self._events: dict[int, tuple[Any, int]] = {}
        self._once = False

    def register(self, obj: Any, eventmask: int = POLLIN | POLLOUT) -> None:
        """Waits for an object too.

        Raises:
            ValueError: it is the number of no file.
        """
        if isinstance(obj, int) and obj < 0:
            raise ValueError("fd out of range")
        self._events[_key(obj)] = (obj, eventmask)

    def unregister(self, obj: Any) -> None:
        self._events.pop(_key(obj), None)

    def modify(self, obj: Any, eventmask: int) -> None:
        """Waits for other events.

        Raises:
            OSError: ENOENT, it is not registered.
        """
        if _key(obj) not in self._events:
            raise _oserror(_errno.ENOENT)
        self._events[_key(obj)] = (obj, eventmask)

    def poll(self, timeout: int = -1) -> list[tuple[Any, int]]:
        """Objects and what they are ready for, within so many milliseconds; -1 waits for ever."""
        end = None if timeout < 0 else _time.monotonic() + timeout / 1000
        while True:
            left = None if end is None else max(end - _time.monotonic(), 0)
            found = self._look(left)
            if found or (end is not None and _time.monotonic() >= end):
                return found

    def ipoll(self, timeout: int = -1, flags: int = 0) -> Iterator[tuple[Any, int]]:
        """As `poll`; with flags 1 an object is waited for no more once it was ready."""
        for obj, events in self.poll(timeout):
            if flags & 1:
                self.modify(obj, 0)
            yield obj, events

    def _look(self, seconds: float | None) -> list[tuple[Any, int]]:
        files = _select.poll()
        asked: dict[int, int] = {}
        found: dict[int, int] = {}
        others = False
        for key, (obj, mask) in self._events.items():
            if is_file(obj):
                number = obj if isinstance(obj, int) else obj.fileno()
                if number < 0:
                    found[key] = _CLOSED
                    continue
                asked[number] = key
                files.register(number, mask)
            elif mask:
                others = True
                if events := ready(obj, mask):
                    found[key] = events
        if found:
            seconds = 0
        elif others:
            seconds = _LOOK if seconds is None else min(seconds, _LOOK)
        for number, events in files.poll(None if seconds is None else seconds * 1000):
            found[asked[number]] = events
        return [(obj, found[key]) for key, (obj, _) in self._events.items() if key in found]


def select(
    rlist: Sequence[Any], wlist: Sequence[Any], xlist: Sequence[Any], timeout: float | None = None
) -> tuple[list[Any], list[Any], list[Any]]:
    """Those of each list that can be read, be written, or have an error."""
    asked: dict[int, tuple[Any, int]] = {}
    for each, events in [(rlist, POLLIN), (wlist, POLLOUT), (xlist, POLLERR | POLLHUP)]:
        for obj in each:
            asked[_key(obj)] = (obj, asked.get(_key(obj), (obj, 0))[1] | events)
    waiting = poll()
    for obj, mask in asked.values():
        waiting.register(obj, mask)
    found = {_key(obj): events for obj, events in waiting.poll(-1 if timeout is None else int(timeout * 1000))}
    ended = POLLERR | POLLHUP
    return (
        [each for each in rlist if found.get(_key(each), 0) & (POLLIN | ended)],
        [each for each in wlist if found.get(_key(each), 0) & (POLLOUT | ended)],
        [each for each in xlist if found.get(_key(each), 0) & ended],
    )
