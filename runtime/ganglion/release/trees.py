# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Ganglion on a node's disk that releases have brought, beside the one that is installed.

    <id of a wheel>/files   each file of `lib` with its size and SHA-256, below the SHA-256 of these lines
    <id of a wheel>/lib/    from which Python imports
    <id>.new/               one that is unpacked

Nothing is written into `lib` after it has its name, bytecode neither: what a power cut or a disk makes otherwise is
found before any of it is run. The launcher imports this, so it imports little.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from ganglion.mesh import files

#: In a whole release that brings Ganglion: the wheel that it runs by on this node.
POINTER = "agent"
NEW = ".new"
_ID = re.compile(r"[0-9a-f]{64}")


class Trees:
    """See above.

    Args:
        path: Of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, state: Path) -> "Trees":
        """Those of the node with this state."""
        return cls(state / "agent")

    def library(self, id: str) -> Path:
        """The folder from which Python imports this version."""
        return (self.path / id / "lib").absolute()

    def wrong(self, id: str) -> str:
        """What is wrong with this version on the disk; "" where each byte is as it should be."""
        folder = self.path / id
        if not folder.is_dir():
            return "it is not on this node's disk any more"
        try:
            seal, _, lines = (folder / "files").read_bytes().partition(b"\n")
            if hashlib.sha256(lines).hexdigest().encode() != seal:
                return "the list of its files is damaged"
            listed = json.loads(lines)
            library = folder / "lib"
            if set(listed) != set(found_in(library)):
                return "it has not the files that it should have"
            for path, (size, sha256) in listed.items():
                if found_of(library / path) != [size, sha256]:
                    return f"its file {path} is damaged"
        except (OSError, ValueError, TypeError) as error:
            return f"it cannot be read: {error}"
        return ""

    def seal(self, draft: Path) -> None:
        """Writes the list of what is in a draft, which has to be on the disk."""
        library = draft / "lib"
        lines = json.dumps({path: found_of(library / path) for path in sorted(found_in(library))}).encode()
        files.write(draft / "files", hashlib.sha256(lines).hexdigest().encode() + b"\n" + lines)

    def prune(self, keep: Collection[str]) -> None:
        """Removes all others, and drafts."""
        if not self.path.is_dir():
            return
        for each in self.path.iterdir():
            if each.is_dir() and each.name not in keep:
                shutil.rmtree(each, ignore_errors=True)


def found_in(library: Path) -> list[str]:
    """The files below a folder, by their paths; what is none, such as a link, is one that nobody has listed."""
    found = []
    for folder, folders, names in os.walk(library):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found += [os.path.relpath(os.path.join(folder, name), library) for name in (*names, *links)]
    return found


def found_of(path: Path) -> list[int | str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]


class Pointer(NamedTuple):
    """By what a release on the disk runs: the id of a wheel, "" for what is installed; and seconds of its trial."""

    id: str = ""
    window: int = 0


#: Of a release that brings none, and of no release.
INSTALLED = Pointer()


def point(release: Path, to: Pointer) -> None:
    """Writes it, before the release has its name."""
    files.write(release / POINTER, f"{to.id} {to.window}".encode())


def pointed(release: Path) -> Pointer:
    """Reads it.

    Raises:
        ValueError: it is damaged.
    """
    said = files.read(release / POINTER)
    if said is None:
        return INSTALLED
    id, _, window = said.decode("ascii", "replace").partition(" ")
    if not _ID.fullmatch(id) or not window.isdecimal():
        raise ValueError(f"{release / POINTER} is damaged")
    return Pointer(id, int(window))
