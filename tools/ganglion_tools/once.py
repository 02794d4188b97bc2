# SPDX-License-Identifier: GPL-3.0-or-later
"""What is fetched or compiled into a folder once, though several processes want it at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def missing(folder: Path) -> Iterator[bool]:
    """Whether the folder is still to be made; who asks meanwhile waits, and does not make it too."""
    if folder.is_dir():
        yield False
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not folder.is_dir()
