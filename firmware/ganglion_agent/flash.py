# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files on a device's flash: replaced whole or not at all, wherever the power fails."""

import os

#: What a file is called while it is written.
NEW = ".new"
_ENOENT = 2


def read(path: str) -> "bytes | None":
    """What a file has in it; None where there is none.

    Raises:
        OSError: it is there and cannot be read: whoever took it for none would begin anew, and write over it.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        if error.args[0] != _ENOENT:
            raise
        return None


def replace(path: str, data: bytes) -> None:
    """Writes a file beside the old one and puts it in its place.

    Raises:
        OSError: the flash is full, or broken; the old one is there as before.
    """
    with open(path + NEW, "wb") as file:
        file.write(data)
        file.flush()
    os.rename(path + NEW, path)


def remove(path: str) -> bool:
    """Removes a file; says whether there was one."""
    try:
        os.remove(path)
    except OSError:
        return False
    return True


def number(path: str) -> int:
    """The larger of the numbers in a file and in what is to replace it; 0 where there is neither, -1 where both are
    damaged. One of the two is whole wherever the power fails.

    Raises:
        OSError: the flash is broken.
    """
    count = 0
    for data in (read(path), read(path + NEW)):
        if data is not None:
            try:
                count = max(count, int(data))
            except ValueError:
                count = count or -1
    return count


def boots(path: str) -> int:
    """Counts a boot: one more than at any before, on the flash when this returns.

    Raises:
        ValueError: the file is there, and has no number in it.
        OSError: the flash is full, or broken.
    """
    count = number(path) + 1
    if not count:
        raise ValueError("has no number in it: write the boots that `ganglion leaf list` shows into it")
    replace(path, str(count).encode())
    return count
