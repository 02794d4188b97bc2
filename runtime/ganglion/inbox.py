# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of other threads: an audio callback, a driver that blocks, a C library."""

import logging
import os
from collections import deque
from contextlib import suppress
from itertools import count
from struct import error
from threading import Lock
from time import monotonic_ns, time_ns
from typing import Any

from ganglion.bus import Bus
from ganglion.bus.record import IN_SLOT, RECORD, Record, records
from ganglion.errors import NotFoundError, RefusedError
from ganglion.event import Priority

try:
    from ganglion.bus.native import Mailbox as _Native
except ImportError:
    _Native = None  # type: ignore[assignment,misc]

_log = logging.getLogger(__name__)


class Mailbox:
    """A ring of records in Python, for builds without a native core: a lock in the place of atomics.

    Args:
        capacity: Records; the next power of two counts, from 2 to 65,536.
        wake: File descriptor that gets 8 bytes when something comes and the consumer may sleep.
    """

    def __init__(self, capacity: int, wake: int) -> None:
        self._room = 1 << min(max(capacity - 1, 1).bit_length(), 16)
        self._wake = wake
        self._records: deque[bytes] = deque()
        self._lock = Lock()
        self._is_awake = False
        self.dropped = 0

    def put(self, record: bytes) -> bool:
        """Takes a record of `RECORD`; whether there was room."""
        with self._lock:
            if len(self._records) >= self._room:
                self.dropped += 1
                return False
            self._records.append(record)
            is_awake, self._is_awake = self._is_awake, True
        if not is_awake:
            with suppress(OSError):  # an eventfd that is full wakes as well
                os.write(self._wake, (1).to_bytes(8, "little"))
        return True

    def take(self) -> bytes:
        """The oldest, up to 256."""
        with self._lock:
            self._is_awake = False
            return b"".join(self._records.popleft() for _ in range(min(256, len(self._records))))


class Inbox:
    """Takes events on any thread and emits them on that of the bus, in the order in which they came.

    A loop watches `fileno()` and calls `drain` when it is readable: `loop.add_reader(inbox, inbox.drain)`.

    Args:
        bus: Gets the events; its `backend` says which ring is used.
        capacity: Events that may wait; the next power of two counts, from 2 to 65,536. What finds no room is counted.

    Attributes:
        mailbox: The ring. A C library may put records in: the native one has the addresses of `gg_inbox_put` and of its
            first argument.
    """

    def __init__(self, bus: Bus, *, capacity: int = 4096) -> None:
        if capacity < 1:
            raise ValueError(f"an inbox has room for at least one event, not for {capacity}")
        self._bus = bus
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.mailbox = _Native(capacity, self._wake) if bus.backend == "native" else Mailbox(capacity, self._wake)
        # What does not fit a record waits here. Threads put and this one takes: a dict and a count do each in one step.
        self._slots: dict[int, Any] = {}
        self._taken: deque[Record] = deque()
        self._refused = 0
        self._next_slot = count()
        self._most = capacity

    def fileno(self) -> int:
        """Readable when there is something to drain."""
        return self._wake

    @property
    def dropped(self) -> int:
        """Events that found no room here, were refused by a queue of the bus, or had no topic there."""
        return self.mailbox.dropped + self._refused

    def post(
        self,
        topic: int,
        value: Any,
        *,
        timestamp: int | None = None,
        source: str = "",
        priority: int = Priority.NORMAL,
    ) -> bool:
        """Takes an event; any thread may call it.

        Args:
            topic: A handle of `Bus.topic`, got on the thread of the bus.
            timestamp: Nanoseconds since the Unix epoch; now where it is None.

        Returns:
            Whether there was room.
        """
        wall = time_ns() if timestamp is None else timestamp
        number, slot, flags = 0.0, 0, 0
        if type(value) is float and not source:
            number = value
        else:
            slot, flags = next(self._next_slot) & 0x7FFFFFFF, IN_SLOT
        try:
            record = RECORD.pack(topic, 0, 0, slot, 0, wall, monotonic_ns(), number, 1.0, priority, flags, 0)
        except error as why:
            raise ValueError(f"the event does not fit a record: {why}") from None
        if flags:
            self._slots[slot] = (value, source)
        if self.mailbox.put(record):
            return True
        if flags:
            del self._slots[slot]
        return False

    def drain(self) -> int:
        """Emits what has come, on the thread of the bus; returns how many.

        At most as many as the inbox holds: where more come meanwhile, the file is readable again at once.
        """
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        done = 0
        try:
            while done < self._most:
                if not self._taken:
                    self._taken.extend(records(self.mailbox.take()))
                    if not self._taken:
                        return done
                done += 1
                self._emit(self._taken.popleft())
        finally:
            if self._taken or done >= self._most:
                os.eventfd_write(self._wake, 1)
        return done

    def _emit(self, record: Record) -> None:
        value, source = self._slots.pop(record.slot) if record.flags & IN_SLOT else (record.value, "")
        try:
            self._bus.emit(record.topic, value, timestamp=record.wall, source=source, priority=record.priority)
        except RefusedError:
            self._refused += 1
        except NotFoundError as why:
            self._refused += 1
            _log.error("an event of another thread is dropped: %s", why)

    def close(self) -> None:
        """Ends it; no thread may post any more."""
        os.close(self._wake)
