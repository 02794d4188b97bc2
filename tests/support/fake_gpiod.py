# SPDX-License-Identifier: GPL-3.0-or-later
"""A gpiochip behind gpiod's published API: its own classes and enums, with lines in memory in place of the kernel's.

As the kernel does (uAPI v2): a line is one consumer's until its last descriptor is closed, whoever has it; edges are of
the logical value and numbered from 1 in a request, and the oldest are dropped when nobody reads them. A descriptor is
readable while edges wait.
"""

import errno
import os
import select

import gpiod
from gpiod.line import Direction, Edge, Value


class Chip:
    """Lines by offset, some with names, all low.

    Args:
        path: The only one that is a gpiochip.
        lines: How many.
        names: Name to offset.

    Attributes:
        high: The lines that are.
        requests: Offset to who has it.
        refuses: What a request raises, None for nothing.
        fails: What switching a line raises.
    """

    def __init__(self, path, *, lines=8, names=None):
        self.path = path
        self.lines = lines
        self.names = names or {}
        self.high = set()
        self.requests = {}
        self.refuses = None
        self.fails = None

    def request_lines(self, path, config, consumer=None, event_buffer_size=None, output_values=None):
        """Stands for `gpiod.request_lines`."""
        if path != self.path:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if self.refuses is not None:
            raise self.refuses
        ((line, settings),) = config.items()
        offset = self._offset(line)
        if self.held(offset):
            raise OSError(errno.EBUSY, "Device or resource busy")
        request = Request(self, offset, line, settings, consumer, event_buffer_size)
        self.requests[offset] = request
        return request

    def held(self, offset):
        """Whether somebody has a line; it is forgotten who, once nobody has."""
        if offset in self.requests and self.requests[offset].gone:
            del self.requests[offset]
        return offset in self.requests

    def opened(self, path):
        """Stands for `gpiod.Chip`, as far as its line info."""
        if path != self.path:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return _Opened(self)

    def set(self, offset, high, timestamp):
        """Drives a line."""
        if high == (offset in self.high):
            return
        (self.high.add if high else self.high.discard)(offset)
        if request := self.requests.get(offset):
            request.changed(high, timestamp)

    def _offset(self, line):
        if isinstance(line, str):
            if line not in self.names:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory")
            return self.names[line]
        if line >= self.lines:
            raise ValueError("line offset of out range")
        return line


class Request:
    """Stands for `gpiod.LineRequest`."""

    def __init__(self, chip, offset, line, settings, consumer, size):
        self.settings = settings
        self.consumer = consumer
        self._chip = chip
        self._offset = offset
        self._lines = (line, offset)
        self._size = size
        self._seen = 0
        self._events = []
        self._descriptor, self._kernel = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._released = False
        if settings.direction is Direction.OUTPUT:
            self.set_value(line, settings.output_value)

    def __del__(self):
        os.close(self._kernel)

    @property
    def fd(self):
        self._check()
        return self._descriptor

    @property
    def gone(self):
        """Whether nobody has a descriptor of it any more: as that of a pipe's end, which the other end is told."""
        poll = select.poll()
        poll.register(self._kernel, 0)
        return bool(poll.poll(0))

    def get_value(self, line):
        self._check()
        assert line in self._lines
        return Value.ACTIVE if (self._offset in self._chip.high) != self.settings.active_low else Value.INACTIVE

    def set_value(self, line, value):
        self._check()
        assert line in self._lines
        if self._chip.fails is not None:
            raise self._chip.fails
        high = (value is Value.ACTIVE) != self.settings.active_low
        (self._chip.high.add if high else self._chip.high.discard)(self._offset)

    def read_edge_events(self, max_events=None):
        self._check()
        events, self._events = self._events[:max_events], self._events[max_events or len(self._events) :]
        if not self._events:
            os.read(self._descriptor, 1)
        return events

    def release(self):
        if not self._released:
            os.close(self._descriptor)
            self._released = True
            self._chip.held(self._offset)

    def changed(self, high, timestamp):
        active = high != self.settings.active_low
        wanted = {Edge.BOTH: (True, False), Edge.RISING: (True,), Edge.FALLING: (False,)}
        if active not in wanted[self.settings.edge_detection]:
            return
        self._seen += 1
        kind = gpiod.EdgeEvent.Type.RISING_EDGE if active else gpiod.EdgeEvent.Type.FALLING_EDGE
        self._events.append(gpiod.EdgeEvent(kind.value, timestamp, self._offset, self._seen, self._seen))
        del self._events[: -self._size]
        if len(self._events) == 1:
            os.write(self._kernel, b"e")

    def _check(self):
        if self._released:
            raise gpiod.RequestReleasedError


class _Opened:
    def __init__(self, chip):
        self._chip = chip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def get_line_info(self, line):
        return _Info(self._chip.requests[self._chip._offset(line)].consumer)


class _Info:
    def __init__(self, consumer):
        self.consumer = consumer
