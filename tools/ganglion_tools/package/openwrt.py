# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages for OpenWrt, as its own build makes them: ipk for opkg (to 24.10), apk for apk-tools (from 25.12)."""

import hashlib
from collections.abc import Sequence

from ganglion_tools.package.archive import Entry, gz, tar
from ganglion_tools.package.contents import FILES, common, copyright_text
from ganglion_tools.package.signing import Sign
from ganglion_tools.package.version import Version

#: OpenWrt's Python is many packages; these have what a node imports. cffi, PyNaCl and PyYAML are of its feed, for they
#: are compiled.
DEPENDS = (
    "python3-light",
    "python3-asyncio",
    "python3-cffi",
    "python3-codecs",
    "python3-ctypes",
    "python3-decimal",
    "python3-email",
    "python3-logging",
    "python3-openssl",
    "python3-pynacl",
    "python3-sqlite3",
    "python3-urllib",
    "python3-yaml",
)
_DESCRIPTION = "runtime for the edge: sensors, scripts and a signed mesh"


def entries(library: Sequence[Entry], kind: str, arch: str) -> list[Entry]:
    """What is installed, beside the library, of an `ipk` or an `apk`."""
    here = FILES / "openwrt"
    return [
        *library,
        *common(kind, arch),
        Entry(path="etc/config/ganglion", data=(here / "ganglion.config").read_bytes(), config=True),
        Entry(path="etc/init.d/ganglion", data=(here / "ganglion.init").read_bytes(), mode=0o755),
        Entry(path="lib/upgrade/keep.d/ganglion", data=(here / "ganglion.keep").read_bytes()),
        Entry(path="usr/lib/ganglion/LICENCES", data=copyright_text()),
    ]


def ipk(library: Sequence[Entry], arch: str, version: Version) -> bytes:
    """An ipk: a gzipped tar of three, two of them gzipped tars. opkg asks for no signature but of a repository's list.

    Args:
        arch: As OpenWrt calls it: `opkg print-architecture` on the router.
    """
    files = sorted(entries(library, "ipk", arch), key=lambda entry: entry.path)
    data = tar(files, version.time, prefix="./")
    here = FILES / "openwrt"
    control = (here / "control").read_text(encoding="utf-8")
    told = control.format(
        version=version, arch=arch, size=len(data), depends=", ".join(DEPENDS), description=_DESCRIPTION
    )
    controls = [
        Entry(path="control", data=told.encode()),
        Entry(path="conffiles", data=_conffiles(files)),
        *(Entry(path=name, data=(here / name).read_bytes(), mode=0o755) for name in ("postinst", "prerm")),
    ]
    members = [
        Entry(path="control.tar.gz", data=gz(tar(controls, version.time, prefix="./"))),
        Entry(path="data.tar.gz", data=gz(data)),
        Entry(path="debian-binary", data=b"2.0\n"),
    ]
    return gz(tar(members, version.time))


def apk(library: Sequence[Entry], arch: str, version: Version, sign: Sign | None = None) -> bytes:
    """An apk of the second form (apk-v2(5)), which apk-tools 2 and 3 install: gzipped parts of one tar.

    Args:
        arch: As OpenWrt calls it: `apk --print-arch` on the router.
        sign: Makes the signature; without one `apk add --allow-untrusted` installs it.
    """
    files = entries(library, "apk", arch)
    # Of a package of OpenWrt's own, its scripts read these three.
    names = "".join(f"/{entry.path}\n" for entry in sorted(files, key=lambda entry: entry.path))
    files += [
        Entry(path="lib/apk/packages/ganglion.conffiles", data=_conffiles(files)),
        Entry(path="lib/apk/packages/ganglion.list", data=names.encode()),
        Entry(path="lib/apk/packages/ganglion.rusers", data=b"ganglion:ganglion\n"),
    ]
    data = gz(tar(files, version.time, checksums=True))
    here = FILES / "openwrt"
    told = [
        ("pkgname", "ganglion"),
        ("pkgver", version.apk),
        ("pkgdesc", _DESCRIPTION),
        ("url", "https://openwrt.org"),
        ("builddate", str(version.time)),
        ("size", str(sum(len(entry.data or b"") for entry in files))),
        ("arch", arch),
        ("license", "GPL-3.0-or-later"),
        *(("depend", name) for name in DEPENDS),
        ("datahash", hashlib.sha256(data).hexdigest()),
    ]
    installed, removed = ((here / name).read_bytes() for name in ("postinst", "prerm"))
    head, _, rest = installed.partition(b"\n")
    scripts = {
        ".post-install": installed,
        ".post-upgrade": head + b"\nexport PKG_UPGRADE=1\n" + rest,  # as opkg says it
        ".pre-deinstall": removed,
    }
    controls = [
        Entry(path=".PKGINFO", data="".join(f"{key} = {value}\n" for key, value in told).encode()),
        *(Entry(path=name, data=script, mode=0o755) for name, script in scripts.items()),
    ]
    control = gz(tar(controls, version.time, ended=False))
    return (b"" if sign is None else sign(control, version.time)) + control + data


def _conffiles(files: Sequence[Entry]) -> bytes:
    return "".join(f"/{entry.path}\n" for entry in files if entry.config).encode()
