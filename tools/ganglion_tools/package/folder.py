# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar that runs where it is unpacked, on any Linux with glibc and Python 3.11, PyNaCl, PyYAML and cffi."""

from collections.abc import Sequence

from ganglion_tools.package.archive import Entry, gz, tar
from ganglion_tools.package.contents import FILES, copyright_text, mark
from ganglion_tools.package.version import Version


def build(library: Sequence[Entry], name: str, version: Version) -> bytes:
    """The package: one folder.

    Args:
        library: The files of Python, as they are in that folder.
        name: Of the folder.
    """
    unit = (FILES / "debian" / "ganglion.service").read_bytes().replace(b"=/usr/bin/", b"=/opt/ganglion/bin/")
    entries = [
        *library,
        mark("lib/ganglion", "tar"),
        Entry(path="bin/ganglion", data=(FILES / "ganglion-relocatable").read_bytes(), mode=0o755),
        Entry(path="etc/node.toml", data=(FILES / "node.toml").read_bytes()),
        Entry(path="systemd/ganglion.service", data=unit),
        Entry(path="LICENCES", data=copyright_text()),
    ]
    return gz(tar(entries, version.time, prefix=f"{name}/"))
