# SPDX-License-Identifier: GPL-3.0-or-later
"""device: ports that are there, in use, forbidden, gone or none, and what `ganglion ports` says of them."""

import grp
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from ganglion.cli import main as cli
from ganglion.cli.extras import MODULES
from ganglion.device.port import open_port
from ganglion.device.ports import SerialPort, serial_ports
from ganglion.device.session import Session
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.linux.holders import Holder, holders
from ganglion_tools.broker import free_port
from support.cable import Cable

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join(str(ROOT / folder) for folder in ("runtime", "firmware", "gateway", "tools"))


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other(cable: Cable) -> Iterator[int]:
    """A process that has the port open."""
    program = "import sys; port = open(sys.argv[1], 'rb', buffering=0); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(cable.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process.pid
        process.kill()


def test_a_port_that_another_program_has_is_refused_with_its_name(cable: Cable, other: int) -> None:
    with pytest.raises(GanglionError, match=rf"ttyUSB0 is in use by python\S* \(process {other}\): end that first"):
        open_port(str(cable.port))
    assert [holder.pid for holder in holders(str(cable.port))] == [other]


def test_a_node_that_has_the_port_is_named_with_what_to_do(cable: Cable) -> None:
    program = "import sys; port = open(sys.argv[1], 'rb', buffering=0); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(cable.port), "node", "run", "--state", "barn", "barn.toml"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(GanglionError) as caught:
            open_port(str(cable.port))
        process.kill()
    assert str(caught.value) == (
        f"{cable.port} is in use by the node of barn.toml (process {process.pid}): stop it (`kill {process.pid}`, or "
        "Ctrl-C where it runs) and start it again when you are done"
    )


def test_a_port_that_a_node_lends_is_had_by_a_console(cable: Cable, tmp_path: Path) -> None:
    config = tmp_path / "barn.toml"
    lends = f'name = "barn"\n[serial.boiler]\nport = "{cable.port}"\n'
    program = "import sys; port = open(sys.argv[1], 'rb', buffering=0); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(cable.port), "node", "run", "barn.toml"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        said = []
        for text in (lends, f'{lends}[leaves]\nserial = ["{cable.port}"]\n', "name =", "serial = 3\n"):
            config.write_text(text)
            with pytest.raises(RefusedError) as caught:
                open_port(str(cable.port))
            said.append(str(caught.value).partition(f"the node of barn.toml (process {process.pid})")[2])
        process.kill()
    assert said[0] == (
        ", which lends it to a console across the mesh: `ganglion ports --node barn` says whose, and Ctrl-] there ends "
        "it; `ganglion console barn:boiler --share PATH` is for programs beside it"
    )
    assert all(each.startswith(": stop it (") for each in said[1:]), "what the node has for itself"


@pytest.mark.parametrize(
    ("flags", "remedy"),
    [
        (["--share", "./board"], "it is shared as {here}/board, so name that in place of {port}"),
        (["--listen=4000", "--json"], "it is shared as rfc2217://127.0.0.1:4000, so name that in place of {port}"),
        (["--listen", "127.0.0.2:4000"], "it is shared as rfc2217://127.0.0.2:4000, so name that in place of {port}"),
        (["--listen", "0"], "end that first, or start it with --share PATH or --listen PORT and name that"),
        ([], "end that first, or start it with --share PATH or --listen PORT and name that"),
    ],
)
def test_a_console_that_has_the_port_is_named_with_how_it_shares_it(
    cable: Cable, tmp_path: Path, flags: list[str], remedy: str
) -> None:
    program = "import sys; port = open(sys.argv[1], 'rb', buffering=0); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(cable.port), "ganglion", "console", *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(GanglionError) as caught:
            open_port(str(cable.port))
        process.kill()
    said = remedy.format(here=tmp_path, port=cable.port)
    assert str(caught.value) == f"{cable.port} is in use by ganglion console (process {process.pid}): {said}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("/usr/bin/python3", "-m", "ganglion", "files", "/dev/x", "ls"), "ganglion files (process 7)"),
        (("/usr/bin/python3", "/home/me/.venv/bin/ganglion", "--json", "ports"), "ganglion ports (process 7)"),
        (("python3", "of-mine.py", "/home/me/ganglion/x"), "python3 (process 7)"),
        (("vim", "/home/me/ganglion", "x"), "vim (process 7)"),
    ],
)
def test_what_ganglion_does_is_named_however_it_was_started(words: tuple[str, ...], said: str) -> None:
    assert str(Holder(pid=7, command=words[0].rpartition("/")[2], arguments=words)) == said


def test_where_a_console_shares_its_port_is_a_plain_path() -> None:
    words = ("python3", "-m", "ganglion", "console", "/dev/x", "--share", "./shared")
    assert Holder(pid=7, command="python3", arguments=words, folder="/x").shared_as == ["/x/shared"]


def test_a_program_that_calls_itself_by_escape_sequences_is_named_without_them(cable: Cable) -> None:
    program = """
import sys
port = open(sys.argv[1], 'rb', buffering=0)
open('/proc/self/comm', 'wb').write(b'a\\x1b[2Jb')
print('open', flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program, str(cable.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        [holder] = holders(str(cable.port))
        assert str(holder) == f"a\N{REPLACEMENT CHARACTER}[2Jb (process {process.pid})"
        process.kill()


def test_the_pty_of_a_container_of_the_same_name_is_another(cable: Cable) -> None:
    program = """
import os, sys
while (name := os.ttyname(os.openpty()[1])) != sys.argv[1]: print(name, file=sys.stderr)
print('open', flush=True)
sys.stdin.read()
"""
    script = (
        'mount -t devpts -o newinstance,ptmxmode=0666 none /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx && "$@"'
    )
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", program]
    with subprocess.Popen(
        [*command, os.path.realpath(cable.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"open\n":
            pytest.skip("only root has file systems of its own")
        assert holders(str(cable.port)) == []
        process.kill()


def test_a_port_that_this_program_has_is_refused_too(cable: Cable) -> None:
    with open_port(str(cable.port)), pytest.raises(GanglionError, match="is in use"):
        open_port(str(cable.port))
    open_port(str(cable.port)).close()


def test_a_port_that_is_not_there_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    there = SerialPort(
        device="/dev/ttyACM3", vid=None, pid=None, serial_number=None, description="", holders=(), boards=()
    )
    monkeypatch.setattr("ganglion.device.port.serial_ports", lambda: [there])
    with pytest.raises(NotFoundError, match="there is no port /dev/ttyUSB99; there is /dev/ttyACM3"):
        open_port("/dev/ttyUSB99")
    monkeypatch.setattr("ganglion.device.port.serial_ports", list)
    with pytest.raises(NotFoundError, match="does it carry data"):
        open_port("/dev/ttyUSB99")


@pytest.mark.parametrize(("mode", "remedy"), [(0o660, "sudo usermod -aG dialout nobody"), (0o600, "for root alone")])
def test_a_port_that_is_forbidden_is_refused_with_the_group_to_join(cable: Cable, mode: int, remedy: str) -> None:
    if os.getuid():
        pytest.skip("only root becomes somebody else")
    near = os.path.realpath(cable.port)
    os.chmod(near, mode)
    os.chown(near, 0, grp.getgrnam("dialout").gr_gid)
    program = f"""
import os, serial.tools.list_ports  # before the interpreter's own folder is out of reach
from ganglion.device.port import open_port
from ganglion.errors import RefusedError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.environ["LOGNAME"] = "nobody"
try:
    open_port({near!r})
except RefusedError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": PATH}, capture_output=True, text=True
    )
    assert remedy in done.stdout, done.stderr


def test_what_is_no_serial_port_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in (str(tmp_path / "file"), "/dev/null"):
        with pytest.raises(InvalidError, match="is no serial port: `ganglion ports`"):
            open_port(name)
    with pytest.raises(InvalidError, match="socket://HOST:PORT"):
        open_port("gopher://there")
    for name in ("socket://", "socket://there", "rfc2217://:4000", "socket://there:no"):
        with pytest.raises(InvalidError, match="host or port is missing"):
            open_port(name)
    with pytest.raises(UnreachableError, match=r"^socket://\S+ does not answer: Connection refused$"):
        open_port(f"socket://127.0.0.1:{free_port()}")


def test_a_device_that_says_nothing_or_something_else_has_no_raw_repl(cable: Cable) -> None:
    with pytest.raises(UnreachableError, match=r"no raw REPL on .*: press the board's reset button"):
        Session(open_port(str(cable.port)), within=0.5).__enter__()
    with open_port(str(cable.port)) as port:
        cable.write(b"$GPGGA,,,,,,0,00,99.99,,,,,,*48\r\n")
        with pytest.raises(UnreachableError, match=r"and says b'\$GPGGA"):
            Session(port, within=0.5).enter()


def test_a_cable_that_is_pulled_is_told(cable: Cable) -> None:
    with open_port(str(cable.port)) as port:
        cable.pull()
        with pytest.raises(UnreachableError, match="is the cable loose"):
            port.read(60)
        with pytest.raises(UnreachableError):
            port.write(b"x")
    cable.plug()


def test_usb_devices_are_listed_with_their_ids() -> None:
    """A micro:bit's entries in sysfs, for the real pyserial."""
    description = ROOT / "tests" / "data" / "ports" / "microbit.umockdev"
    done = subprocess.run(
        ["umockdev-run", "-d", str(description), "--", sys.executable, "-m", "ganglion", "ports", "--json"],
        env={**os.environ, "PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stderr}\n(Debian: apt-get install umockdev)"
    assert json.loads(done.stdout)["ports"] == [
        {
            "device": "/dev/ttyACM0",
            "vid": 0x0D28,
            "pid": 0x0204,
            "serial_number": "9904360254974e450039500b00000011",
            "description": "BBC micro:bit CMSIS-DAP - mbed Serial Port",
            "holders": [],
            "boards": ["microbit-v2"],
        }
    ]


def test_a_port_is_shown_with_who_has_it_and_which_board_it_may_be(
    cable: Cable, other: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = ListPortInfo(str(cable.port))
    info.vid, info.pid, info.serial_number, info.description = 0x2E8A, 0x0005, "e661", "Board in FS mode"
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [info])
    assert cli.main(["ports"]) == 0
    shown = capsys.readouterr().out
    assert "2e8a:0005" in shown
    assert f"(process {other})" in shown
    assert "pico-2-w or pico-w" in shown
    (port,) = serial_ports()
    assert port.boards == ()
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    assert cli.main(["ports"]) == 0
    assert "no serial port" in capsys.readouterr().out


def test_without_pyserial_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(MODULES, "serial", ("nothing_of_this_name",))
    for words in (["ports"], ["files", "/dev/ttyUSB0", "ls"]):
        assert cli.main(words) == 2
        assert "pip install 'ganglion[serial]'" in capsys.readouterr().err
