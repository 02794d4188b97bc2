# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives in memory, of which the same files and the same time give the same bytes. No file is opened here."""

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a package; root owns it.

    Attributes:
        path: From the root of the file system, without the first `/`.
        data: What is in it; None for a folder that is there though empty.
        mode: Its permissions.
        config: Whether an operator changes it, so that an upgrade leaves it as it is.
    """

    path: str
    data: bytes | None
    mode: int = 0o644
    config: bool = False


def tar(
    entries: Iterable[Entry], mtime: int, *, prefix: str = "", ended: bool = True, checksums: bool = False
) -> bytes:
    """A tar archive (ustar) of entries in the order of their paths, with the folders that they are in before them.

    Args:
        mtime: Seconds since 1970: when everything in it was written, as it says.
        prefix: What stands before each path, such as `./`.
        ended: Whether the end is marked with zeros; a part that another one follows has none.
        checksums: Whether each file has its SHA-1 before it, in a pax header as apk-tools reads it.
    """
    whole: dict[str, Entry] = {}
    for entry in entries:
        for parent in PurePosixPath(entry.path).parents:
            if str(parent) != ".":
                whole.setdefault(str(parent), Entry(path=str(parent), data=None, mode=0o755))
        whole[entry.path] = entry
    made = io.BytesIO()
    form = tarfile.PAX_FORMAT if checksums else tarfile.USTAR_FORMAT
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        if prefix == "./":
            archive.addfile(_header("./", None, 0o755, mtime))
        for path in sorted(whole):
            entry = whole[path]
            header = _header(f"{prefix}{path}", entry.data, entry.mode, mtime)
            if checksums and entry.data is not None:
                digest = hashlib.sha1(entry.data, usedforsecurity=False).hexdigest()
                header.pax_headers = {"APK-TOOLS.checksum.SHA1": digest}
            archive.addfile(header, io.BytesIO(entry.data or b""))
        size = archive.offset
    return made.getvalue() if ended else made.getvalue()[:size]


def _header(name: str, data: bytes | None, mode: int, mtime: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    header.size, header.mode, header.mtime = len(data or b""), mode, mtime
    header.uname = header.gname = "root"
    return header


def gz(data: bytes) -> bytes:
    """Compressed as gzip does it, without a name or a time."""
    return gzip.compress(data, compresslevel=9, mtime=0)


def xz(data: bytes) -> bytes:
    """Compressed as xz does it."""
    return lzma.compress(data, preset=9)


def ar(members: Iterable[tuple[str, bytes]], mtime: int) -> bytes:
    """An archive as ar(5) has it, which a .deb is: names of at most 16 bytes, and each member at an even place."""
    made = bytearray(b"!<arch>\n")
    for name, data in members:
        made += f"{name:<16}{mtime:<12}{0:<6}{0:<6}{0o100644:<8o}{len(data):<10}`\n".encode("ascii")
        made += data + b"\n" * (len(data) % 2)
    return bytes(made)
