# SPDX-License-Identifier: GPL-3.0-or-later
"""What the errors of a device's file system mean, and what to do about them."""

import errno

from ganglion.device.session import DeviceError
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError

#: What MicroPython 1.9 on the micro:bit says in place of ENOENT.
_OLD_NOT_THERE = "file not found"


def is_exists(error: DeviceError) -> bool:
    """Whether something is there already."""
    return error.number == errno.EEXIST


def no_file_system(path: str, port: str) -> NotFoundError:
    """What to say of a device whose flash is not mounted at a folder, `/` or another."""
    return NotFoundError(f"the device on {port} has no file system at {path}: its flash may need formatting")


def explained(error: DeviceError, path: str, port: str) -> GanglionError:
    """What an exception on a device comes to: its own number where the file system gave one, else as it is.

    Args:
        error: It.
        path: What it was about.
        port: Where the device is.
    """
    if error.said == _OLD_NOT_THERE:
        return NotFoundError(f"there is no {path} on the device on {port}")
    match error.number:
        case errno.ENOENT:
            return NotFoundError(f"there is no {path} on the device on {port}")
        case errno.ENODEV:
            return no_file_system(path[: path.rfind("/") + 1].rstrip("/") or "/", port)
        case errno.EISDIR:
            return InvalidError("is a folder, not a file: name a file in it", where=path)
        case errno.ENOTDIR:
            return InvalidError("is in no folder, but in a file", where=path)
        case errno.ENOSPC:
            return GanglionError(f"the device has no room for {path}: `ganglion files {port} rm` makes some")
        case errno.EROFS:
            return RefusedError(
                f"the file system of {path} is read-only: eject its drive on this computer, or name another folder"
            )
        case errno.EACCES | errno.EPERM:
            return RefusedError(f"the device does not let {path} be used so: is it a folder, or open in a program?")
    return error
