# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts on a device's flash: plans that come in pieces, each in a file of its own that is put there by rename."""

import os
from binascii import a2b_base64

from ganglion_agent import flash
from ganglion_micro.gl1 import level

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Bytes of a plan.
MAX_SIZE = 16384
#: Letters of a script's name; what is said of a name that is none, with the letters that it may have.
NAME_LETTERS = 32
NO_NAME = "{!r} is no name: 1 to {} of a-z A-Z 0-9 _ -"
#: Plans on the flash, and blocks that are left to the rest of the board: without them it could not count its boots.
MOST = 16
SPARE = 4
_END = ".plan"
_PART = ".part"


class Store:
    """A folder of plans.

    Args:
        folder: Its path, with a slash at the end.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def names(self) -> "list[str]":
        """Of the plans in it."""
        try:
            return sorted([name[: -len(_END)] for name in os.listdir(self._folder[:-1]) if name.endswith(_END)])
        except OSError:
            return []

    def read(self, name: str) -> "bytes | None":
        """A plan."""
        return flash.read(self._folder + name + _END)

    def remove(self, name: str) -> bool:
        """Removes a plan, and what has come of one; says whether there was anything."""
        if not well_named(name):
            return False
        path = self._folder + name
        return flash.remove(path + _PART) | flash.remove(path + _END)

    def put(self, name: str, at: int, size: int, data: bytes, load: "Callable[[bytes], Any]") -> "dict[str, Any]":
        """Takes a piece: `{"at": the bytes that are there}`, and `done` where that is all.

        A piece that comes where another is expected changes nothing, and the answer says which: so what was lost is
        sent again, also after a restart.

        Args:
            at: Where it belongs; 0 begins anew, and ends what has come of others.
            load: Is given the whole plan; it is kept if that raises nothing.

        Raises:
            ValueError: a wrong parameter, no room, or `load` has raised it.
            OSError: the flash cannot be written.
        """
        named_right(name, at, size)
        part = self._folder + name + _PART
        if at == 0:
            try:
                os.mkdir(self._folder[:-1])
            except OSError:
                pass  # it is there
            for each in os.listdir(self._folder[:-1]):  # those that nobody goes on with would fill the flash
                if each.endswith(_PART):
                    flash.remove(self._folder + each)
        there = 0 if at == 0 else _size(part)
        if at != there or at + len(data) > size:
            return {"at": there}
        names, about = self.names(), os.statvfs(self._folder[:-1])
        if (name not in names and len(names) >= MOST) or (about[3] - SPARE) * about[1] < len(data):
            raise ValueError("no room: remove a script")
        with open(part, "ab" if at else "wb") as file:
            file.write(data)
        if at + len(data) < size:
            return {"at": at + len(data)}
        try:
            load(flash.read(part) or b"")
        except ValueError:
            flash.remove(part)
            raise
        os.rename(part, self._folder + name + _END)
        return {"at": size, "done": True}


def well_named(name: "Any", most: int = NAME_LETTERS) -> bool:
    """Whether it may be a name, and so a file's."""
    return level(name) and len(name) <= most


def named_right(name: "Any", at: "Any", size: "Any") -> None:
    """Sees that what a piece is said to be a part of may be a plan. Raises: ValueError, it may not."""
    if not well_named(name):
        raise ValueError(NO_NAME.format(name, NAME_LETTERS))
    if type(at) is not int or type(size) is not int or not 0 < size <= MAX_SIZE or not 0 <= at <= size:
        raise ValueError("a plan has 1 to {} bytes, and at is within them".format(MAX_SIZE))


def piece(text: "Any") -> bytes:
    """The bytes of a piece: as they are, or as text in base64.

    Raises:
        ValueError: it is neither.
    """
    if type(text) is bytes:
        return text
    try:
        return a2b_base64(text)
    except (ValueError, TypeError):
        raise ValueError("data must be bytes, or base64") from None


def _size(path: str) -> int:
    try:
        return os.stat(path)[6]
    except OSError:
        return 0
