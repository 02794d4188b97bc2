# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member of the mesh has still to say: readings gathered into frames, events until they are stored, answers."""

from ganglion_micro import cbor

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Bytes of the readings of a frame.
FRAME_SIZE = 768
#: Readings that wait for the time.
TIMELESS = 32
#: Requests that are remembered, and those of them whose answer is kept for a copy.
REQUESTS = 32
ANSWERS = 4


class Again:
    """When something is said, and said again, later each time.

    Args:
        first, last: Milliseconds until the second time, doubled each time up to the last.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        self._last = last
        self.at = self._wait = 0

    def anew(self, at: int = 0, longest: bool = False) -> None:
        """From the beginning, at a time; or as seldom as it ever is."""
        self.at = at
        self._wait = self._last if longest else 0

    def is_due(self, ms: int, chance: int = 0) -> bool:
        """Whether it is time; then the next is set.

        Args:
            chance: 0 to 255; it comes by up to the half sooner, so that a thousand boards do not come at once.
        """
        if ms < self.at:
            return False
        self._wait = min(2 * self._wait, self._last) or self._first
        self.at = ms + self._wait - self._wait * chance // 512
        return True


class Frame:
    """Readings that wait for one signature.

    Attributes:
        dropped: Those that there was no room for: the oldest go.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._readings: "list[cbor.Encoded]" = []
        self._size = 0
        self._taken = 0
        self._timeless: "list[tuple[str, int, cbor.Encoded]]" = []

    def add(self, stream: str, at: int, value: "Any", ms: int = 0) -> None:
        """Takes a reading of a time in nanoseconds, or 0 and milliseconds since the boot where nobody has said it.

        Raises:
            CBORError: it has no place in CBOR.
        """
        if not at:
            self.dropped += len(self._timeless) >= TIMELESS
            self._timeless = self._timeless[1 - TIMELESS :] + [(stream, ms, cbor.Encoded(cbor.encode(value)))]
            return
        reading = cbor.Encoded(cbor.encode([stream, at, value]))
        self._readings.append(reading)
        self._size += len(reading.data)
        while self._size > FRAME_SIZE:
            self._size -= len(self._readings.pop(0).data)
            self.dropped += 1

    def settle(self, now: int, ms: int) -> None:
        """The time in nanoseconds, and in milliseconds since the boot: what has waited for it is taken."""
        timeless, self._timeless = self._timeless, []
        for stream, at, value in timeless:
            self.add(stream, now - (ms - at) * 1000000, value)

    def take(self, ms: int, every: int) -> "list[cbor.Encoded]":
        """The body of a BATCH, so many milliseconds after the last at least; empty before, and where there is none."""
        if not self._readings or ms - self._taken < every:
            return []
        self._taken = ms
        found, self._readings, self._size = self._readings, [], 0
        return found


class Event:
    """One that is said until it is stored; sealed when it is said first, so that it is the same each time."""

    def __init__(self, body: "dict[str, Any]", again: Again) -> None:
        self.body = body
        self.again = again
        self.seq = 0
        self.sealed = b""


class Done:
    """Requests that were done or are about to be, so that none is done twice."""

    def __init__(self) -> None:
        self._known: "list[list[Any]]" = []

    def begin(self, identity: str) -> None:
        """One is about to be done."""
        self._known = self._known[1 - REQUESTS :] + [[identity, b""]]

    def end(self, identity: str, answer: bytes) -> None:
        """This is what was answered."""
        for each in self._known[:-ANSWERS]:
            if each[1]:  # one that still waits to be done is answered then
                each[1] = None
        for each in self._known:
            if each[0] == identity:
                each[1] = answer

    def find(self, identity: str) -> "tuple[bool, bytes | None]":
        """Whether it is known, and its answer: empty while there is none yet, None where it is not kept any more."""
        for each in self._known:
            if each[0] == identity:
                return True, each[1]
        return False, b""
