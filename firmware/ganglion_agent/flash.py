# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files on a device's flash: replaced whole or not at all, wherever the power fails."""

import os

#: What a file is called while it is written.
NEW = ".new"


def read(path: str) -> "bytes | None":
    """What a file has in it; None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
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


def boots(path: str) -> int:
    """Counts a boot: one more than at any before, on the flash when this returns.

    Raises:
        ValueError: the file is there, and has no number in it.
        OSError: the flash is full, or broken.
    """
    found = [data for data in (read(path), read(path + NEW)) if data is not None]
    counts = []
    for data in found:
        try:
            counts.append(int(data.decode()))
        except ValueError:
            pass  # it was being written when the power failed; the other is whole
    if found and not counts:
        raise ValueError("has no number in it: write the boots that `ganglion leaf list` shows into it")
    count = max(counts) + 1 if counts else 1
    replace(path, str(count).encode())
    return count
