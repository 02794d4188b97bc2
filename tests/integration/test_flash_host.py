# SPDX-License-Identifier: GPL-3.0-or-later
"""flash --host: a node comes onto a Debian that a real sshd lets one into, joins a real mesh, and is put back."""

import asyncio
import fcntl
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganglion import config
from ganglion.cli.main import main
from ganglion.flash.host.connection import Remote
from support import linux_host
from support.brokers import Broker, nats_broker
from support.gateway import Process, process
from support.host_shell import KEY, STAYS, Shell, own_home
from support.linux_host import Host

pytestmark = pytest.mark.skipif(not linux_host.may(), reason="only root may make a machine out of namespaces")

#: A node that does not come up.
ENDS = 'printf "starting\\n"; printf "\\033[31mno such chip\\033[0m\\n"; exit 1\n'


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    linux_host.deb(folder, "1.0")
    linux_host.deb(folder, "2.0", program=STAYS)
    linux_host.deb(folder, "3.0", program=ENDS)
    linux_host.deb(folder, "5.0", program="exec sleep 600\n")
    linux_host.deb(folder, "4.0", architecture="riscv64", program=STAYS)
    return folder


def version(packages: Path, number: str) -> Path:
    return next(packages.glob(f"ganglion_{number}_*.deb"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with linux_host.debian(tmp_path / "host") as machine:
        yield machine


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], host: Host, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(capsys, host, own_home(tmp_path / "home", monkeypatch), version(packages, "2.0"))


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with nats_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def gateway(tmp_path: Path, broker: Broker) -> AsyncIterator[Process]:
    async with process(tmp_path / "gateway", broker.url) as running:
        yield running


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


def test_an_older_node_comes_back_where_the_newer_one_does_not_stay(shell: Shell, packages: Path) -> None:
    asked = ("--enrol-key", shell.home / "enrol.key", "--broker")
    assert shell.flash(*asked, "mqtt://old", "--name", "fridge")[0] == 0
    config = shell.host.path("/etc/ganglion/node.toml")
    before = config.read_text()
    process = shell.host.path("/run/ganglion-test/pid").read_text()

    shell.package = version(packages, "3.0")
    code, said, told = shell.flash(*asked, "mqtt://new")
    assert code == 1
    first, *lines = said["error"].splitlines()
    assert first == f"the node ended on root@127.0.0.1:{shell.host.port}"
    assert lines[-3:-1] == ["  starting", "  \N{REPLACEMENT CHARACTER}[31mno such chip\N{REPLACEMENT CHARACTER}[0m"]
    assert lines[-1] == "put back: the configuration, ganglion 2.0; and the service is started again"
    assert config.read_text() == before
    assert "# 2.0\n" in shell.host.path("/usr/bin/ganglion").read_text()
    assert shell.host.path("/run/ganglion-test/pid").read_text() != process
    assert not shell.host.path("/etc/ganglion/enrol.key").exists()
    assert "putting back" in told

    shell.package = version(packages, "2.0")
    code, said, _ = shell.flash()
    assert (code, said["changed"]) == (0, False)
    code, said, _ = shell.flash("--broker", "mqtt://new")
    assert (code, said["changed"], said["sent"]) == (0, True, 0)
    assert [path.read_text() for path in config.parent.glob("node.toml.*")] == [before]
    assert config.stat().st_mode & 0o777 == 0o640


def test_a_first_node_that_does_not_stay_leaves_a_machine_that_can_be_tried_again(shell: Shell, packages: Path) -> None:
    shell.package = version(packages, "3.0")
    code, said, _ = shell.flash(*shell.first)
    assert code == 1
    assert said["error"].endswith("put back: the new configuration is removed; and the service is stopped")
    assert not shell.host.path("/etc/ganglion/node.toml").exists()
    shell.package = version(packages, "2.0")
    assert shell.flash(*shell.first)[0] == 0


def test_a_change_that_was_broken_off_is_ended_by_the_next_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.flash(*shell.first)[0] == 0
    run = Remote.run

    async def breaks(self: Remote, script: str, **more: Any) -> Any:
        if "systemctl restart" in script:
            self.cut()
        return await run(self, script, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Remote, "run", breaks)
        code, said, _ = shell.flash("--broker", "mqtt://new")
        assert (code, "run this again" in said["error"]) == (5, True)
    code, said, _ = shell.flash("--broker", "mqtt://new")
    assert (code, [step["step"] for step in said["plan"] if step["changes"]]) == (0, ["service"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_breaks_it_off_leaves_what_was_there_and_no_key(
    shell: Shell, packages: Path, number: signal.Signals
) -> None:
    assert shell.flash(*shell.first)[0] == 0
    config = shell.host.path("/etc/ganglion/node.toml")
    before = config.read_text()
    shell.package = version(packages, "5.0")
    words = shell.words("--enrol-key", shell.home / "enrol.key", "--broker", "mqtt://new")
    with subprocess.Popen([sys.executable, "-m", "ganglion", *words], stderr=subprocess.PIPE, text=True) as flashing:
        assert flashing.stderr is not None
        said = ""
        while "restart the service" not in said:
            line = flashing.stderr.readline()
            assert line, said
            said += line
        assert config.read_text() != before
        flashing.send_signal(number)
        rest = flashing.communicate(timeout=120)[1]
    assert "put back: the configuration, ganglion 2.0; and the service is started again" in rest
    assert (flashing.returncode, "Traceback" in rest) == (128 + number, False)
    assert config.read_text() == before
    assert "# 2.0\n" in shell.host.path("/usr/bin/ganglion").read_text()
    assert not shell.host.path("/etc/ganglion/enrol.key").exists()
    shell.package = version(packages, "2.0")
    assert shell.flash()[1]["changed"] is False


def test_a_configuration_that_cannot_be_put_back_is_said(
    shell: Shell, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell.flash(*shell.first)[0] == 0
    run = Remote.run

    async def loses(self: Remote, script: str, **more: Any) -> Any:
        if script.startswith("mv /etc/ganglion/node.toml."):
            for kept in shell.host.path("/etc/ganglion").glob("node.toml.*"):
                kept.unlink()
        return await run(self, script, **more)

    monkeypatch.setattr(Remote, "run", loses)
    shell.package = version(packages, "3.0")
    code, said, _ = shell.flash("--broker", "mqtt://new")
    assert (code, "put back: not /etc/ganglion/node.toml, which is still the new one" in said["error"]) == (1, True)


def test_what_went_wrong_is_said_where_nothing_can_be_put_back(
    shell: Shell, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell.flash(*shell.first)[0] == 0

    async def breaks(remote: Remote, *_: Any) -> str:
        remote.cut()
        return (await remote.run("true")).text

    monkeypatch.setattr("ganglion.flash.host.install._put_back", breaks)
    shell.package = version(packages, "3.0")
    code, said, _ = shell.flash("--broker", "mqtt://new")
    assert code == 1
    assert said["error"].startswith("the node ended on root@127.0.0.1")
    assert "\nwhat was there could not be put back: the connection to root@127.0.0.1" in said["error"]


def test_a_package_manager_that_is_busy_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.flash.host.system.PATIENT", 0)
    lock = shell.host.path("/var/lib/dpkg/lock-frontend")
    with lock.open("w") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        code, said, _ = shell.flash(*shell.first)
    assert code == 1
    assert "its package manager is busy with something else: wait until that is done" in said["error"]


def test_what_is_for_another_machine_is_not_sent(shell: Shell, packages: Path) -> None:
    shell.package = version(packages, "4.0")
    code, said, _ = shell.flash("--dry-run")
    assert (code, "is for riscv64, and root@127.0.0.1" in said["error"]) == (1, True)
    code, said, _ = shell.flash("--dry-run", board="raspberry-pi-4")
    assert (code, "takes packages for amd64, and a raspberry-pi-4 needs arm64" in said["error"]) == (1, True)
    assert not shell.host.path("/var/cache/ganglion").exists()


def test_the_enrol_key_is_never_in_a_command(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = []
    run = Remote.run

    async def noted(self: Remote, script: str, **more: Any) -> Any:
        scripts.append(script)
        return await run(self, script, **more)

    monkeypatch.setattr(Remote, "run", noted)
    assert shell.flash("--enrol-key", shell.home / "enrol.key", "--broker", "mqtt://user:geheim@b")[0] == 2
    monkeypatch.setenv("GANGLION_BROKER", "mqtt://user:geheim@b")
    assert shell.flash("--enrol-key", shell.home / "enrol.key")[0] == 0
    assert "mqtt://user:geheim@b" in shell.host.path("/etc/ganglion/node.toml").read_text()
    assert len(scripts) > 5
    assert not [script for script in scripts if KEY in script or "geheim" in script]
    code, said, _ = shell.flash("--enrol-key", KEY)
    assert (code, "takes a file that holds the key" in said["error"], KEY in said["error"]) == (2, True, False)
    torn = shell.home / "torn.key"
    torn.write_text(KEY[:-1])
    code, said, _ = shell.flash("--enrol-key", torn)
    assert (code, "torn.key: this is no enrol key" in said["error"]) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["flash", "pi"], 2, "pi is reached by SSH: name the machine with --host"),
        (["flash", "pi", "--host", "pi@h", "--host-key", "x"], 2, "as ssh-keygen -lf shows it"),
        (["flash", "pi", "--host", "pi@h", "--name", "a b"], 2, "1 to 40 letters"),
        (["flash", "pi", "--host", "pi@h", "--enrol-key", "nothing"], 3, "nothing does not exist"),
        (["flash", "pi", "--host", "pi@h", "--package", "nothing"], 3, "there is no file nothing"),
        (["flash", "nothing", "--host", "pi@h"], 3, "there is no board 'nothing'"),
        (["flash", "pi", "--host", "pi@h", "--wifi", "x", "--leaf-key", "k"], 2, "--wifi, --leaf-key: for a board at"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    assert main(words) == code
    assert says in capsys.readouterr().err
