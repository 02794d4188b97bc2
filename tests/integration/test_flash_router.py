# SPDX-License-Identifier: GPL-3.0-or-later
"""flash openwrt --host: a router's busybox behind a real dropbear without SFTP, over a cable that is pulled."""

import hashlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support import linux_host
from support.host_shell import Shell, own_home

pytestmark = pytest.mark.skipif(not linux_host.may(), reason="only root may make a machine out of namespaces")

#: A program that joins where it has a key, as far as anybody sees from outside: a router here has no Python.
JOINS = """[ -s /etc/ganglion/state/credential.cwt ] || { [ -s /etc/ganglion/enrol.key ] || exit 1
mkdir -p /etc/ganglion/state; echo one >/etc/ganglion/state/credential.cwt; }
echo '{"ready": true, "node": "attic", "id": "abc"}'
exec sleep 600
"""
ENDS = "echo no such thing\nexit 1\n"
#: Does not shrink: the package is as large as this.
BALLAST = os.urandom(1 << 20)


class Cable:
    """Carries bytes to a machine, and is pulled out after so many of them, as often as there are numbers."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._port = port
        self._cuts = cuts
        self.carried = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(60)
        self.port = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60)
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                limit = self._cuts.pop(0) if self._cuts else 1 << 40
                self._threads.append(threading.Thread(target=self._joined, args=(near, limit), daemon=True))
                self._threads[-1].start()

    def _joined(self, near: socket.socket, limit: int) -> None:
        with near, socket.create_connection(("127.0.0.1", self._port), timeout=60) as far:
            near.settimeout(60)
            back = threading.Thread(target=self._carry, args=(far, near, 1 << 40, False), daemon=True)
            back.start()
            self._carry(near, far, limit, True)
            back.join(60)

    def _carry(self, one: socket.socket, other: socket.socket, most: int, counted: bool) -> None:
        with suppress(OSError):
            while most > 0 and (data := one.recv(min(65536, most))):
                other.sendall(data)
                most -= len(data)
                self.carried += len(data) * counted
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(port: int, cuts: list[int]) -> Iterator[Cable]:
    made = Cable(port, cuts)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    linux_host.ipk(folder, "1.0", program=JOINS, ballast=BALLAST)
    linux_host.ipk(folder, "2.0", program=ENDS)
    return folder


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    home = own_home(tmp_path / "home", monkeypatch)
    with linux_host.openwrt(tmp_path / "host") as host:
        yield Shell(capsys, host, home, next(packages.glob("*_1.0_*")), board="openwrt", user="")


def test_a_router_becomes_a_node_and_stays_as_it_is(shell: Shell) -> None:
    code, said, told = shell.flash(*shell.first, "--name", "attic")
    assert code == 0, told
    assert (said["board"], said["name"], said["node"]) == ("openwrt-mt7621", "attic", "abc")
    assert said["host"] == f"root@127.0.0.1:{shell.port}"
    assert said["machine"]["system"] == "OpenWrt 23.05.3"
    assert not shell.host.path("/etc/ganglion/enrol.key").exists()
    process = shell.host.path("/tmp/ganglion.pid").read_text()

    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert (code, said["changed"], said["sent"]) == (0, False, 0)
    assert shell.host.path("/tmp/ganglion.pid").read_text() == process


def test_a_link_where_packages_are_kept_leads_nowhere(shell: Shell) -> None:
    kept, precious = shell.host.path("/tmp/ganglion"), shell.host.path("/etc/precious")
    precious.mkdir()
    (precious / "file").touch()
    precious.chmod(0o755)
    kept.symlink_to("/etc/precious")
    code, said, _ = shell.flash(*shell.first)
    assert code == 1
    assert "cannot write in /tmp/ganglion: see that it is a folder and the user's own" in said["error"]
    kept.unlink()
    assert shell.flash(*shell.first)[0] == 0
    shutil.rmtree(kept)
    kept.symlink_to("/etc/precious")
    assert shell.flash(*shell.first)[0] == 0
    assert [path.name for path in precious.iterdir()] == ["file"]
    assert precious.stat().st_mode & 0o777 == 0o755


def test_what_was_cut_is_gone_on_with(shell: Shell) -> None:
    size = shell.package.stat().st_size
    with cable(shell.host.port, [400_000, 400_000]) as between:
        shell.port = between.port
        shell.knows()
        code, said, told = shell.flash(*shell.first, "--name", "attic")
        assert code == 0, told
        assert told.count("broke off; trying once more") == 2
        assert said["sent"] < size / 2  # the last time, when some was there from before
        assert size < between.carried < size * 1.3
    assert shell.host.path("/usr/share/ganglion/ballast").read_bytes() == BALLAST


def test_a_cable_that_is_always_pulled_is_given_up_and_the_next_run_goes_on(shell: Shell) -> None:
    with cable(shell.host.port, [300_000, 100_000, 100_000, 100_000]) as between:
        shell.port = between.port
        shell.knows()
        code, said, _ = shell.flash(*shell.first, "--name", "attic")
        assert (code, "broke off: run this again, it goes on from there" in said["error"]) == (5, True)
    assert not shell.host.path("/usr/bin/ganglion").exists()
    shell.port = shell.host.port
    shell.knows()
    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert code == 0
    assert said["sent"] < shell.package.stat().st_size - 200_000


def test_what_lies_there_and_is_not_the_package_is_not_gone_on_with(shell: Shell) -> None:
    data = shell.package.read_bytes()
    folder = shell.host.path("/tmp/ganglion")
    folder.mkdir(mode=0o700)
    (folder / f"{hashlib.sha256(data).hexdigest()}.ipk.part").write_bytes(b"?" * 500_000)
    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert (code, said["sent"]) == (0, len(data))


def test_an_older_node_comes_back_where_the_newer_one_does_not_stay(shell: Shell, packages: Path) -> None:
    assert shell.flash(*shell.first, "--name", "attic")[0] == 0
    shell.package = next(packages.glob("*_2.0_*"))
    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert code == 1
    assert "ganglion: no such thing\n" in said["error"]
    assert said["error"].endswith("put back: ganglion 1.0; and the service is started again")
    assert "# 1.0\n" in shell.host.path("/usr/bin/ganglion").read_text()

    for each in shell.host.path("/tmp/ganglion").iterdir():
        each.unlink()  # as a restart of the router does
    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert code == 1
    assert "put back: not ganglion 1.0, whose package is not there any more: give it with --package" in said["error"]


def test_a_package_manager_that_is_busy_is_named(shell: Shell) -> None:
    shell.host.path("/tmp/opkg-locked").touch()
    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert code == 1
    assert "its package manager is busy with something else" in said["error"]


def test_a_disk_that_is_full_is_named(shell: Shell) -> None:
    folder = shell.host.path("/tmp/ganglion")
    folder.mkdir(mode=0o700)
    with (folder / "filler").open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    code, said, _ = shell.flash(*shell.first, "--name", "attic")
    assert (code, "free" in said["error"]) == (1, True), said
