# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a state folder: what a backup takes of them, and how they are put in the place of others.

Not taken is `epoch`, the count of boots: one that was restored would be one that others have heard before. Without it a
gateway goes on from the seconds since 1970, which are above every count that it has used.
"""

import base64
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh import files

#: Held by who works on the folder.
LOCK = "gateway.lock"
#: Files of the state folder's top that are left out.
_LEFT = ("epoch", LOCK)
#: What SQLite keeps beside a database.
_BESIDE = ("-wal", "-shm", "-journal")
#: Where a restore puts files together, and what it puts those of before into.
STAGE, BEFORE = "restoring", "before-restore-"
#: Bytes in one line.
_PIECE = 1 << 17


def dump(folder: Path, write: Callable[[Any], None], leave: Path | None) -> list[str]:
    """Writes every file: `{"file", "mode"}`, then base64 of it, a piece a line. Returns their names.

    Args:
        leave: The gateway's database, where it is in the folder: its rows are taken, not its file.
    """
    names = []
    for path, name in _taken(folder, leave):
        with tempfile.TemporaryDirectory() as copies:
            source = path
            if path.suffix == ".db":  # another process may be writing it
                source = Path(copies) / "copy"
                _copy(path, source)
            write({"file": name, "mode": path.stat().st_mode & 0o777})
            with source.open("rb") as file:
                while piece := file.read(_PIECE):
                    write(base64.b64encode(piece).decode())
        names.append(name)
    return names


def _taken(folder: Path, leave: Path | None) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        top = name.parts[0]
        if not path.is_file() or path.is_symlink() or name.name.startswith("."):
            continue
        if str(name) in _LEFT or top == STAGE or top.startswith(BEFORE):
            continue
        if path == leave or path.name.endswith(tuple(f".db{end}" for end in _BESIDE)):
            continue
        yield path, str(name)


def is_key(name: str) -> bool:
    """Whether a file is the same for all gateways of a mesh, and not one's own."""
    return name.startswith("authority/") or name.endswith("-secret") or name == "token"


def _copy(path: Path, to: Path) -> None:
    """A SQLite database as it is at one moment."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


class Staging:
    """Files that wait to be put in place of a state folder's.

    Args:
        folder: The state folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / STAGE
        remove(self.path)
        self.path.mkdir(mode=0o700)
        self._file: Any = None

    def file(self, name: str, mode: int) -> None:
        """The pieces that come now are of this file.

        Raises:
            InvalidError: it would be outside of the folder.
        """
        self.close()
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise InvalidError(f"the backup names a file outside of the state folder: {name}")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o700), "wb")

    def piece(self, text: str) -> None:
        """More of it."""
        self._file.write(base64.b64decode(text))

    def close(self) -> None:
        """The last one is whole, and on the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def swap(self, stamp: str) -> Path | None:
        """Puts them in place; where what was there before is now, or None where nothing was.

        Broken off, it leaves its own folder, with which no gateway starts.
        """
        before = self._folder / f"{BEFORE}{stamp}"
        for path in entries(self._folder):
            before.mkdir(mode=0o700, exist_ok=True)
            files.rename(path, before / path.name)
        for path in sorted(self.path.iterdir()):
            files.rename(path, self._folder / path.name)
        self.path.rmdir()
        return before if before.exists() else None


def entries(folder: Path) -> list[Path]:
    """What is in a state folder, but for what is no gateway's."""
    left = (LOCK, STAGE)
    return [path for path in sorted(folder.iterdir()) if path.name not in left and not path.name.startswith(BEFORE)]


def remove(folder: Path) -> None:
    """No such folder any more."""
    if not folder.exists():
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
