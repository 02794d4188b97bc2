# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that must be whole or as they were after a power cut, and readable by nobody else."""

import os
from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file by one that is complete on the disk before it gets the name. Makes the folder (0700)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> bytes | None:
    """What is in the file, or None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
