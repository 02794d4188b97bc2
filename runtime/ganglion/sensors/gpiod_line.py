# SPDX-License-Identifier: GPL-3.0-or-later
"""One input line of a Linux gpiochip, by gpiod 2: its value, and its edges as the kernel saw them."""

import errno
import os
import select
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from ganglion.linux import gpiochip
from ganglion.sensors.edges import Edge

if TYPE_CHECKING:
    from gpiod import LineRequest

#: Edges that the kernel keeps for us (uAPI v2: at most 16 for each of 64 lines).
_KEPT = 1024


class GpiodLine:
    """A line that is ours until `close`.

    Args:
        chip: `/dev/gpiochipN`.
        line: Its offset on the chip, or its name.
        bias: `up`, `down`, `off`, or `as-is`.
        active_low: Whether low is active; states and edges are of what is active.
        edges: `rising`, `falling` or `both`.
        debounce: Nanoseconds that the line must be still before an edge counts: by the controller where it can, by the
            kernel elsewhere; 0 for none.

    Raises:
        OSError: no such chip or line, no permission, or somebody else has the line; the message says who.
    """

    def __init__(
        self, chip: str, line: int | str, *, bias: str, active_low: bool, edges: str, debounce: int, consumer: str
    ) -> None:
        import gpiod
        from gpiod.line import Bias, Clock, Direction
        from gpiod.line import Edge as Detection

        self._line = line
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            bias={"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "off": Bias.DISABLED, "as-is": Bias.AS_IS}[bias],
            active_low=active_low,
            edge_detection={"rising": Detection.RISING, "falling": Detection.FALLING, "both": Detection.BOTH}[edges],
            debounce_period=timedelta(microseconds=debounce / 1000),
            event_clock=Clock.MONOTONIC,
        )
        try:
            self._request: LineRequest = gpiod.request_lines(
                chip, {line: settings}, consumer=consumer, event_buffer_size=_KEPT
            )
        except (OSError, ValueError) as error:
            raise OSError(getattr(error, "errno", None) or errno.ENOENT, gpiochip.refusal(chip, line, error)) from error
        self._rising = gpiod.EdgeEvent.Type.RISING_EDGE
        self._active = gpiod.line.Value.ACTIVE
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        for descriptor in (self._request.fd, self._wake):
            self._poll.register(descriptor, select.POLLIN)

    def value(self) -> bool:
        """Whether the line is active now."""
        return self._request.get_value(self._line) is self._active

    def wait(self, timeout: int) -> list[Edge]:
        """The edges since the last call, once there is one; none after so many nanoseconds.

        Raises:
            OSError: ECANCELED, it was interrupted; ENODEV, the chip was removed.
        """
        ready = dict(self._poll.poll(max(timeout, 0) / 1e6))
        if self._wake in ready:
            raise OSError(errno.ECANCELED, "interrupted")
        happened = ready.get(self._request.fd, 0)
        if happened & ~select.POLLIN:
            raise OSError(errno.ENODEV, "the gpiochip was removed")
        if not happened:
            return []
        return [
            (event.event_type is self._rising, event.timestamp_ns, event.line_seqno)
            for event in self._request.read_edge_events(_KEPT)
        ]

    def interrupt(self) -> None:
        """From any thread: `wait` raises soon, and from now on."""
        with self._lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        self._request.release()
        with self._lock:
            if self._wake >= 0:
                os.close(self._wake)
                self._wake = -1
