# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package has beside the library: the command, an example of a configuration, the licences."""

from pathlib import Path

from ganglion_tools.package.archive import Entry
from ganglion_tools.package.library import licences

#: Units, scripts and configurations, as they are installed.
FILES = Path(__file__).with_name("files")
#: Where the library is on a machine.
LIBRARY = "usr/lib/ganglion"


def common(board: str) -> list[Entry]:
    """The command and the configuration.

    Args:
        board: What that configuration says the machine is.
    """
    example = (FILES / "node.toml").read_text(encoding="utf-8").replace("generic-x86-64", board)
    return [
        Entry(path="usr/bin/ganglion", data=(FILES / "ganglion").read_bytes(), mode=0o755),
        Entry(path="etc/ganglion/node.toml", data=example.encode(), config=True),
    ]


def copyright_text() -> bytes:
    """Whose it is: Ganglion's licence by name, and whole what those ask for that come along."""
    ours = "Ganglion is free software under the GNU General Public License, version 3 or later:"
    parts = [f"{ours}\n/usr/share/common-licenses/GPL-3 on Debian, https://www.gnu.org/licenses/gpl-3.0 elsewhere."]
    parts += [f"{name}, which comes along:\n\n{text}" for name, text in licences().items()]
    return ("\n\n----\n\n".join(parts) + "\n").encode()
