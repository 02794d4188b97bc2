# SPDX-License-Identifier: GPL-3.0-or-later
"""A board's file system in memory, as `ganglion_agent.files`, whose power can be cut at any of its operations.

As littlefs has it, a file has what was written when it is closed, and a rename replaces; as FAT has it, a part of what
was written is there, and a rename refuses a name that is taken.
"""

import errno
import io
from collections.abc import Callable
from types import TracebackType


class PowerCut(BaseException):
    """The power fails: nothing catches it, as nothing would be there to."""


class _Written:
    """A file that is open for writing."""

    def __init__(self, flash: "Flash", path: str, before: bytes) -> None:
        self._flash = flash
        self._path = path
        self._data = before

    def __enter__(self) -> "_Written":
        return self

    def write(self, data: bytes | str) -> int:
        raw = data.encode() if isinstance(data, str) else bytes(data)
        self._flash.step(lambda: self._keep(raw[: len(raw) // 2]))
        self._data += raw
        if self._flash.is_fat:
            self._flash.data[self._path] = self._data
        return len(data)

    def _keep(self, part: bytes) -> None:
        if self._flash.is_fat:
            self._flash.data[self._path] = self._data + part

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._flash.step()
            self._flash.data[self._path] = self._data


class Flash:
    """The files.

    Attributes:
        data: By path.
        folders: That were made.
        left: Operations until the power fails; None for never.
        done: Operations that were done.
        blocks: Of 4096 bytes that it has.
    """

    def __init__(self, *, is_fat: bool = False, blocks: int = 1000) -> None:
        self.is_fat = is_fat
        self.blocks = blocks
        self.data: dict[str, bytes] = {}
        self.folders: set[str] = set()
        self.left: int | None = None
        self.done = 0

    def step(self, half: Callable[[], None] | None = None) -> None:
        """One operation that changes the flash begins; where the power fails in it, half of it may be done."""
        self.done += 1
        if self.left is None:
            return
        if self.left == 0:
            if half is not None:
                half()
            raise PowerCut
        self.left -= 1

    def open(self, path: str, mode: str = "r") -> "io.BytesIO | _Written":
        if "r" in mode:
            if path not in self.data:
                raise OSError(errno.ENOENT, path)
            return io.BytesIO(self.data[path])
        self._parent(path)
        before = self.data.get(path, b"") if "a" in mode else b""
        if self.free("")[1] <= 0:
            raise OSError(errno.ENOSPC, path)
        self.step()
        if self.is_fat or path not in self.data:
            self.data[path] = before
        return _Written(self, path, before)

    def rename(self, old: str, new: str) -> None:
        if old not in self.data:
            raise OSError(errno.ENOENT, old)
        self._parent(new)
        if self.is_fat and new in self.data:
            raise OSError(errno.EEXIST, new)
        self.step()
        self.data[new] = self.data.pop(old)

    def remove(self, path: str) -> None:
        if path not in self.data:
            raise OSError(errno.ENOENT, path)
        self.step()
        del self.data[path]

    def mkdir(self, path: str) -> None:
        self._parent(path)
        if path in self.folders or path in self.data:
            raise OSError(errno.EEXIST, path)
        self.step()
        self.folders.add(path)

    def listdir(self, path: str) -> list[str]:
        if path not in self.folders:
            raise OSError(errno.ENOTDIR if path in self.data else errno.ENOENT, path)
        inside = path + "/"
        return sorted({each[len(inside) :] for each in {*self.data, *self.folders} if each.rpartition("/")[0] == path})

    def sync(self) -> None:
        self.step()

    def free(self, path: str) -> tuple[int, int]:
        return 4096, self.blocks - sum(-(-len(data) // 4096) for data in self.data.values())

    def _parent(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder and folder not in self.folders:
            raise OSError(errno.ENOENT, path)
