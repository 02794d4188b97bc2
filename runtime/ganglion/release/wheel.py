# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel of Ganglion, read and checked before any of it is believed. Nothing of it is run; it is only read.

A wheel is a zip with its packages and, in `ganglion-VERSION.dist-info`, METADATA, WHEEL, and RECORD with the SHA-256 of
each file. The gateway checks it when a release is made, and a node again when it has fetched it.
"""

import base64
import csv
import hashlib
import io
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import IO

from ganglion.errors import InvalidError
from ganglion.release.agent import MAX_UNPACKED, MAX_WHEEL, PIECE, Agent, checked, named
from ganglion.release.needs import MARKERS, Need, canonical, holds
from ganglion.sentences import say

#: Files in a wheel, bytes of all of them unpacked, and of one that says something of the wheel.
MAX_ENTRIES = 8192
MAX_WHOLE = 2 * MAX_UNPACKED
MAX_SAID = 1024 * 1024
#: Packages that a node does not run, and which it does not unpack.
UNUSED = frozenset({"ganglion_agent", "ganglion_gateway", "ganglion_tools"})
#: What a version has which a release can bring: it knows how it was started, and how to go back.
LAUNCH = "ganglion/release/launch.py"

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_DEEP, _LONG = 12, 240
_PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_VERSION = re.compile(rb"""^__version__\s*=\s*["']([^"'\n]{1,64})["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a wheel.

    Attributes:
        path: With `/`.
        size: Bytes.
        sha256: As RECORD has it.
        executable: Whether it is a program.
    """

    path: str
    size: int
    sha256: bytes
    executable: bool

    @property
    def is_used(self) -> bool:
        """Whether a node unpacks it."""
        return self.path.partition("/")[0] not in UNUSED


class Wheel:
    """A wheel that is open.

    Args:
        file: All of it.
        name: Of the file.

    Attributes:
        entries: Its files, without RECORD.
        needs: What has to be installed beside it.

    Raises:
        InvalidError: it is none of Ganglion, or there is something in it that may not be.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._name = name
        self.version, tags = named(name)
        try:
            self._zip = zipfile.ZipFile(file)
            infos = {each.filename: each for each in self._zip.infolist() if not each.is_dir()}
            if len(infos) != len([each for each in self._zip.infolist() if not each.is_dir()]):
                raise self._wrong(say("has a file twice"))
            self._check(infos)
            self._infos = infos
            self.needs = self._metadata()
            self._tagged(tags)
            self.entries = self._recorded()
            found = _VERSION.search(self._said("ganglion/__init__.py"))
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            if isinstance(error, InvalidError):
                raise
            raise self._wrong(say("is no wheel: {why}", why=str(error))) from None
        except Exception as error:  # zlib has an error of its own, and zipfile others where bytes are chosen for it
            raise self._wrong(say("is no wheel: {why}", why=type(error).__name__)) from None
        if found is None or found[1].decode("ascii", "replace") != self.version:
            raise self._wrong(
                say("is called {version}, and ganglion/__init__.py in it says another version", version=self.version)
            )
        if LAUNCH not in infos:
            raise self._wrong(
                say("is too old to be brought by a release ({launch} is not in it): install its package", launch=LAUNCH)
            )

    def _wrong(self, why: str) -> InvalidError:
        return InvalidError(why, where=self._name)

    @property
    def unpacked(self) -> int:
        """Bytes of what a node unpacks."""
        return sum(each.size for each in self.entries if each.is_used)

    def _check(self, infos: dict[str, zipfile.ZipInfo]) -> None:
        if len(infos) > MAX_ENTRIES:
            raise self._wrong(say("has {count} files, and {most} is the limit", count=len(infos), most=MAX_ENTRIES))
        if (whole := sum(each.file_size for each in infos.values())) > MAX_WHOLE:
            raise self._wrong(say("has {size} bytes unpacked, and {most} is the limit", size=whole, most=MAX_WHOLE))
        for path, info in infos.items():
            parts = path.split("/")
            if len(path) > _LONG or len(parts) > _DEEP or not all(map(_PART.fullmatch, parts)):
                raise self._wrong(say("has {path!r} in it, which is no path of a wheel", path=path[:80]))
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise self._wrong(say("has {path} in it, which is no plain file", path=path))
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._wrong(say("has {path} encrypted, or compressed in a way that wheels are not", path=path))
            top = parts[0]
            if len(parts) > 1 and top == self._info:
                continue
            if top.endswith(".data"):
                raise self._wrong(
                    say("has {path} in it, which pip would put elsewhere: a release brings packages alone", path=path)
                )
            if len(parts) < 2 or not _PACKAGE.fullmatch(top):
                raise self._wrong(say("has {path} in it, which is in no package", path=path))
            if top in sys.stdlib_module_names:
                raise self._wrong(say("has {path} in it, which would hide Python's own {top}", path=path, top=top))
        folders = {path.rpartition("/")[0] for path in infos}
        folders |= {"/".join(each.split("/")[:n]) for each in folders for n in range(1, each.count("/") + 1)}
        if both := folders & infos.keys():
            raise self._wrong(say("has {path} as a file and a folder", path=min(both)))

    @property
    def _info(self) -> str:
        return f"ganglion-{self.version}.dist-info"

    def _said(self, path: str) -> bytes:
        info = self._infos.get(path)
        if info is None:
            raise self._wrong(say("has no {path}", path=path))
        if info.file_size > MAX_SAID:
            raise self._wrong(say("has {size} bytes in {path}", size=info.file_size, path=path))
        return self._zip.read(info)

    def _headers(self, name: str) -> Message:
        return BytesHeaderParser().parsebytes(self._said(f"{self._info}/{name}"))

    def _metadata(self) -> tuple[str, ...]:
        said = self._headers("METADATA")
        name, version = str(said.get("Name", "")), str(said.get("Version", ""))
        if canonical(name) != "ganglion" or version != self.version:
            raise self._wrong(
                say(
                    "is called ganglion {version}, and METADATA in it says {name} {other}",
                    version=self.version,
                    name=name[:40],
                    other=version[:40],
                )
            )
        found = []
        for each in map(str, said.get_all("Requires-Dist", [])):
            need = Need.read(each, where=self._name)
            if "extra" not in need.marker or holds(need.marker, dict.fromkeys(MARKERS, "") | {"extra": ""}):
                found.append(" ".join(each.split()))
        python = str(said.get("Requires-Python", "")).strip()
        return (*([f"python {python}"] if python else []), *found)

    def _tagged(self, tags: frozenset[str]) -> None:
        said = self._headers("WHEEL")
        if not str(said.get("Wheel-Version", "")).startswith("1."):
            raise self._wrong(say("has another version of the format than 1, by WHEEL in it"))
        if frozenset(map(str, said.get_all("Tag", []))) != tags:
            raise self._wrong(say("is called for other machines than WHEEL in it says"))

    def _recorded(self) -> tuple[Entry, ...]:
        record = f"{self._info}/RECORD"
        rows = {row[0]: row for row in csv.reader(io.StringIO(self._said(record).decode())) if row}
        found = []
        for path, info in sorted(self._infos.items()):
            if path in (record, f"{record}.jws", f"{record}.p7s"):
                continue
            row = rows.get(path, [])
            kind, equals, digest = row[1].partition("=") if len(row) == 3 else ("", "", "")
            if kind != "sha256" or not equals:
                raise self._wrong(say("has no SHA-256 of {path} in RECORD", path=path))
            sha256 = base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))
            found.append(Entry(path, info.file_size, sha256, bool(info.external_attr >> 16 & 0o100)))
        if missing := rows.keys() - self._infos.keys():
            raise self._wrong(say("lacks {path}, which RECORD names", path=min(missing)[:80]))
        return tuple(found)

    def content(self) -> Iterator[tuple[Entry, bytes]]:
        """Each file with what is in it, which is as RECORD says.

        Raises:
            InvalidError: it is not.
        """
        for entry in self.entries:
            try:
                data = self._zip.read(entry.path)
            except Exception as error:
                raise self._wrong(say("{path} in it cannot be read: {why}", path=entry.path, why=str(error))) from None
            if len(data) != entry.size or hashlib.sha256(data).digest() != entry.sha256:
                raise self._wrong(say("{path} in it is not what RECORD says", path=entry.path))
            yield entry, data


def read(data: bytes, name: str) -> Agent:
    """What a manifest says of a wheel, of which everything was checked that can be without a node.

    Raises:
        InvalidError: it is none that a release may bring; the file is named.
    """
    if len(data) > MAX_WHEEL:
        raise InvalidError(
            say("{count} bytes, and a wheel may have {most}", count=len(data), most=MAX_WHEEL), where=name
        )
    wheel = Wheel(io.BytesIO(data), name)
    for _ in wheel.content():
        pass
    pieces = [hashlib.sha256(data[at : at + PIECE]).digest() for at in range(0, len(data), PIECE)]
    made = Agent(
        name=name,
        size=len(data),
        sha256=hashlib.sha256(data).digest(),
        pieces=tuple(pieces),
        unpacked=wheel.unpacked,
        needs=wheel.needs,
    )
    return checked((made,))[0]
