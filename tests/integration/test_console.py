# SPDX-License-Identifier: GPL-3.0-or-later
"""console: a person at a terminal, a cable that comes out, scripts that pipe, and what is recorded."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion.cli import main as cli
from ganglion.cli.lent import is_port
from support.cable import Cable
from support.console import ENVIRONMENT, GANGLION, PATIENCE, Terminal, terminal

CONSOLE = [*GANGLION, "console"]


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path, held=False)
    yield made
    made.close()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def person(cable: Cable, here: Path) -> Iterator[Terminal]:
    """At a console that is ready."""
    with terminal("console", str(cable.port), folder=here) as made:
        made.until("Ctrl-] ends")
        made.until("\n")
        yield made


def received(cable: Cable, size: int) -> bytes:
    """What has come, once it is so much."""
    data = b""
    deadline = time.monotonic() + PATIENCE
    while len(data) < size and time.monotonic() < deadline:
        data += cable.read(0.1)
        time.sleep(0.01)  # nobody has the port open yet
    return data


def test_keys_go_to_the_device_and_what_it_says_is_shown(person: Terminal, cable: Cable) -> None:
    person.type("ls\x03\x04\x1b[A ж\r\x14\x14".encode())
    assert received(cable, 12) == "ls\x03\x04\x1b[A ж\r\x14".encode()
    cable.write(b"hello\n>>> \xd0")
    person.until("hello\r\n>>> ")
    cable.write(b"\xb6 \x1b]0;hostile\x07\x1b[31mred")
    person.until("ж ␛]0;hostile\x07\x1b[31mred")
    person.type(b"\x1d")
    person.until("\x1b[0m")
    assert person.ended() == 0
    assert person.is_as_before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_console_that_is_ended_gives_the_terminal_back(person: Terminal, number: int, code: int) -> None:
    assert not person.is_as_before
    person.process.send_signal(number)
    assert person.ended() == code
    assert person.is_as_before


def test_an_error_of_our_own_gives_the_terminal_back(cable: Cable, here: Path) -> None:
    program = (
        "import sys\nfrom ganglion.cli.main import main\nfrom ganglion.console.view import View\n"
        "def show(*_): raise RuntimeError('ours')\nView.show = show\nsys.exit(main(sys.argv[1:]))"
    )
    with terminal("console", str(cable.port), folder=here, command=[sys.executable, "-c", program]) as made:
        made.until("Ctrl-] ends")
        made.until("\n")
        cable.write(b"x")
        made.until("RuntimeError: ours")
        assert made.ended() == 1
        assert made.is_as_before


def test_a_cable_that_comes_out_is_waited_for(person: Terminal, cable: Cable) -> None:
    cable.pull()
    person.until("ttyUSB0 is gone: is the cable loose, or has the device reset itself? This goes on when it is back")
    person.type(b"lost")
    person.until("ttyUSB0 is gone; nothing is sent")
    cable.plug()
    person.until("ttyUSB0 is back")
    cable.write(b"booted\r\n")
    person.until("booted")
    person.type(b"x")
    assert received(cable, 1) == b"x"


def test_a_cable_that_comes_out_ends_a_console_that_does_not_wait(cable: Cable, here: Path) -> None:
    with terminal("console", str(cable.port), "--once", folder=here) as made:
        made.until("Ctrl-] ends")
        cable.pull()
        made.until("is the cable loose")
        assert made.ended() == 5
        assert made.is_as_before
    cable.plug()


def test_the_menu_does_what_it_says(person: Terminal, cable: Cable, here: Path) -> None:
    (here / "words.txt").write_bytes(b"some words\n" * 20)
    person.type(b"\x14h")
    person.until("Ctrl-T x       show bytes in hexadecimal")
    person.type(b"\x14x")
    person.until("shown in hexadecimal")
    cable.write(b"ab")
    person.until("00000000  61 62 ")
    person.type(b"\x14x\x14t")
    person.until("the time is shown")
    cable.write(b"c\r\n")
    assert len(person.until("] c").rpartition("[")[2]) == len("12:34:56.789")
    person.type(b"\x14r")
    person.until("has no DTR and RTS to reset by: Ctrl-D restarts a MicroPython")
    person.type(b"\x14pnothing.txt\r")
    person.until("nothing.txt: cannot be read: No such file")
    person.type(b"\x14pwords.txt\r")
    person.until("220 bytes of words.txt are being sent")
    assert received(cable, 220) == b"some words\n" * 20
    person.type(b"\x14l")
    person.until("recording to ttyUSB0-")
    cable.write(b"kept \x1b[2J\r\n")
    person.until("kept")
    person.type(b"y\x14l")
    person.until("recorded to ")
    (file,) = here.glob("ttyUSB0-*.cast")
    assert file.stat().st_mode & 0o777 == 0o600
    header, *events = map(json.loads, file.read_text().splitlines())
    assert header["version"] == 2
    assert [kind for _, kind, _ in events] == ["m", "o", "i"]
    assert "".join(said for _, kind, said in events if kind == "o") == "kept \x1b[2J\r\n"


def test_a_device_that_takes_nothing_does_not_hold_the_keyboard(person: Terminal, cable: Cable, here: Path) -> None:
    (here / "long.txt").write_bytes(b"x" * 200_000)
    person.type(b"\x14plong.txt\r")
    person.until("200000 bytes of long.txt are being sent; Ctrl-C stops that")
    time.sleep(1)  # until the kernel keeps no more
    person.type(b"\x03")
    person.until("the rest is not sent")
    assert received(cable, 1000)[:1] == b"x"
    person.type(b"\x1d")
    assert person.ended() == 0


def test_a_console_that_watches_sends_nothing(cable: Cable, here: Path) -> None:
    with terminal("console", str(cable.port), "--watch", folder=here) as made:
        made.until("Ctrl-] ends")
        made.type(b"x\x14r\x14b\x14pfile\r")
        made.until("this console only watches")
        cable.write(b"seen")
        made.until("seen")
        assert cable.read(0) == b""


def piped(cable: Cable, words: list[str], said: bytes, answer: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A console whose stdin is a pipe; the device answers once all has come."""
    with subprocess.Popen(
        [*CONSOLE, str(cable.port), *words],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(said)
        process.stdin.flush()
        come = received(cable, len(said)) if said else b""
        cable.write(answer)
        out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(come, process.returncode, out, err)


def test_a_pipe_is_sent_and_its_answer_printed(cable: Cable) -> None:
    done = piped(cable, [], b"one\ntwo\n", b"three\r\n> \x1b]0;x\x07")
    assert (done.args, done.returncode, done.stdout, done.stderr) == (
        b"one\rtwo\r",
        0,
        "three\r\n> ␛]0;x\x07".encode(),
        b"",
    )


def test_a_pipe_may_be_sent_as_it_is_and_the_answer_printed_as_it_is(cable: Cable) -> None:
    done = piped(cable, ["--eol", "none", "--raw", "--until", "\x07"], b"\n\xff", b"\x1b]0;x\x07")
    assert (done.args, done.stdout) == (b"\n\xff", b"\x1b]0;x\x07")


def test_scripts_have_lines(cable: Cable) -> None:
    done = piped(cable, ["--json", "--until", ">>> "], b"1+1\n", "1+1\r\n2\r\n\xff>>> ".encode("latin-1"))
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["direction"], each.get("text", each.get("base64"))) for each in documents] == [
        ("sent", "1+1"),
        ("received", "1+1"),
        ("received", "2"),
        ("received", "/z4+PiA="),
    ]
    assert documents[-1]["whole"] is False
    assert all(each["time"].endswith("Z") for each in documents)


def test_what_a_device_does_not_say_in_time_is_an_error(cable: Cable) -> None:
    done = piped(cable, ["--until", "ready", "--for", "0.3s"], b"")
    assert done.returncode == 5
    assert b"has not said 'ready' within 0.3 s" in done.stderr
    assert piped(cable, ["--for", "0.2s"], b"").returncode == 0


def test_a_word_is_a_port_or_a_node(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cable.port.parent)
    (cable.port.parent / "porch").touch()
    ports = ["/dev/ttyUSB99", "./board", "../board", "ttyUSB0", "COM3", "socket://h:1", "rfc2217://h:1"]
    assert [is_port(word) for word in ports] == [True] * len(ports)
    nodes = ["porch", "gateway/porch", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "COMX", "", "a\0"]
    assert [is_port(word) for word in nodes] == [False] * len(nodes)


def test_a_port_is_for_one_console(person: Terminal, cable: Cable) -> None:
    second = piped(cable, [], b"")
    assert second.returncode == 4
    assert f"(process {person.process.pid}): end that first".encode() in second.stderr


def test_other_machines_are_let_in_by_their_own_flag(cable: Cable) -> None:
    done = piped(cable, ["--listen", "0.0.0.0:0", "--unprotected", "--for", "100ms"], b"")
    assert done.returncode == 0
    assert b"shared as rfc2217://0.0.0.0:" in done.stderr
    assert b", unencrypted, for whoever reaches it" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["/dev/ttyUSB99"], 3, "there is no port /dev/ttyUSB99"),
        (["fridge", "--baud", "9600", "--hex"], 2, "--baud, --hex: for a port, and fridge is a node"),
        (["fridge", "--take", "--watch"], 2, "--take is for who writes"),
        (["fridge", "--gateway", "http://127.0.0.1:1"], 5, "no gateway answers at http://127.0.0.1:1"),
        (["PORT", "--take"], 2, "--take is for a node"),
        (["/dev/null"], 1, "is no serial port"),
        (["PORT", "--baud", "0"], 2, "--baud 0: at least 1"),
        (["PORT", "--pace", "0"], 2, "--pace 0: at least 1"),
        (["PORT", "--raw", "--hex"], 2, "--raw shows bytes as they are"),
        (["PORT", "--json", "--timestamps"], 2, "--json has lines and their times"),
        (["PORT", "--unprotected"], 2, "--unprotected is for --listen"),
        (["PORT", "--for", "soon"], 2, "--for"),
        (["PORT", "--listen", "0.0.0.0:0"], 4, "a tunnel (ssh -L) to 127.0.0.1 is safe, and --unprotected"),
        (["PORT", "--listen", "[::]:0"], 4, "without a password and unencrypted"),
        (["PORT", "--listen", "here"], 2, "--listen here: is no address"),
        (["PORT", "--listen", "127.0.0.1:99999"], 2, "is no address"),
        (["PORT", "--share", "PORT"], 4, "is there already: name another path"),
        (["PORT", "--share", "/nowhere/board"], 1, "no pty can be put there: No such file"),
        (["PORT", "--record", "PORT"], 4, "is there already: a recording is a new file"),
        (["PORT", "--record", "/nowhere/x.cast"], 1, "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_done_is_said(
    cable: Cable, words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["console", *(word.replace("PORT", str(cable.port)) for word in words)]) == code
    assert says in capsys.readouterr().err
