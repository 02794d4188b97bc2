# SPDX-License-Identifier: GPL-3.0-or-later
"""A .deb, as deb(5) and Debian's policy have it: for Debian 12 and later, and what is made of it.

It carries no signature of its own: apt trusts a repository's, and `dpkg -i` who has root.
"""

import hashlib
from collections.abc import Sequence
from email.utils import formatdate

from ganglion_tools.package.archive import Entry, ar, gz, tar, xz
from ganglion_tools.package.contents import FILES, common, copyright_text
from ganglion_tools.package.version import Version

#: Of the package, as Debian wants it; what is new in Ganglion is in CHANGELOG.md.
_CHANGELOG = """ganglion ({version}) unstable; urgency=medium

  * Built from the repository, whose CHANGELOG.md has what is new.

 -- The Ganglion developers <ganglion@localhost>  {date}
"""


def entries(library: Sequence[Entry], arch: str, version: Version) -> list[Entry]:
    """What is installed: the library, and what Debian has beside it."""
    changelog = _CHANGELOG.format(version=version, date=formatdate(version.time))
    here = FILES / "debian"
    return [
        *library,
        *common("deb", arch),
        Entry(path="usr/lib/systemd/system/ganglion.service", data=(here / "ganglion.service").read_bytes()),
        Entry(
            path="usr/share/python3/runtime.d/ganglion.rtupdate",
            data=(here / "ganglion.rtupdate").read_bytes(),
            mode=0o755,
        ),
        Entry(path="usr/share/doc/ganglion/changelog.gz", data=gz(changelog.encode())),
        Entry(path="usr/share/doc/ganglion/copyright", data=copyright_text()),
    ]


def build(library: Sequence[Entry], arch: str, version: Version) -> bytes:
    """The package.

    Args:
        library: The files of Python.
        arch: As dpkg calls it.
    """
    files = sorted(entries(library, arch, version), key=lambda entry: entry.path)
    data = [(entry, entry.data) for entry in files if entry.data is not None]
    here = FILES / "debian"
    control = (here / "control").read_text(encoding="utf-8")
    kibibytes = sum(-(-len(content) // 1024) for _, content in data)  # each file as whole ones: Policy, 5.6.20
    told = [
        Entry(path="control", data=control.format(version=version, arch=arch, kibibytes=kibibytes).encode()),
        Entry(path="conffiles", data="".join(f"/{entry.path}\n" for entry in files if entry.config).encode()),
        Entry(
            path="md5sums",
            data="".join(
                f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  {entry.path}\n"
                for entry, content in data
                if not entry.config
            ).encode(),
        ),
        *(Entry(path=name, data=(here / name).read_bytes(), mode=0o755) for name in ("postinst", "prerm", "postrm")),
    ]
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", xz(tar(told, version.time, prefix="./"))),
        ("data.tar.xz", xz(tar(files, version.time, prefix="./"))),
    ]
    return ar(members, version.time)
