# SPDX-License-Identifier: GPL-3.0-or-later
"""console: other programs at the port, through a pty and by RFC 2217: mpremote, speeds and lines, one writer."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from ganglion.console.listener import Client
from ganglion.console.pty import Pty
from ganglion.device import link as link_module
from ganglion.device.link import Link
from ganglion.device.port import Port, open_port
from ganglion.errors import RefusedError
from support.cable import Cable
from support.console import PATIENCE, terminal
from support.shared_port import shared, waited

pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # of pyserial


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path, held=False)
    yield made
    made.close()


def test_a_device_without_a_raw_repl_is_said_to_have_none(cable: Cable, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    with terminal("console", str(cable.port), folder=tmp_path) as person:
        person.until("Ctrl-] ends")
        person.type(b"\x14fmain.py\r")
        person.until("Ctrl-T p sends the bytes of the file as they are")


class Recorded(serial.Serial):
    """A port with lines and speeds, which a pty has not: what is asked of them is kept."""

    asked: list[tuple[str, Any]]

    def _update_dtr_state(self) -> None:
        self.asked.append(("dtr", self._dtr_state))

    def _update_rts_state(self) -> None:
        self.asked.append(("rts", self._rts_state))

    def _update_break_state(self) -> None:
        self.asked.append(("break", self._break_state))

    def _reconfigure_port(self, force_update: bool = False) -> None:
        if self._baudrate > 4_000_000:
            raise ValueError("too fast")
        if not self.is_open:
            super()._reconfigure_port(force_update)
        self.asked.append(("format", (self._baudrate, f"{self._bytesize}{self._parity}{self._stopbits}")))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What reaches the port, of ports that are opened from now on."""
    kept: list[tuple[str, Any]] = []

    def opened(name: str, *, baud: int) -> Port:
        made = Recorded(timeout=0, write_timeout=10)
        made.asked = kept
        made.port, made.baudrate = name, baud
        made.open()
        return Port(name, made)

    monkeypatch.setattr(link_module, "open_port", opened)
    return kept


def test_lines_speeds_and_formats_reach_the_port(cable: Cable, tmp_path: Path, asked: list[tuple[str, Any]]) -> None:
    with shared(str(cable.port), tmp_path) as here:
        asked.clear()
        with serial.serial_for_url(here.url, baudrate=115200, timeout=PATIENCE) as client:
            assert asked == [], "who opens a port as it is changes nothing"
            assert here.console.pen.is_free
            client.baudrate = 921600
            client.parity = "E"
            client.dtr = False  # as esptool resets an ESP into its loader
            client.rts = True  # as it is
            client.dtr = True
            client.rts = False
            client.break_condition = True
            client.break_condition = False
            assert asked == [
                ("format", (921600, "8N1")),
                ("format", (921600, "8E1")),
                ("dtr", False),
                ("dtr", True),
                ("rts", False),
                ("break", True),
                ("break", False),
            ]
            client.write(b"\xff\x00\r\n")
            waited(lambda: cable.read(0.1) == b"\xff\x00\r\n", "the bytes arrive")
            cable.write(b"\xff\xff\xf0")
            assert client.read(3) == b"\xff\xff\xf0"
            with pytest.raises(ValueError, match="rejected"):
                client.baudrate = 9_000_000
            asked.clear()
        waited(lambda: here.console.pen.is_free, "it is gone")
        assert ("format", (115200, "8N1")) in asked, "the port is as the console has it"
        assert asked[-1] == ("rts", True)


def test_the_menu_resets_a_board_by_its_lines(cable: Cable, asked: list[tuple[str, Any]]) -> None:
    link = Link(str(cable.port))
    asked.clear()
    link.reset()
    assert asked == [("dtr", False), ("rts", True), ("rts", False), ("dtr", True), ("rts", True)]
    asked.clear()
    link.send_break()
    assert asked == [("break", True), ("break", False)]
    link.close()


def test_a_speed_set_on_the_pty_reaches_the_port(cable: Cable, tmp_path: Path, asked: list[tuple[str, Any]]) -> None:
    with shared(str(cable.port), tmp_path) as here:
        with open_port(here.pty, baud=460800) as guest:
            guest.write(b"x")
            waited(lambda: cable.read(0.1) == b"x", "it arrives")
            assert ("format", (460800, "8N1")) in asked
            asked.clear()
        waited(lambda: here.console.pen.is_free, "it is gone")
        assert asked == [("format", (115200, "8N1"))]
        with open_port(here.pty, baud=460800) as guest:
            waited(lambda: here.link.baud == 460800, "the next sets it again")


def test_one_writes_and_the_others_are_told_who(cable: Cable, tmp_path: Path) -> None:
    with shared(str(cable.port), tmp_path) as here:
        with serial.serial_for_url(here.url, 115200, timeout=PATIENCE) as first, open_port(here.pty) as second:
            first.write(b"mine")
            waited(lambda: cable.read(0.1) == b"mine", "the first writes")
            writer = str(here.console.pen)
            assert f"(process {os.getpid()}) at 127.0.0.1:" in writer
            second.write(b"also mine")
            told = b""
            while not told.endswith(b"read\r\n"):
                told += second.read(PATIENCE)
            assert told == f"\r\nganglion: {writer} writes here; until that is done you only read\r\n".encode()
            here.console.type(b"mine too")
            assert here.screen.said[-1] == f"{writer} writes; nothing is sent until that is done"
            cable.write(b"for all")
            assert first.read(7) == b"for all"
            assert second.read(PATIENCE) == b"for all"
            assert cable.read(0.1) == b"", "nobody else has written"
            with serial.serial_for_url(here.url, 115200, timeout=PATIENCE) as third:  # at the same speed
                cable.write(b"!")
                assert third.read(1) == b"!"
            with pytest.raises(RefusedError, match="is not to be had at 9600 baud: it has another speed"):
                open_port(here.url, baud=9600)
            second.read(PATIENCE)
        waited(lambda: here.console.pen.is_free, "both have gone")
        assert here.screen.said[-1] == f"{writer} is done"
        here.console.type(b"now")
        assert cable.read(PATIENCE) == b"now"


def test_guests_stay_while_the_cable_is_out(cable: Cable, tmp_path: Path) -> None:
    with shared(str(cable.port), tmp_path) as here, serial.serial_for_url(here.url, 115200, timeout=PATIENCE) as guest:
        cable.pull()
        waited(lambda: here.link.port is None, "it is out")
        guest.write(b"lost")
        assert guest.read_until(b"with it\r\n").endswith(b"ttyUSB0 is gone, and what you write with it\r\n")
        cable.plug()
        waited(lambda: here.link.port is not None, "it is back")
        guest.write(b"here")
        assert cable.read(PATIENCE) == b"here", "and nothing of what was written before"


def test_a_console_of_a_port_elsewhere_waits_for_it_too(cable: Cable, tmp_path: Path) -> None:
    with shared(str(cable.port), tmp_path) as here:
        link = Link(here.url)
    said: list[str] = []
    link.say = said.append
    waited(lambda: link.read() == b"" and link.port is None, "it is told that the other end has gone")
    assert "is gone" in said[0]
    link.close()


def test_a_client_that_is_rude_is_let_go(cable: Cable, tmp_path: Path) -> None:
    with shared(str(cable.port), tmp_path) as here, here.connected() as rude:
        rude.sendall(b"\xff\xfa\x2c" + b"x" * 1000)
        assert b"" in iter(lambda: rude.recv(4096), None)
        with here.connected() as browser:  # a page of anybody's may have it say anything to this machine's ports
            browser.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nimport machine; machine.reset()\r\n")
            assert b"" in iter(lambda: browser.recv(4096), None)
        assert cable.read(0.1) == b""


def test_a_client_that_does_not_read_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        client = Client(server.accept()[0], "slow")
        for _ in range(1000):
            client.send(bytes(8192))
        assert client.is_stuck
        client.close()


def test_the_pty_is_for_its_owner_and_gone_at_the_end(cable: Cable, tmp_path: Path) -> None:
    with shared(str(cable.port), tmp_path) as here:
        assert os.stat(here.pty).st_mode & 0o777 == 0o600
    assert not os.path.lexists(here.pty)
    os.symlink("/dev/pts/nothing", here.pty)  # of a console that was killed
    Pty(here.pty).close()
    assert not os.path.lexists(here.pty)


def usb(name: str, serial_number: str) -> ListPortInfo:
    info = ListPortInfo(os.path.realpath(name))
    info.device, info.vid, info.pid, info.serial_number = os.path.realpath(name), 0x10C4, 0xEA60, serial_number
    return info


def test_a_board_that_comes_back_under_another_name_is_found_by_its_serial_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    old, new = Cable(tmp_path / "1"), Cable(tmp_path / "2")
    there = [usb(str(old.port), "mine")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: there)
    said: list[str] = []
    link = Link(str(old.port))
    link.say = said.append
    old.pull()
    assert link.read() == b""
    there[:] = [usb(str(new.port), "another's")]
    old.port.symlink_to(os.path.realpath(new.port))  # another board has its name
    monkeypatch.setattr(link_module, "AGAIN", 0)
    link._next = 0
    link.look()
    assert link.port is None
    old.port.unlink()
    there[:] = [usb(str(new.port), "mine")]
    link.look()
    assert link.name == os.path.realpath(new.port)
    assert said[0].startswith(f"{old.port} is gone")
    assert said[1:] == [f"{link.name} is back"]
    link.write(b"x")
    assert new.read(PATIENCE) == b"x"
    link.close()
    new.close()
