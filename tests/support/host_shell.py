# SPDX-License-Identifier: GPL-3.0-or-later
"""A person who types `ganglion flash … --host` and reads what it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mesh.enrol import EnrolKey
from support.linux_host import Host

#: A node that comes up, for what is not about the mesh: it says so, and stays.
STAYS = 'echo "{\\"ready\\": true, \\"node\\": \\"n\\", \\"id\\": \\"x\\"}"\nexec sleep 600\n'
#: An enrol key, of no mesh.
KEY = EnrolKey(pin=bytes(16), secret=bytes(range(16))).text


def own_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without keys, an agent or known hosts, but with an enrol key."""
    (folder / ".ssh").mkdir(parents=True)
    (folder / "enrol.key").write_text(f"{KEY}\n")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


class Shell:
    """Types, and reads.

    Attributes:
        host: The machine.
        home: The person's home folder.
        port: Where the machine is reached.
        package: What is to be installed.
    """

    def __init__(
        self,
        capsys: pytest.CaptureFixture[str],
        host: Host,
        home: Path,
        package: Path,
        *,
        board: str = "generic-x86-64",
        user: str = "root",
    ) -> None:
        self._capsys = capsys
        self._board = board
        self._user = user
        self.host = host
        self.home = home
        self.port = host.port
        self.package = package
        #: For a machine that is no node yet.
        self.first = ("--broker", "mqtt://b", "--enrol-key", home / "enrol.key")
        self.knows()

    def flash(self, *words: object, user: str | None = None, board: str = "") -> tuple[int, Any, str]:
        """Exit code, the document, and what people read, in which there is nothing that a terminal obeys."""
        code = main(self.words(*words, user=user, board=board))
        said = self._capsys.readouterr()
        assert "\x1b" not in said.err
        return code, json.loads(said.out), said.err

    def words(self, *words: object, user: str | None = None, board: str = "") -> list[str]:
        """The command that is typed."""
        user = self._user if user is None else user
        where = f"{user}@" * bool(user) + f"127.0.0.1:{self.port}"
        given = ["--host", where, "--identity", self.host.identity, "--package", self.package, *words]
        return [*map(str, ["flash", board or self._board, *given]), "--json"]

    def knows(self, public: str = "") -> None:
        """Has the machine's key in known_hosts, or another one."""
        known = self.home / ".ssh" / "known_hosts"
        known.write_text(f"[127.0.0.1]:{self.port} {public or self.host.public}\n")
