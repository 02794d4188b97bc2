# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to a board, without I/O: a dry run shows it, and a run carries it out."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Bytes of a flash that are compared, written and read back at once: what such chips erase fastest.
PIECE = 64 * 1024

#: Is told what happens: `event` is `step`, `progress` (with `what`, `done` and `total`), or `ask` (something of a
#: person) and `note`, with `text`.
Report = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, or to leave as it is.

    Attributes:
        part: `image`, `agent`, `config`, `key` or `start`.
        does: `write`, `keep`, `set aside`, `remove`, `restart` or `wait`.
        what: It, with its place.
        there: What is there now.
        size: Bytes that are sent for it.
    """

    part: str
    does: str
    what: str
    there: str = ""
    size: int = 0

    def data(self) -> dict[str, Any]:
        """As `--json` has it."""
        return {"part": self.part, "does": self.does, "what": self.what, "there": self.there, "bytes": self.size}


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that have a place in a flash."""

    address: int
    data: bytes

    @property
    def md5(self) -> str:
        """As the chip's loader says it."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + len(self.data)


def pieces(offset: int, image: bytes) -> list[Piece]:
    """An image in pieces that end where the flash's blocks do."""
    found = []
    at = 0
    while at < len(image):
        size = PIECE - (offset + at) % PIECE
        found.append(Piece(offset + at, image[at : at + size]))
        at += size
    return found


def image_steps(name: str, wanted: Sequence[Piece], missing: Sequence[Piece]) -> list[Step]:
    """What an image comes to: neighbours that are missing are one step."""
    lacking = set(missing)
    steps: list[Step] = []
    at = 0
    while at < len(wanted):
        is_there = wanted[at] not in lacking
        first = at
        while at < len(wanted) and (wanted[at] not in lacking) == is_there:
            at += 1
        start, end = wanted[first].address, wanted[at - 1].end
        what = f"{name}, 0x{start:06x} to 0x{end - 1:06x}"
        if is_there:
            steps.append(Step(part="image", does="keep", what=what, there="the same, by its MD5"))
        else:
            steps.append(Step(part="image", does="write", what=what, there="something else", size=end - start))
    return steps
