# SPDX-License-Identifier: GPL-3.0-or-later
"""The time floor: the latest time there is proof of, on the disk, so that a clock set back revives nothing.

Proof is what the authority or a gateway has signed: the `iat` of a credential, a revocation list, a message. A node's
own clock proves nothing, or a wrong one would shut the node out; what a monotonic clock counted since the last proof
does. A clock that shows less than the floor is known to be wrong.

Of a clock that is ahead nothing that was signed says so: all of it is of the past. But one that shows a time a day
after the node's own credential is over shows either a node that was away for all that time or a clock that is wrong,
and a node that believes it hears nobody any more: gateways' credentials are over by then, too. So it is held to be
wrong, and the floor is the time, until a gateway's word proves that the credential is over indeed, which its birth does
at once: it is never older than a day. Whoever has stolen the key of a gateway can use it on such a node for as long as
on one whose clock has no battery: no message from before the floor is believed. A clock that is ahead by less is
believed by its node; its gateway sees that what arrives is of a time that has not come.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from ganglion.mesh import files
from ganglion.units import SECOND

_log = logging.getLogger(__name__)

#: Clocks may differ by so much without one of them being wrong.
TOLERANCE = 300 * SECOND
#: A gateway is born anew at least so often, with a new credential.
_REBORN = 86400 * SECOND
#: Between two writes to the disk, in nanoseconds of the monotonic clock: flash wears.
WRITE = 600 * SECOND


class Floor:
    """The floor itself.

    Attributes:
        at: Nanoseconds since the Unix epoch; 0 where nothing was ever proved.
        end: When the node's own credential is over; 0 where it has none.
    """

    __slots__ = ("at", "end")

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.end = 0

    def prove(self, at: int) -> None:
        """Somebody trusted has signed that it was this late."""
        if at > self.at:
            self.at = at

    def least(self, now: int) -> int:
        """The earliest that it can be when a clock says `now`."""
        return self.at if self._ahead(now) else max(now, self.at)

    def wrong(self, now: int) -> bool:
        """Whether a clock that says `now` is wrong."""
        return now + TOLERANCE < self.at or self._ahead(now)

    def _ahead(self, now: int) -> bool:
        return self.at < self.end <= now - _REBORN


class FloorFile:
    """A floor that outlives its process.

    Args:
        path: One decimal number; a damaged file counts as none.
        monotonic: Nanoseconds that go on evenly and cannot be set.

    Attributes:
        floor: As it is now.
    """

    def __init__(self, path: Path, *, monotonic: Callable[[], int] = time.monotonic_ns) -> None:
        self._path = path
        self._monotonic = monotonic
        data = files.read(path)
        if data is not None and not data.strip().isdigit():
            _log.warning("%s holds no time; the floor begins anew.", path)
            data = None
        self.floor = Floor(int(data) if data else 0)
        self._proved, self._when = self.floor.at, monotonic()
        self._written, self._wrote = self.floor.at, self._when - WRITE

    def advance(self) -> None:
        """Time has passed: the floor rises by as much. Writes it where the last write is long enough ago."""
        now = self._monotonic()
        if self.floor.at != self._proved:
            self._proved, self._when = self.floor.at, now
        elif self._proved:
            self.floor.prove(self._proved + now - self._when)
            self._proved, self._when = self.floor.at, now
        if now - self._wrote >= WRITE:
            self._write(now)

    def over(self, clock: Callable[[], int]) -> Callable[[], int]:
        """A clock that never shows less than the floor, and the floor itself where the other clock is wrong."""

        def least() -> int:
            now = clock()
            if self.floor.wrong(now):
                self.advance()  # nothing else tells how time passes
            return self.floor.least(now)

        return least

    def close(self) -> None:
        """The last word of this run."""
        self.advance()
        self._write(self._monotonic())

    def _write(self, now: int) -> None:
        if self.floor.at == self._written:
            return
        try:
            files.write(self._path, b"%d\n" % self.floor.at)
        except OSError as error:
            _log.error("The time floor cannot be kept in %s: %s.", self._path, error.strerror)
        else:
            self._written = self.floor.at
        self._wrote = now
