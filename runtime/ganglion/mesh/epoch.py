# SPDX-License-Identifier: GPL-3.0-or-later
"""The count of boots: one write to the disk a boot buys sequences that live in memory."""

import logging
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.mesh import files

_log = logging.getLogger(__name__)


def next_epoch(path: Path, *, lost: int) -> int:
    """The epoch of this boot, on the disk before it is returned.

    Args:
        lost: What to go on from where the file is missing or damaged. For an identity that was used before it must
            be above every epoch it used; seconds since 1970 are, since no node boots once a second.

    Raises:
        InvalidError: 2^32 boots are over: the identity must be replaced.
    """
    data = files.read(path)
    if data is None:
        epoch = lost
    elif data.strip().isdigit():
        epoch = int(data) + 1
    else:
        _log.warning("%s holds no epoch; it goes on from %d.", path, lost)
        epoch = lost
    if epoch > 0xFFFFFFFF:
        raise InvalidError("the count of boots is used up: remove the state folder and enrol anew", where=str(path))
    files.write(path, b"%d\n" % epoch)
    return epoch
