# SPDX-License-Identifier: GPL-3.0-or-later
"""`os`: CPython's, with tuples of plain numbers and `ilistdir`."""

import errno as _errno
import os as _os
from collections.abc import Iterator
from typing import Any, NoReturn

from ganglion.shims.oserror import oserror as _oserror

_DIRECTORY, _FILE = 0x4000, 0x8000


def __getattr__(name: str) -> Any:
    return getattr(_os, name)


def stat(path: str | int) -> tuple[int, ...]:
    """(mode, inode, device, links, uid, gid, size, atime, mtime, ctime)."""
    return tuple(int(each) for each in tuple(_os.stat(path))[:10])


def statvfs(path: str) -> tuple[int, ...]:
    """(bsize, frsize, blocks, bfree, bavail, files, ffree, favail, flags, namemax)."""
    return tuple(_os.statvfs(path))


def ilistdir(path: str | bytes = "") -> Iterator[tuple[Any, int, int, int]]:
    """(name, 0x4000 for a folder or 0x8000, inode, size) of each entry."""
    folder: Any = path or (b"." if isinstance(path, bytes) else ".")
    with _os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            kind = _DIRECTORY if entry.is_dir() else _FILE
            size = (
                entry.stat(follow_symlinks=entry.is_file()).st_size if kind == _FILE else 0
            )  # a link may lead nowhere
            yield entry.name, kind, entry.inode(), size


def listdir(path: str | bytes = "") -> list[Any]:
    return [entry[0] for entry in ilistdir(path)]


def _none(*arguments: object, **options: object) -> NoReturn:
    raise _oserror(_errno.EOPNOTSUPP)


#: Linux mounts, not a script; and its terminal is the one that it was started in.
mount = umount = dupterm = _none
