# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's releases on its disk.

    record          what should run, what runs, what is tried; replaced by a rename, and the only pointer there is
    <id>/           a whole release: `manifest`, its bytes, `files/` with what it names, and `agent` (see `trees`)
    <id>.new/       one that is fetched: `message`, in which the authority states it, and `parts/<SHA-256>`

A part grows at its end and is synced before more is asked for. What a power cut left of it is gone on with; whether it
is right its hash says when it is whole. The folder gets its name when everything in it is on the disk.
"""

import hashlib
import logging
import os
import shutil
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.mesh import files
from ganglion.release import manifest, record
from ganglion.release.manifest import File, Manifest
from ganglion.release.record import OWN, Record
from ganglion.release.trees import Pointer, Trees, point, pointed

_log = logging.getLogger(__name__)

#: Bytes that stay free on the disk beside what is fetched.
SPARE = 4 * 1024 * 1024

_NEW = ".new"


class Folder:
    """The releases of a node.

    Args:
        path: Of the folder; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Record:
        """What an earlier run has written; of a damaged file nothing, and the gateway says again what should run."""
        data = files.read(self.path / "record")
        if data is None:
            return Record()
        found = record.decode(data)
        if found is None:
            _log.error("%s is damaged: the node runs its own configuration until the gateway is heard", self.path)
        return found or Record()

    def save(self, known: Record) -> None:
        """Writes the record; it is on the disk when this returns."""
        files.write(self.path / "record", record.encode(known))

    # What is whole

    def whole(self, release: str) -> Manifest | None:
        """The release of this id, if every byte of it is here as it should be."""
        folder = self.path / release
        try:
            data = (folder / "manifest").read_bytes()
            if hashlib.sha256(data).hexdigest() != release:
                return None
            found = manifest.decode(data)
            if pointed(folder).id not in ({each.id for each in found.agents} or {""}):
                return None
            if all(_sha256(folder / "files" / each.path) == each.sha256 for each in found.files):
                return found
        except (OSError, ValueError, InvalidError):
            pass
        return None

    def file(self, release: str, path: str) -> Path:
        """Where a file of a whole release is."""
        return (self.path / release / "files" / path).absolute()

    # What is fetched

    def begun(self, release: str) -> bytes | None:
        """The authority's message of a release that is fetched, as it was kept; None before it was."""
        return files.read(self.path / f"{release}{_NEW}" / "message")

    def begin(self, release: str, message: bytes) -> None:
        """Keeps the message of a release that is to be fetched."""
        files.write(self.path / f"{release}{_NEW}" / "message", message)

    def part(self, release: str, sha256: bytes) -> Path:
        """Where what was fetched of this content is."""
        return self.path / f"{release}{_NEW}" / "parts" / sha256.hex()

    def has(self, release: str, file: File) -> int:
        """Bytes of a file that are here; one that is longer than it may be begins anew."""
        part = self.part(release, file.sha256)
        try:
            size = part.stat().st_size
        except FileNotFoundError:
            return 0
        if size > file.size:
            part.unlink()
            return 0
        return size

    def append(self, release: str, file: File, offset: int, data: bytes) -> None:
        """More of a file, behind `offset`; on the disk when this returns."""
        part = self.part(release, file.sha256)
        part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(handle, data[done:], offset + done)
            os.fsync(handle)
        finally:
            os.close(handle)

    def is_right(self, release: str, file: File) -> bool:
        """Whether a part that is as long as the file is the file; one that is not is removed."""
        part = self.part(release, file.sha256)
        if file.size == 0:
            self.append(release, file, 0, b"")
        if _sha256(part) == file.sha256:
            return True
        part.unlink()
        return False

    def reuse(self, release: str, file: File, current: str) -> None:
        """Takes a file out of another whole release, where that has the same."""
        if current == OWN or self.has(release, file):
            return
        other = self.path / current
        try:
            known = manifest.decode((other / "manifest").read_bytes())
            same = next((each for each in known.files if each.sha256 == file.sha256), None)
            if same is not None and len(data := (other / "files" / same.path).read_bytes()) == file.size:
                self.append(release, file, 0, data)
        except (OSError, InvalidError):
            pass  # then it is fetched

    def stage(self, release: str, found: Manifest, pointer: Pointer | None = None) -> None:
        """Puts a release in place, of which every part is here and right; and by what it runs, where it brings that."""
        draft = self.path / f"{release}{_NEW}"
        if pointer is not None:
            point(draft, pointer)
        shutil.rmtree(draft / "files", ignore_errors=True)
        for each in found.files:
            target = draft / "files" / each.path
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _link(self.part(release, each.sha256), target)
        files.write(draft / "manifest", found.encode())
        for folder in (draft / "files", *(draft / "files").rglob("*")):
            if folder.is_dir():
                files.sync(folder)
        final = self.path / release
        if final.exists():
            shutil.rmtree(final)  # it is damaged: one that is whole is not fetched
        files.rename(draft, final)
        shutil.rmtree(final / "parts", ignore_errors=True)

    def room(self) -> int:
        """Bytes that a release may have, for the disk to have some left."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return max(0, shutil.disk_usage(self.path).free - SPARE)

    def prune(self, known: Record, *, running: str = "") -> None:
        """Removes what nobody needs any more: releases, and versions of Ganglion but this, which runs."""
        keep = {known.current, known.trial, known.desired, f"{known.desired}{_NEW}"}
        if not self.path.is_dir():
            return
        for each in self.path.iterdir():
            if each.name.startswith("."):
                each.unlink(missing_ok=True)  # a draft that a power cut has left
            elif each.is_dir() and each.name not in keep:
                shutil.rmtree(each, ignore_errors=True)
            elif each.is_dir() and not each.name.endswith(_NEW):
                shutil.rmtree(each / "parts", ignore_errors=True)
        Trees.of(self.path.parent).prune({running, *(self._agent(each) for each in keep if each)})

    def _agent(self, release: str) -> str:
        try:
            return pointed(self.path / release).id
        except ValueError:
            return ""


def _link(part: Path, target: Path) -> None:
    """The same bytes under another name; a copy where the file system has no links."""
    try:
        os.link(part, target)
    except OSError:
        files.write(target, part.read_bytes())


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
