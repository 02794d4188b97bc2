# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to a board, without I/O: a dry run shows it, and a run carries it out."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
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
    """Bytes that have a place in a flash.

    Attributes:
        address: Of the first.
        data: They.
        is_own: Whether the board writes there itself, and the image has nothing for it.
    """

    address: int
    data: bytes
    is_own: bool = False

    @property
    def md5(self) -> str:
        """As the chip's loader says it."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + len(self.data)


def pieces(offset: int, image: bytes, own: Sequence[tuple[int, int]] = ()) -> list[Piece]:
    """An image in pieces that end where the flash's blocks do.

    Args:
        offset: Where it begins in the flash.
        image: All of it.
        own: Where the board writes itself, each with its end.
    """
    end = offset + len(image)
    edges = {offset, end, *range(-(-offset // PIECE) * PIECE, end, PIECE)}
    edges |= {edge for area in own for edge in area if offset <= edge <= end}
    places = sorted(edges)
    return [
        Piece(start, image[start - offset : stop - offset], any(low <= start < high for low, high in own))
        for start, stop in pairwise(places)
    ]


def to_write(wanted: Sequence[Piece], same: Callable[[Piece], bool]) -> list[Piece]:
    """The pieces that a flash lacks, in the order in which they are written.

    What a board has learnt stays where its flash begins as the image does. Of another program it goes, and first, as
    the beginning says later that it has gone.

    Args:
        wanted: All pieces.
        same: Whether the flash has one.
    """
    missing = [piece for piece in wanted if not same(piece)]
    is_other = bool(wanted) and wanted[0] in missing
    return sorted((piece for piece in missing if is_other or not piece.is_own), key=lambda piece: not piece.is_own)


def image_steps(name: str, wanted: Sequence[Piece], missing: Sequence[Piece]) -> list[Step]:
    """What an image comes to: neighbours that are missing are one step."""
    lacking = set(missing)
    steps: list[Step] = []
    for (is_lacking, is_own), group in groupby(wanted, key=lambda each: (each in lacking, each.is_own)):
        some = list(group)
        start, end = some[0].address, some[-1].end
        what = f"{name}, 0x{start:06x} to 0x{end - 1:06x}"
        if is_lacking:
            steps.append(Step(part="image", does="write", what=what, there="something else", size=end - start))
        else:
            there = "what the board keeps for itself" if is_own else "the same, by its MD5"
            steps.append(Step(part="image", does="keep", what=what, there=there))
    return steps
