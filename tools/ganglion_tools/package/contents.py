# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package has beside the library: the command, an example of a configuration, the licences."""

from pathlib import Path

from ganglion.board.reading import boards
from ganglion.extras import MARK
from ganglion_tools.package.archive import Entry
from ganglion_tools.package.library import licences
from ganglion_tools.package.target import zig_target

#: Units, scripts and configurations, as they are installed.
FILES = Path(__file__).with_name("files")
#: Where the library is on a machine.
LIBRARY = "usr/lib/ganglion"
#: The board of the example as it stands in the repository.
_GENERIC = "generic-x86-64"


def common(kind: str, arch: str) -> list[Entry]:
    """The command, the configuration of a board with this architecture, and which kind of package it came by.

    Args:
        arch: As that kind of package calls it.
    """
    example = (FILES / "node.toml").read_text(encoding="utf-8").replace(_GENERIC, _board(kind, arch))
    return [
        mark(LIBRARY, kind),
        Entry(path="usr/bin/ganglion", data=(FILES / "ganglion").read_bytes(), mode=0o755),
        Entry(path="etc/ganglion/node.toml", data=example.encode(), config=True),
    ]


def mark(library: str, kind: str) -> Entry:
    """What tells Ganglion how it was installed, and so how something else is."""
    return Entry(path=f"{library}/{MARK}", data=f"{kind}\n".encode())


def _board(kind: str, arch: str) -> str:
    """The first board that takes such a package, or else runs the same code."""
    target = zig_target(kind, arch)
    known = boards()
    fits = [each.name for each in known if each.flashing.packages.get(kind) == arch]
    fits += [each.name for each in known if each.zig_target == target]
    return fits[0] if fits else _GENERIC


def copyright_text() -> bytes:
    """Whose it is: Ganglion's licence by name, and whole what those ask for that come along."""
    ours = "Ganglion is free software under the GNU General Public License, version 3 or later:"
    parts = [f"{ours}\n/usr/share/common-licenses/GPL-3 on Debian, https://www.gnu.org/licenses/gpl-3.0 elsewhere."]
    parts += [f"{name}, which comes along:\n\n{text}" for name, text in licences().items()]
    return ("\n\n----\n\n".join(parts) + "\n").encode()
