# SPDX-License-Identifier: GPL-3.0-or-later
"""A slot's files in the board's ROMFS, where code runs in place: what is imported from there takes no heap for code.

A MicroPython that was built with a ROMFS (1.25 or newer) has a part of the flash for one, which it maps into memory.
The part holds a copy of the slot that runs, made from its files at the boot after a switch; the slots stay what they
are, in files. The first bytes are written last, and a copy counts only while every file in it is as the manifest of
the slot says, so wherever the power fails the next boot makes it anew. What somebody else has put there stays.

The image is a record, and so is what it holds: a kind, a length, and what has that length; numbers are of seven bits a
byte, the highest first (MicroPython, extmod/vfs_rom.c).
"""

from ganglion_agent.manifest import MANIFEST, entries, intact, sha256_of, size_of

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    Part = tuple[bytes, str, int]  # bytes, or a file and its size

#: Where MicroPython mounts it, and the folder in it that is ours.
ROM = "/rom"
FOLDER = "ganglion"
#: Bytes that are written at a time; a page of a flash is no larger.
PAGE = 512

_HEADER = b"\xd2\xcd\x31"
_DATA, _FOLDER, _FILE = 2, 4, 5
# What `vfs.rom_ioctl` and a block device are asked for
_SEGMENT, _PREPARE, _WRITE, _COMPLETE = 2, 3, 4, 5
_COUNT, _SIZE, _ERASE = 4, 5, 6


def installed(files: "Any", vfs: "Any", slot: str) -> str:
    """The folder from which a slot's modules run in place; empty where the board has no place for them.

    Nothing may have been imported from there before: names and constants stay where they were read.

    Args:
        files: Of the board, as `slots` has them.
        vfs: MicroPython's module of that name.
        slot: The folder of the slot.

    Raises:
        OSError: the flash could not be written.
        ValueError: the slot's manifest is damaged.
    """
    segment = vfs.rom_ioctl(_SEGMENT, 0) if hasattr(vfs, "rom_ioctl") else 0
    if type(segment) is int:
        return ""  # a MicroPython without a ROMFS, or a board without a place for it
    folder = ROM + "/" + FOLDER
    mounted = _mounted(vfs, segment)
    if mounted and _same(files, slot, folder):
        return folder
    if mounted and _is_a_persons(files):
        return ""
    if not _fill(files, vfs, slot, segment):
        return ""
    if not (_mounted(vfs, segment) and _same(files, slot, folder)):
        raise OSError("it was not written as it should be")
    return folder


def _is_a_persons(files: "Any") -> bool:
    """Whether there are other names in it than those of a copy, be it damaged, and they are names."""
    try:
        names = [name for name in files.listdir(ROM) if not name.startswith(FOLDER) and name != MANIFEST]
    except (OSError, ValueError):
        return False
    return bool(names) and not [letter for name in names for letter in name if not " " < letter < "\x7f"]


def _mounted(vfs: "Any", segment: "Any") -> bool:
    """Whether there is a ROMFS in it, which is mounted then."""
    try:
        vfs.umount(ROM)
    except OSError:
        pass  # MicroPython mounts it by itself where it was valid
    try:
        vfs.mount(vfs.VfsRom(segment), ROM)
    except OSError:
        return False
    return True


def _same(files: "Any", slot: str, folder: str) -> bool:
    digest = sha256_of(files, slot + "/" + MANIFEST)
    return sha256_of(files, folder + "/" + MANIFEST) == digest != "" and intact(files, folder)


def _fill(files: "Any", vfs: "Any", slot: str, segment: "Any") -> bool:
    """Writes the copy; whether there is room for it."""
    names = [(name, size) for _, size, name in entries(files, slot + "/" + MANIFEST)]
    names.append((MANIFEST, size_of(files, slot + "/" + MANIFEST)))
    inside = _folder(FOLDER, sorted(names), "")
    size = sum([len(data) + length for data, _, length in inside])
    head = _HEADER + (b"\x80" if (len(_HEADER) + len(_number(size)) + size) % 2 else b"") + _number(size)
    target = _Target(vfs, segment)
    if len(head) + size > target.room:
        return False
    print("ganglion: the version is put where its code runs in place")
    if _mounted(vfs, segment):
        vfs.umount(ROM)
    target.begin(len(head) + size)
    target.write(head)
    for data, name, length in inside:
        if name:
            with files.open(slot + "/" + name, "rb") as file:
                while length > 0:
                    block = file.read(min(PAGE, length))
                    if not block:
                        raise OSError("{} is shorter than its manifest says".format(name))
                    length -= len(block)
                    target.write(block)
        else:
            target.write(data)
    target.end()
    return True


class _Target:
    """The part of the flash: a block device on some ports, else memory that `rom_ioctl` writes.

    Attributes:
        room: Bytes that it has.
    """

    def __init__(self, vfs: "Any", segment: "Any") -> None:
        self._vfs = vfs
        self._device = segment if hasattr(segment, "writeblocks") else None
        self._block = segment.ioctl(_SIZE, 0) if self._device is not None else 0
        self._page = PAGE
        self._buffer = bytearray()
        self._first = b""
        self._at = 0
        self.room = segment.ioctl(_COUNT, 0) * self._block if self._device is not None else len(segment)

    def begin(self, size: int) -> None:
        """Erases what is needed for so many bytes."""
        if self._device is not None:
            for number in range((size + self._block - 1) // self._block):
                self._device.ioctl(_ERASE, number)
        else:
            self._page = max(PAGE, _done(self._vfs.rom_ioctl(_PREPARE, 0, size)))

    def write(self, data: bytes) -> None:
        """The next bytes."""
        self._buffer += data
        while len(self._buffer) >= self._page:
            self._put(bytes(self._buffer[: self._page]))
            self._buffer = self._buffer[self._page :]

    def end(self) -> None:
        """There are no more; the first page comes now."""
        if self._buffer:
            self._put(bytes(self._buffer) + b"\xff" * (self._page - len(self._buffer)))
        self._page_at(0, self._first)
        if self._device is None:
            _done(self._vfs.rom_ioctl(_COMPLETE, 0))

    def _put(self, page: bytes) -> None:
        if self._at:
            self._page_at(self._at, page)
        else:
            self._first = page
        self._at += len(page)

    def _page_at(self, offset: int, page: bytes) -> None:
        if self._device is not None:
            self._device.writeblocks(offset // self._block, page, offset % self._block)
        else:
            _done(self._vfs.rom_ioctl(_WRITE, 0, offset, page))


def _done(result: "Any") -> int:
    if type(result) is int and result < 0:
        raise OSError(-result)
    return result or 0


def _folder(name: str, names: "list[tuple[str, int]]", path: str) -> "list[Part]":
    """The records of a folder with the files whose names begin with `path`, sorted."""
    inside = []  # type: list[Part]
    at = 0
    while at < len(names):
        file, size = names[at]
        level, slash, _ = file[len(path) :].partition("/")
        if slash:
            end = at
            deeper = path + level + "/"
            while end < len(names) and names[end][0].startswith(deeper):
                end += 1
            inside += _folder(level, names[at:end], deeper)
            at = end
        else:
            head = _name(level) + _number(_DATA) + _number(size)
            inside.append((_number(_FILE) + _number(len(head) + size) + head, "", 0))
            inside.append((b"", file, size))
            at += 1
    own = _name(name)
    length = len(own) + sum([len(data) + size for data, _, size in inside])
    inside.insert(0, (_number(_FOLDER) + _number(length) + own, "", 0))
    return inside


def _name(name: str) -> bytes:
    return _number(len(name)) + name.encode()


def _number(value: int) -> bytes:
    made = bytes([value & 0x7F])
    value >>= 7
    while value:
        made = bytes([value & 0x7F | 0x80]) + made
        value >>= 7
    return made
