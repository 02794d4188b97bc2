# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of MicroPython that the user has brought: read, and refused where it is not for the board."""

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ganglion.board.model import Board
from ganglion.errors import InvalidError, UsageError
from ganglion.flash import esp_image, intel_hex, uf2
from ganglion.flash.file import content

#: Bytes: no chip of ours has more flash.
_MOST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is whole, and for the board.

    Attributes:
        name: Of the file.
        data: All of it.
        program: What comes into the flash.
        note: What should be looked at; empty where there is nothing.
    """

    name: str
    data: bytes
    program: bytes
    note: str = ""


def read(path: Path, board: Board) -> Image:
    """The image in a file.

    Raises:
        NotFoundError: there is none; the message says where the board's is to be had.
        InvalidError: it is none for this board, damaged, cut short, or another than the one that it must be.
        UsageError: the board takes no image.
    """
    wanted = board.image
    if wanted is None:
        raise UsageError(f"{board.name} runs no MicroPython and takes no image: leave --firmware out")
    data = content(path, _MOST, f"{wanted.page} has {wanted.file}")
    digest = hashlib.sha256(data).hexdigest()
    if wanted.sha256 and digest != wanted.sha256:
        raise InvalidError(
            f"its SHA-256 is {digest}, and {board.name} needs {wanted.sha256}: {wanted.page}", where=str(path)
        )
    note = "" if fnmatch(path.name, wanted.file) else f"{path.name} is not called {wanted.file}: is it this board's?"
    return Image(name=path.name, data=data, program=_checked(data, board, str(path)), note=note)


def _checked(data: bytes, board: Board, where: str) -> bytes:
    flashing = board.flashing
    match flashing.method:
        case "esptool":
            offset = flashing.offset or 0
            esp_image.check(data, flashing.chip, offset, where)
            if board.flash_bytes is not None and offset + len(data) > board.flash_bytes:
                raise InvalidError(f"does not fit into the flash of {board.flash_bytes} bytes", where=where)
            return data
        case "uf2":
            return uf2.check(data, flashing.family or 0, board.flash_bytes, where).program
        case "daplink":
            return intel_hex.check(data, board.chip, board.flash_bytes, where).program
    raise UsageError(f"{board.name} is flashed by {flashing.method}, which takes no image")
