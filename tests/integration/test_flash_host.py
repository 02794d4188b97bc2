# SPDX-License-Identifier: GPL-3.0-or-later
"""flash --host: a node comes onto a Debian that a real sshd lets one into, joins a real mesh, and is put back."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganglion import config
from ganglion.cli.main import main
from support import linux_host
from support.brokers import Broker
from support.gateway import Process, process
from support.linux_host import Host

pytestmark = pytest.mark.skipif(not linux_host.may(), reason="only root may make a machine out of namespaces")

#: A node that comes up, for what is not about the mesh: it says so, and stays.
STAYS = 'echo "{\\"ready\\": true, \\"node\\": \\"n\\", \\"id\\": \\"x\\"}"\nexec sleep 600\n'
#: One that does not.
ENDS = 'printf "starting\\n"; printf "\\033[31mno such chip\\033[0m\\n"; exit 1\n'


class Shell:
    """Types `ganglion flash` and reads what it says."""

    def __init__(self, capsys: pytest.CaptureFixture[str], host: Host, package: Path) -> None:
        self._capsys = capsys
        self.host = host
        self.package = package

    def flash(self, *words: object, user: str = "root", board: str = "generic-x86-64") -> tuple[int, Any, str]:
        """Exit code, the document, and what people read."""
        where = f"{user}@127.0.0.1:{self.host.port}"
        given = ["--host", where, "--identity", self.host.identity, "--package", self.package, *words]
        code = main([*map(str, ["flash", board, *given]), "--json"])
        said = self._capsys.readouterr()
        assert "\x1b" not in said.err
        return code, json.loads(said.out), said.err

    def knows(self, home: Path, public: str = "") -> None:
        """Has the machine's key in known_hosts, or another one."""
        folder = home / ".ssh"
        folder.mkdir(exist_ok=True)
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.host.port} {public or self.host.public}\n")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    linux_host.deb(folder, "1.0")
    linux_host.deb(folder, "2.0", program=STAYS)
    linux_host.deb(folder, "3.0", program=ENDS)
    linux_host.deb(folder, "4.0", architecture="riscv64", program=STAYS)
    return folder


def version(packages: Path, number: str) -> Path:
    return next(packages.glob(f"ganglion_{number}_*.deb"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with linux_host.debian(tmp_path / "host") as machine:
        yield machine


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without keys, an agent or known hosts."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], host: Host, packages: Path, home: Path) -> Shell:
    made = Shell(capsys, host, version(packages, "2.0"))
    made.knows(home)
    return made


@pytest.fixture
async def gateway(tmp_path: Path, broker: Broker) -> AsyncIterator[Process]:
    async with process(tmp_path / "gateway", broker.url) as running:
        yield running


def key_file(folder: Path) -> Path:
    path = folder / "enrol.key"
    path.write_text("gk1_abc\n")
    return path


async def test_a_machine_becomes_a_node_of_the_mesh_and_stays_as_it_is(
    shell: Shell, packages: Path, broker: Broker, gateway: Process, tmp_path: Path
) -> None:
    shell.package = version(packages, "1.0")
    token = tmp_path / "gateway" / "token"
    asked = ("--name", "fridge", "--broker", broker.url, "--gateway", gateway.url, "--token-file", token)

    code, said, _ = await asyncio.to_thread(shell.flash, *asked, "--dry-run", user="pi")
    assert (code, said["changed"]) == (0, False)
    assert [(step["step"], step["changes"]) for step in said["plan"]] == [
        ("package", True),
        ("configuration", True),
        ("key", True),
        ("service", True),
    ]
    assert not shell.host.path("/etc/ganglion").exists()

    code, said, told = await asyncio.to_thread(shell.flash, *asked, user="pi")
    assert code == 0, told
    assert (said["changed"], said["name"], said["sent"]) == (True, "fridge", shell.package.stat().st_size)
    nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
    assert [(node["name"], node["online"], node["id"]) for node in nodes] == [("fridge", True, said["node"])]
    settings = config.load(shell.host.path("/etc/ganglion/node.toml"))
    assert (settings.node.board, settings.sensors) == ("generic-x86-64", {"host": {"kind": "system"}})
    assert not shell.host.path("/etc/ganglion/enrol.key").exists()  # nobody else joins by it

    code, said, told = await asyncio.to_thread(shell.flash, *asked, user="pi")
    assert (code, said["changed"], said["sent"]) == (0, False, 0), told
    assert [step["changes"] for step in said["plan"]] == [False, False, False]
    nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
    assert len(nodes) == 1
