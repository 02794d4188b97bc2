# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a thing that moves could not be reached, in words: what failed, where, and what to do about it. Pure."""

import errno
import os

#: What the kernel says of a file or device, and what a person does about it.
_REMEDIES = {
    errno.ENOENT: "make it, load the driver that does, or name another in the node's configuration",
    errno.ENOTDIR: "name another in the node's configuration",
    errno.EISDIR: "name a file in the node's configuration",
    errno.EACCES: "add the node's user to the group that owns it, or let that user write it",
    errno.EPERM: "add the node's user to the group that owns it, or let that user write it",
    errno.EROFS: "mount it for writing, or name another in the node's configuration",
    errno.ENOSPC: "make room there",
    errno.EBUSY: "stop the program that uses it",
    errno.EINVAL: "it does not take this value: look at its table in the node's configuration",
    errno.ENODEV: "plug it in again, or load its driver",
    errno.ENXIO: "nothing answers there: look at its power, its wires and its address",
    errno.EREMOTEIO: "nothing answers there: look at its power, its wires and its address",
    errno.EIO: "look at its power and its wires",
    errno.ETIMEDOUT: "look at its power and its wires",
}


def why(thing: str, error: OSError) -> str:
    """A sentence on an error.

    Args:
        thing: What did not obey, as people find it: `line 3 of /dev/gpiochip0`.
    """
    said = error.strerror or str(error)
    if error.errno is not None and said != os.strerror(error.errno):
        return said if thing in said else f"{thing}: {said}"  # whoever opened it has said it all
    if error.filename is not None and str(error.filename) not in thing:
        said = f"{said}: {error.filename}"
    words = said if thing in said else f"{thing}: {said}"
    remedy = _REMEDIES.get(error.errno or 0)
    return words if remedy is None else f"{words}; {remedy}"
