# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that must be whole or as they were after a power cut, and readable by nobody else."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganglion.errors import RefusedError


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file by one that is complete on the disk before it gets the name. Makes the folder (0700)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename(draft, path)


def rename(old: Path, new: Path) -> None:
    """Gives a file another name in its folder, in place of what has that name; on the disk when it returns."""
    os.replace(old, new)
    sync(new.parent)


def remove(path: Path) -> None:
    """No such file any more; on the disk when it returns."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def read(path: Path) -> bytes | None:
    """What is in the file, or None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Holds a folder until the block ends, or this process does. Makes the folder (0700).

    Args:
        what: Who holds it: `node`, `gateway`.

    Raises:
        RefusedError: another one does.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / f"{what}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise RefusedError(
                f"another {what} (pid {holder}) uses {folder}: stop it, or give this one its own --state"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def sync(folder: Path) -> None:
    """What is in a folder, by name: on the disk when it returns."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
