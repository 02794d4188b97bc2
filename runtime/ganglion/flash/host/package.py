# SPDX-License-Identifier: GPL-3.0-or-later
"""A package as a file: its form, name, version and architecture, as the target's own tool would read them."""

import gzip
import hashlib
import io
import lzma
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.flash.file import content

#: Bytes: Ganglion's have a hundredth.
_MOST = 256 * 1024 * 1024
#: Bytes of the part that says what a package is, once unpacked.
_CONTROL = 1024 * 1024
#: Bytes on the disk to bytes of the package, where it does not say.
_GROWS = 5
#: Architectures of packages that run everywhere.
EVERYWHERE = ("all", "noarch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package.

    Attributes:
        path: The file.
        form: `deb`, `ipk` or `apk`.
        data: What is in the file.
        version: As the target's tool calls it; empty where only that tool can read it.
        architecture: The same.
        installed_bytes: What it takes on the disk, about.
    """

    path: Path
    form: str
    data: bytes
    version: str
    architecture: str
    installed_bytes: int

    @property
    def sha256(self) -> str:
        """Of the file, in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()


def read(path: Path) -> Package:
    """The package in a file.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it cannot be read, is damaged, or is no package of Ganglion.
    """
    data = content(path, _MOST, "`ganglion package` makes one")
    form = path.suffix.removeprefix(".")
    if form == "apk":
        return _apk(path, data)
    if form not in ("deb", "ipk"):
        raise InvalidError("is no package: its name ends in .deb, .ipk or .apk", where=str(path))
    try:
        control = _of_deb(data) if data.startswith(b"!<arch>\n") else _of_ipk(data)
    except (ValueError, KeyError, EOFError, OSError, tarfile.TarError, lzma.LZMAError, zlib.error):
        raise InvalidError("is damaged, or no package at all: fetch or build it again", where=str(path)) from None
    if control.get("Package") != "ganglion":
        raise InvalidError(f"is a package of {control.get('Package', 'nothing')!r}, not of Ganglion", where=str(path))
    size = control.get("Installed-Size", "")
    said = int(size) * (1024 if form == "deb" else 1) if size.isascii() and size.isdigit() else 0
    return Package(
        path=path,
        form=form,
        data=data,
        version=control.get("Version", ""),
        architecture=control.get("Architecture", ""),
        installed_bytes=said or len(data) * _GROWS,
    )


def _apk(path: Path, data: bytes) -> Package:
    # apk-tools, doc/apk-v2.5.scd and doc/apk-v3.5.scd: gzip streams, or ADB, plain or compressed
    if not data.startswith((b"\x1f\x8b", b"ADB.", b"ADBd", b"ADBc")):
        raise InvalidError("is no apk package: fetch or build it again", where=str(path))
    return Package(path=path, form="apk", data=data, version="", architecture="", installed_bytes=len(data) * _GROWS)


def _of_deb(data: bytes) -> dict[str, str]:
    """The fields of a .deb; deb(5) and ar(5)."""
    at = 8
    while at + 60 <= len(data):
        name = data[at : at + 16].decode("ascii").strip().rstrip("/")
        size = int(data[at + 48 : at + 58])
        if size < 0 or data[at + 58 : at + 60] != b"`\n":
            break
        if name.startswith("control.tar"):
            packed = data[at + 60 : at + 60 + size]
            if name.endswith(".xz"):
                plain = lzma.LZMADecompressor().decompress(packed, _CONTROL)
            elif name.endswith(".gz"):
                plain = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(_CONTROL)
            elif name == "control.tar":
                plain = packed
            else:
                raise ValueError(name)
            return _fields(plain)
        at += 60 + size + size % 2
    raise ValueError("no control")


def _of_ipk(data: bytes) -> dict[str, str]:
    """The fields of an .ipk: a tar in gzip with another one in it, control.tar.gz (opkg-utils, opkg-build)."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as outer:
        for member in outer:
            if member.name.removeprefix("./") == "control.tar.gz" and member.size <= _CONTROL:
                inner = outer.extractfile(member)
                assert inner is not None
                return _fields(gzip.GzipFile(fileobj=inner).read(_CONTROL))
    raise ValueError("no control")


def _fields(archive: bytes) -> dict[str, str]:
    """Those of the first paragraph of `control` in a tar."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as members:
        for member in members:
            if member.name.removeprefix("./") == "control" and member.isfile():
                file = members.extractfile(member)
                assert file is not None
                lines = file.read(_CONTROL).decode().splitlines()
                pairs = (line.partition(":") for line in lines if line and not line[0].isspace())
                return {name: value.strip() for name, _, value in pairs}
    raise ValueError("no control")
