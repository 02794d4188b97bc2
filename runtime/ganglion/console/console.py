# SPDX-License-Identifier: GPL-3.0-or-later
"""A console at work: joins a port, a keyboard or a pipe, a screen, a recording and the guests of the port."""

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganglion.console.guests import Guests
from ganglion.console.listener import Listener
from ganglion.console.paced import Paced
from ganglion.console.pen import Pen
from ganglion.console.pty import Pty
from ganglion.console.recorder import Recorder
from ganglion.console.screens import Screen
from ganglion.device.link import AGAIN, Link
from ganglion.errors import RefusedError, UnreachableError
from ganglion.printable import printable

#: Seconds between looks at what no descriptor tells of: the pty that is opened, and a port behind rfc2217://.
_LOOK, _POLL = 0.05, 0.01
#: Seconds that it waits at most: a signal just before it begins to wait is handled after.
_AT_MOST = 0.5
#: Bytes of a pipe that wait to be sent at most.
_WAITING = 1 << 16
#: Seconds of silence after which the answer to a pipe that has ended is over.
_ANSWERED = 1.0
_READ = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a console is to do.

    Attributes:
        watches: It sends nothing.
        until: It ends once the device has said this, after all that was to be sent; b"" for nothing to wait for.
        limit: Seconds after which it ends; None for no limit.
        rate: Bytes a second of what is pasted or piped; None for half of what the speed of the port carries.
        ending: What a line of a pipe ends with when it is sent; None for what it ends with.
    """

    watches: bool = False
    until: bytes = b""
    limit: float | None = None
    rate: float | None = None
    ending: bytes | None = b"\r"


class Console:
    """One, over a link that is open. `run` returns when it has ended; `close` closes what it was given but the link.

    Args:
        link: The port.
        screen: Where what it says goes.
        wanted: What it is to do.
        pty: Where programs of this machine reach the port.
        listener: Where clients of RFC 2217 do.
    """

    def __init__(
        self,
        link: Link,
        screen: Screen,
        wanted: Wanted,
        *,
        pty: Pty | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.link = link
        self.screen = screen
        self.pen = Pen()
        self.paced = Paced(wanted.rate or link.baud / 20)  # ten bits a byte
        self.recorder: Recorder | None = None
        self.guests = Guests(link, self.pen, pty=pty, listener=listener, wrote=self.wrote, say=self.tell)
        self._wanted = wanted
        self._source: int | None = None
        self._has_sent = False
        self._heard = time.monotonic()
        self._end = None if wanted.limit is None else time.monotonic() + wanted.limit
        self._tail = b""
        self._watched: dict[int, Callable[[], None]] = {}
        self._is_over = False
        self._is_refused = False

    def __str__(self) -> str:
        return "the console"

    def watch(self, descriptor: int, then: Callable[[], None]) -> None:
        """Calls something whenever there is something to read there."""
        self._watched[descriptor] = then

    def pipe(self, descriptor: int) -> None:
        """Sends what comes from a pipe or a file."""
        self._source = descriptor
        self.watch(descriptor, self._pipe)

    def unwatch(self, descriptor: int) -> None:
        """Does so no more."""
        self._watched.pop(descriptor, None)

    def stop(self) -> None:
        """Has `run` return."""
        self._is_over = True

    def tell(self, text: str) -> None:
        """Says what happens to the port, here and in the recording."""
        text = printable(text)
        self.screen.tell(text)
        if self.recorder is not None:
            self.recorder.mark(text)

    def record(self, path: Path) -> None:
        """Begins to record.

        Raises:
            InvalidError: not into this file.
        """
        self.recorder = Recorder(path, f"{self.link.name} at {self.link.baud} baud")

    def may_send(self) -> bool:
        """Whether what is typed goes to the device; says why not, once."""
        is_full = self.link.waiting >= _WAITING
        refusal = self.link.refusal
        if self._wanted.watches or not self.pen.is_free or self.link.port is None or is_full or refusal:
            if not self._is_refused:
                self._is_refused = True
                if self._wanted.watches:
                    self.tell("this console only watches; nothing is sent")
                elif self.link.port is None:
                    self.tell(f"{self.link.name} is gone; nothing is sent")
                elif refusal:
                    self.tell(refusal)
                elif is_full:
                    self.tell(f"{self.link.name} takes no bytes: reset the board, or unplug it and plug it in again")
                else:
                    self.tell(f"{self.pen} writes; nothing is sent until that is done")
            return False
        self._is_refused = False
        return True

    def type(self, data: bytes) -> None:
        """Sends what is typed, if it may be."""
        if self.may_send() and self.link.write(data):
            self.wrote(data)

    def wrote(self, data: bytes) -> None:
        """Something has been written to the device, by whomever."""
        self._heard = time.monotonic()
        self.screen.sent(data)
        if self.recorder is not None:
            self.recorder.written(data)

    def run(self) -> None:
        """Works until it is over.

        Raises:
            UnreachableError: the device has not said in time what was waited for; or the port is gone, for good.
            RefusedError: a pipe's bytes may not be sent, since somebody else writes.
        """
        while not self._is_over:
            self._once()

    def close(self) -> None:
        """Sends guests away, and ends the recording."""
        self.screen.close()
        self.guests.close()
        if self.recorder is not None:
            self.recorder.close()

    def hear(self) -> None:
        """Takes what the device has said."""
        self._hear(self.link.read())

    def _once(self) -> None:
        port = self.link.port
        is_full = self.link.waiting >= _WAITING  # a device that takes nothing: it is not the console that waits
        ours = [each for each in self._watched if each != self._source or len(self.paced) < _WAITING]
        line = [] if port is None or port.descriptor is None else [port.descriptor]
        readable, writable, _ = select.select(
            [*ours, *line, *([] if is_full else self.guests.readable())],
            [*(line if self.link.waiting else []), *([] if is_full else self.guests.writable())],
            [],
            self._timeout(),
        )
        if port is not None:
            self.hear()
        self.link.flush()
        if not is_full:
            self.guests.look([*readable, *writable])
        for descriptor in ours:
            if descriptor in readable and descriptor in self._watched:
                self._watched[descriptor]()
        self._send_paced()
        self.link.look()
        self.screen.look()
        self._look_at_end()

    def _hear(self, data: bytes) -> None:
        if not data:
            return
        self._heard = time.monotonic()
        self.screen.received(data)
        if self.recorder is not None:
            self.recorder.said(data)
        self.guests.send(data)
        if (wanted := self._wanted.until) and not self.paced:
            said = self._tail + data
            if wanted in said:
                self.stop()
            self._tail = said[-len(wanted) + 1 :] if len(wanted) > 1 else b""

    def _pipe(self) -> None:
        assert self._source is not None
        data = os.read(self._source, _READ)
        if not data:
            self.unwatch(self._source)
            self._source = None
            return
        if self._wanted.ending is not None:
            data = data.replace(b"\n", self._wanted.ending)
        self._has_sent = True
        if not self._wanted.watches:
            self.paced.put(data)

    def stop_sending(self) -> None:
        """Forgets what is pasted or piped and has not left."""
        self.paced.clear()
        self.pen.put_down(self)
        self.tell("the rest is not sent")

    def _send_paced(self) -> None:
        if dropped := self.link.take_dropped():
            if self._has_sent:
                raise RefusedError(dropped)
            self.tell(dropped)
        if self.paced and (self.link.port is None or self.link.refusal):
            if self.link.refusal and self._has_sent:
                raise RefusedError(self.link.refusal)  # whose bytes they are is a script, which goes by the exit code
            if self.link.refusal:
                self.tell(self.link.refusal)
            self.stop_sending()  # half of a program is nothing for a board that begins anew
        if not self.paced or self.link.port is None or self.link.waiting or not self.pen.take(self):
            return
        if (piece := self.paced.due(time.monotonic())) and self.link.write(piece):
            self.wrote(piece)
        if not self.paced:
            self.pen.put_down(self)

    def _timeout(self) -> float:
        now = time.monotonic()
        limits = [self.screen.deadline, self._end, now + _AT_MOST]
        if self.paced and not self.link.waiting:
            limits.append(self.paced.deadline if self.pen.is_free or self.pen.is_held_by(self) else now + _LOOK)
        if self._ends_by_itself():
            limits.append(self._heard + _ANSWERED)
        if self.link.port is None:
            limits.append(now + AGAIN)
        elif self.link.port.descriptor is None:
            limits.append(now + _POLL)
        if self.guests.needs_looks:
            limits.append(now + _LOOK)
        return max(0.0, min(limit - now for limit in limits if limit is not None))

    def _ends_by_itself(self) -> bool:
        """Whether it was a pipe's bytes to send and hear the answer of, and they are sent."""
        waits = self._wanted.until or self._end is not None
        is_sent = not self.paced and not self.link.waiting
        return self._has_sent and self._source is None and is_sent and not waits

    def _look_at_end(self) -> None:
        now = time.monotonic()
        if self._end is not None and now >= self._end and not self._is_over:
            if self._wanted.until:
                raise UnreachableError(
                    f"{self.link.name} has not said {self._wanted.until.decode(errors='replace')!r} "
                    f"within {self._wanted.limit:g} s"
                )
            self.stop()
        if self._ends_by_itself() and now >= self._heard + _ANSWERED:
            self.stop()
