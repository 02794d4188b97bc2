# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of blocks: appended to, read block by block, never changed where it was written."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ganglion.history import block
from ganglion.history.block import Head, Reading

#: What a file begins with; the last byte is the version of what follows.
MAGIC = b"glhist\x00\x01"
_SUFFIX = ".rows"


class Place(NamedTuple):
    """Where a block is."""

    offset: int
    head: Head


class Segment:
    """A file, named by the number of its first reading.

    Attributes:
        path: The file.
        first: Number of its first reading.
        size: Bytes of it.
        span: Earliest and latest time of its readings, in nanoseconds since the Unix epoch; None where nobody looked.
        began: Seconds that the node had run at its first block.
        ran: And at its last one.
    """

    def __init__(self, path: Path, first: int) -> None:
        self.path = path
        self.first = first
        self.size = 0
        self.span: tuple[int, int] | None = None
        self.began = self.ran = 0

    @classmethod
    def named(cls, folder: Path, first: int) -> "Segment":
        """The one that begins with this number."""
        return cls(folder / f"{first:016x}{_SUFFIX}", first)

    @classmethod
    def all(cls, folder: Path) -> "list[Segment]":
        """Those of a folder, oldest first."""
        found = []
        for path in folder.glob(f"*{_SUFFIX}"):
            try:
                found.append(cls(path, int(path.name.removesuffix(_SUFFIX), 16)))
            except ValueError:
                continue  # not ours
        return sorted(found, key=lambda each: each.first)

    def note(self, head: Head) -> None:
        """Another block was written, or found to be whole."""
        if not self.size:
            self.size = len(MAGIC)
            self.began = head.ran
        self.size += block.SIZE + head.length
        self.ran = head.ran
        self._spans(head)

    def survey(self) -> tuple[int, int]:
        """Its span, which it looks for once."""
        if self.span is None:
            for place in self.places():
                self._spans(place.head)
        return self.span or (0, 0)

    def _spans(self, head: Head) -> None:
        earliest, latest = self.span or (head.earliest, head.latest)
        self.span = min(earliest, head.earliest), max(latest, head.latest)

    def places(self) -> Iterator[Place]:
        """Where its blocks seem to be, up to where there is none. Nothing if it is gone."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return  # dropped while somebody asked
        with file:
            if file.read(len(MAGIC)) != MAGIC:
                return
            end, offset = os.fstat(file.fileno()).st_size, len(MAGIC)
            while True:
                file.seek(offset)
                head = block.head(file.read(block.SIZE))
                if head is None or offset + block.SIZE + head.length > end:
                    return
                yield Place(offset, head)
                offset += block.SIZE + head.length

    def read(self, place: Place) -> list[Reading] | None:
        """The readings of a block; None where it is damaged, or the file is gone."""
        try:
            with self.path.open("rb") as file:
                file.seek(place.offset)
                return block.unpack(file.read(block.SIZE + place.head.length))
        except FileNotFoundError:
            return None

    def check(self) -> tuple[int, bool]:
        """Reads all of it: the number after its last whole block, and whether there is nothing else in it."""
        after, is_whole, end = self.first, True, len(MAGIC)
        for place in self.places():
            end = place.offset + block.SIZE + place.head.length
            if self.read(place) is None:
                is_whole = False
                continue
            self.note(place.head)
            after = place.head.first + place.head.readings
        try:
            return after, is_whole and end == self.path.stat().st_size
        except FileNotFoundError:
            return after, False
