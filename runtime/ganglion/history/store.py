# SPDX-License-Identifier: GPL-3.0-or-later
"""The segments of a history: blocks are appended and synced, whole old segments dropped, and read one block at a time.

What was synced is never written to again. A power cut can therefore tear only the block that was being written: it is
left where it is, its CRC tells, and what comes next begins another file.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from ganglion.history import block
from ganglion.history.block import Numbered, Reading
from ganglion.history.segment import MAGIC, Place, Segment
from ganglion.units import SECOND

#: A history has about so many segments; with the oldest, so much of it goes at once.
_SEGMENTS = 16
_LEAST_SEGMENT = 64 * 1024


class Store:
    """The folder. One thread at a time.

    Args:
        folder: Made where there is none, for its owner alone.
        limit: Bytes of all segments.
        age: Nanoseconds of running that a reading is kept. Neither a night in a drawer nor a clock that somebody sets
            makes it old.
        monotonic: Seconds that go on evenly.

    Attributes:
        next: Number of the next reading.
        readings, bytes, syncs: What was written since it was opened, and how often the disk was waited for.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(self, folder: Path, *, limit: int, age: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._limit = limit
        self._age = age // SECOND
        self._monotonic = monotonic
        self._segment_size = max(limit // _SEGMENTS, _LEAST_SEGMENT)
        self._segments = Segment.all(folder)
        self._file: int | None = None
        self.next = 0
        self.readings = self.bytes = self.syncs = 0
        self._open()
        self._base = (self._segments[-1].ran if self._segments else 0) - monotonic()

    def append(self, readings: Sequence[Reading]) -> None:
        """Writes readings; they are on the disk when it returns. One write and one sync, and two for a new file.

        Raises:
            OSError: the disk is full or broken; none of these readings counts.
        """
        ran = self._ran()
        data, first = bytearray(), self.next
        for chunk in block.chunks(readings):
            data += block.pack(chunk, first=first, ran=ran)
            first += len(chunk)
        if not data:
            return
        segment = self._segments[-1] if self._file is not None else None
        if segment is not None and (
            segment.size + len(data) > self._segment_size or ran - segment.began > self._age // _SEGMENTS
        ):
            self._close()
            segment = None
        try:
            self._write(segment, bytes(data))
        except OSError:
            self._close()  # what is half written there stays, and is never gone on with
            self._forget_empty()
            raise
        for place in _places(data):
            self._segments[-1].note(place.head)
        self.next = first
        self.readings += len(readings)
        self.bytes += len(data)
        self.retain()

    def retain(self) -> None:
        """Drops the oldest segments that are beyond the age, or too much."""
        ran = self._ran()
        while self._segments:
            oldest = self._segments[0]
            total = sum(each.size for each in self._segments)
            if (total <= self._limit or len(self._segments) == 1) and ran - oldest.ran <= self._age:
                return
            if len(self._segments) == 1:
                self._close()
            with suppress(OSError):  # else the next start tries again
                oldest.path.unlink()
            del self._segments[0]

    def blocks(self, *, at: int | None, newest: bool, since: int | None, until: int | None) -> Iterator[Numbered]:
        """Blocks that may have readings of a time, one at a time.

        Args:
            at: Number of the reading to begin at; None for the first, or the last.
            newest: Whether they come last first.
            since, until: Nanoseconds since the Unix epoch; None for any.
        """
        segments = tuple(self._segments)
        for i in range(len(segments))[:: -1 if newest else 1]:
            segment, after = segments[i], segments[i + 1].first if i + 1 < len(segments) else self.next
            if at is not None and (segment.first > at if newest else after <= at):
                continue
            earliest, latest = segment.survey()
            if (since is not None and latest < since) or (until is not None and earliest > until):
                continue
            # Of a segment the heads fit into memory: each stands for up to a thousand readings.
            places = segment.places()
            for place in reversed(list(places)) if newest else places:
                head = place.head
                if head.first >= after:
                    continue  # the disk said that it failed; its readings are in what follows
                if at is not None and (head.first > at if newest else head.first + head.readings <= at):
                    continue
                if (since is not None and head.latest < since) or (until is not None and head.earliest > until):
                    continue
                if (readings := segment.read(place)) is not None:
                    yield Numbered(head.first, readings)

    @property
    def segments(self) -> Sequence[Segment]:
        """Those there are, oldest first."""
        return self._segments

    def close(self) -> None:
        """Closes the file."""
        self._close()

    def _open(self) -> None:
        """Finds out where to go on: in the last file where all of it is whole, else in another one."""
        for segment in self._segments[:-1]:
            segment.size = segment.path.stat().st_size
            place = next(segment.places(), None)
            segment.began = 0 if place is None or segment.read(place) is None else place.head.ran
        if not self._segments:
            return
        last = self._segments[-1]
        self.next, is_whole = last.check()
        if is_whole and last.size:
            self._file = os.open(last.path, os.O_WRONLY | os.O_CLOEXEC)
        for segment, after in pairwise(self._segments):
            segment.ran = after.began
        self._forget_empty()

    def _write(self, segment: Segment | None, data: bytes) -> None:
        if segment is None:
            segment = Segment.named(self._folder, self.next)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._file = os.open(segment.path, flags, 0o600)
            self._segments.append(segment)
            _put(self._file, MAGIC + data, 0)
            self._sync(self._file)
            folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self.syncs += 1
                os.fsync(folder)
            finally:
                os.close(folder)
        else:
            assert self._file is not None
            _put(self._file, data, segment.size)
            self._sync(self._file)

    def _sync(self, file: int) -> None:
        self.syncs += 1
        os.fdatasync(file)

    def _forget_empty(self) -> None:
        """A file without one whole block holds nothing, and has the name that the next one needs."""
        if self._segments and not self._segments[-1].size:
            self._segments.pop().path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _ran(self) -> int:
        return int(self._base + self._monotonic())


def _put(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _places(data: bytearray) -> Iterator[Place]:
    offset = 0
    while (head := block.head(bytes(data[offset : offset + block.SIZE]))) is not None:
        yield Place(offset, head)
        offset += block.SIZE + head.length
