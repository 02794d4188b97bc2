# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a MicroPython device, over its raw REPL: what arrives is whole and checked, or what was there stays.

A file is written beside its place, under its name and `.part`, read back by checksum and renamed. What a break left of
it is gone on with, if it begins as the file does. A device that cannot rename (MicroPython 1.9 on the micro:bit) has
the file written in its place; what a break leaves there is written anew.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from posixpath import dirname

from ganglion.device import programs
from ganglion.device.content import Content, DamagedError, Progress
from ganglion.device.programs import Abilities
from ganglion.device.refusals import is_exists, no_file_system
from ganglion.device.session import DeviceError, Session
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError

#: What a name has at its end while its file is not all there.
PART = ".part"
#: Bytes of a file that is read at most: no device of these has more.
MOST = 64 << 20
_LONGEST = 255  # bytes of a path that file systems of devices take


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a folder has.

    Attributes:
        name: Within its folder.
        is_folder: Or else a file.
        size: In bytes; 0 for a folder.
    """

    name: str
    is_folder: bool
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a file was written.

    Attributes:
        path: On the device.
        size: In bytes.
        sent: How many of them were sent; 0 where the same file was there already, and fewer after a break.
        checked: By what it was read back: `sha256`, `crc32`, or `content` where the device has no checksum.
    """

    path: str
    size: int
    sent: int
    checked: str


class Files:
    """The files of the device of a session that has been entered. After a soft reset there have to be new ones."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._content = Content(session)

    @property
    def can(self) -> Abilities:
        """What the device's modules have."""
        return self._content.can

    def listing(self, folder: str = "") -> list[Entry]:
        """What a folder has, by name; the one that the device is in where none is named.

        Raises:
            NotFoundError: there is no such folder, or no file system at all.
        """
        folder = self._path(folder) if folder else ""
        if folder and not self.can.folders:
            raise self._flat()
        entries = []
        said = self._content.run(programs.listing(folder, self.can), folder or "/").decode(errors="replace")
        for line in said.splitlines():
            is_folder, size, name = self._fields(line, 3)
            entries.append(Entry(name=name, is_folder=is_folder == "1", size=self._number(size)))
        if not entries and folder in ("", "/") and not self.is_mounted(folder):
            raise no_file_system(folder or "/", self._session.port.name)
        return sorted(entries, key=lambda entry: entry.name)

    def is_mounted(self, folder: str = "") -> bool:
        """Whether a folder is of a file system, as far as the device says; else nothing can be written there."""
        return self._content.run(programs.mounted(folder), folder or "/").strip() != b"0"

    def status(self, path: str) -> Entry:
        """What is at a path; its name is the path.

        Raises:
            NotFoundError: nothing is.
        """
        path = self._path(path)
        said = self._content.run(programs.status(path, self.can), path).decode(errors="replace")
        is_folder, size = self._fields(said, 2)
        return Entry(name=path, is_folder=is_folder == "1", size=self._number(size))

    def make_folder(self, path: str) -> None:
        """Makes a folder and those that it is in; nothing to do where it is.

        Raises:
            RefusedError: the device has no folders, or none that can be written.
        """
        path = self._path(path)
        if not self.can.folders:
            raise self._flat()
        made = "/" if path.startswith("/") else ""
        for part in path.strip("/").split("/"):
            made += part
            try:
                self._session.execute(f"os.mkdir({made!r})")
            except DeviceError as error:
                if not is_exists(error):
                    raise self._content.explained(error, made) from None
            made += "/"

    def remove(self, path: str, *, tree: bool = False) -> None:
        """Removes a file, or a folder: an empty one, or with all that it has.

        Raises:
            NotFoundError: there is none.
            InvalidError: the folder is not empty.
        """
        path = self._path(path)
        if not self.status(path).is_folder:
            self._content.run(f"os.remove({path!r})", path)
            return
        entries = self.listing(path)
        if entries and not tree:
            raise InvalidError(
                f"the folder is not empty, it has {entries[0].name}: `rm -r` removes all of it", where=path
            )
        for entry in entries:
            self.remove(f"{path.rstrip('/')}/{entry.name}", tree=True)
        self._content.run(f"os.rmdir({path!r})", path)

    def begins(self, path: str, data: bytes) -> int | None:
        """The size of a file that begins so, by a checksum; None where it does not, or the device has no checksum.

        Raises:
            NotFoundError: there is no such file.
        """
        path = self._path(path)
        size = self._size(path)
        same = self.can.checksum != "content" and size >= len(data) and self._content.begins(path, data)
        return size if same else None

    def read(
        self,
        path: str,
        progress: Progress | None = None,
        *,
        begun: bytes = b"",
        each: Callable[[bytes], object] | None = None,
    ) -> bytes:
        """The content of a file, held against the device's checksum of it.

        Args:
            begun: What of its beginning is known; it is not asked for.
            each: Is given the rest as it comes.

        Raises:
            NotFoundError: there is no such file.
            GanglionError: it did not arrive as it is.
        """
        path = self._path(path)
        size = self._size(path)
        if size > MOST:
            raise InvalidError(f"is {size} bytes long, and at most {MOST} are read", where=path)
        data = self._content.read(path, size, progress, begun, each)
        if len(data) != size or not self._content.begins(path, data):
            raise DamagedError(f"{path} did not arrive as it is on the device: try again, with a better cable")
        return data

    def write(self, path: str, data: bytes, progress: Progress | None = None) -> Written:
        """Has a file on the device be this, and makes the folders that it needs.

        Raises:
            InvalidError: there is a folder of this name, or the path is none.
            RefusedError: the file system is read-only, or has no folders.
            GanglionError: there is no room, or the file did not arrive as it was sent; what was there stays.
        """
        path = self._path(path)
        sent = 0
        if not self._is(path, data):
            part = path + PART if self.can.rename else path
            begun = self._begun(part, data) if self.can.rename else 0
            if self.can.folders and dirname(path).strip("/"):
                self.make_folder(dirname(path))
            try:
                self._content.append(part, data, begun, progress)
            except DeviceError as error:
                with contextlib.suppress(DeviceError):
                    self._session.execute(f"{programs.CLOSE}\nos.remove({part!r})")
                raise self._content.explained(error, path) from None
            if not self._is(part, data):
                self._content.run(f"os.remove({part!r})", part)
                raise GanglionError(f"{path} did not arrive as it was sent: try again, with a better cable")
            if part != path:
                # Some file systems put one file into the place of another, some do not.
                over = f"try:\n os.rename({part!r},{path!r})\nexcept OSError:\n os.remove({path!r})\n"
                self._content.run(f"{over} os.rename({part!r},{path!r})", path)
            sent = len(data) - begun
        return Written(path=path, size=len(data), sent=sent, checked=self.can.checksum)

    def _begun(self, part: str, data: bytes) -> int:
        """How much of a file an earlier attempt has brought."""
        try:
            size = self._size(part)
        except NotFoundError:
            return 0
        return size if size <= len(data) and self._content.begins(part, data[:size]) else 0

    def _is(self, path: str, data: bytes) -> bool:
        """Whether a file is there, and this."""
        try:
            return self._size(path) == len(data) and self._content.begins(path, data)
        except NotFoundError:
            return False

    def _size(self, path: str) -> int:
        entry = self.status(path)
        if entry.is_folder:
            raise InvalidError("is a folder, not a file: name a file in it", where=path)
        return entry.size

    def _path(self, path: str) -> str:
        """A path as the device has it.

        Raises:
            InvalidError: no file could be called this.
            RefusedError: it has a folder, and the device has none.
        """
        if not path.isprintable() or (not path.strip("/") and path != "/") or len(path.encode()) > _LONGEST:
            raise InvalidError(f"is no path: 1 to {_LONGEST} bytes that can be printed", where=repr(path))
        if not self.can.folders:
            path = path.lstrip("/")
            if "/" in path:
                raise self._flat()
        return path

    def _flat(self) -> RefusedError:
        return RefusedError(f"the device on {self._session.port.name} has no folders: name its files alone")

    def _fields(self, line: str, count: int) -> list[str]:
        fields = line.rstrip("\r\n").split(" ", count - 1)
        if len(fields) != count:
            raise self._content.nonsense(line.encode())
        return fields

    def _number(self, digits: str) -> int:
        if not digits.isascii() or not digits.isdecimal() or len(digits) > 12:
            raise self._content.nonsense(digits.encode())
        return int(digits)
