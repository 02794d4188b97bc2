# SPDX-License-Identifier: GPL-3.0-or-later
"""A real MicroPython of this machine: the unix port, where there is one. It fetches none."""

import os
import shutil
from pathlib import Path


def cached(architecture: str = "") -> Path:
    """The folder of a user into which a MicroPython is brought.

    Args:
        architecture: As Debian calls it; empty for this machine's.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "ganglion" / ("micropython" + (f"-{architecture}" if architecture else ""))


def find() -> list[str]:
    """The command of one: first such with the pointers of a board, of 32 bits; empty where there is none."""
    found = shutil.which("micropython")
    ways = [cached("i386"), [found] if found else Path(), cached(), Path(".cache/micropython")]
    for way in ways:
        if isinstance(way, list):
            return way
        if (way / "usr" / "bin" / "micropython").is_file():
            return command(way.absolute())
    return []


def command(folder: Path) -> list[str]:
    """The command of one that was unpacked from Debian's packages, with the libraries that came along."""
    (loader,) = folder.glob("usr/lib*/ld-linux*.so.*")
    (libraries,) = folder.glob("usr/lib/*-linux-gnu*")
    return [str(loader), "--library-path", str(libraries), str(folder / "usr" / "bin" / "micropython")]
