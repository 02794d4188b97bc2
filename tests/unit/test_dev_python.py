# SPDX-License-Identifier: GPL-3.0-or-later
"""Python that is edited and runs on a board: what is wrong with it, what the board says, and who gives it back."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli import dev_serial
from ganglion.cli.main import main
from ganglion.device.raw_repl import Event, Executed, Output
from ganglion.device.restoring import Restoring
from ganglion.device.trying import Ended, Said, Trying, source
from ganglion.errors import GanglionError, InvalidError, RefusedError


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"x = 1\nif x:\nprint(x)\n", r"x\.py:3:1: expected an indented block"),
        (b"x = 1\ny = '\xff'\n", r"x\.py:2:6: is no text in UTF-8"),
        (b"x = 1\ny = '\x03'\n", r"x\.py:2:6: a control character, .* write \\x03"),
        (b"(" * 5000, r"x\.py:1:\d+: too many nested parentheses"),
        (b"x" * 300_000, r"x\.py: is 300000 bytes long"),
        (b"x = '\0'", r"x\.py:1:1: source code"),
    ],
)
def test_what_is_wrong_with_python_is_said_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        source(data, "x.py")


def test_what_a_device_could_not_read_is_told_from_what_failed_there() -> None:
    where = 'Traceback (most recent call last):\n  File "x.py", line 1'
    assert Ended(f"{where}\nSyntaxError: invalid syntax\n").is_syntax
    assert not Ended(f'{where}, in <module>\n  File "y.py", line 1\nSyntaxError: invalid syntax\n').is_syntax
    assert not Ended(f"{where}, in <module>\nValueError: no\n").is_syntax
    assert not Ended("").is_syntax
    assert source("x = '\\d'  # ї\r\n".encode(), "x.py") == "x = '\\d'  # ї\r\n"
    assert source(b"\xef\xbb\xbfx", "x.py") == "x"


class Slow:
    """A session whose device says this, a byte at a time."""

    has_taken = True

    def __init__(self, out: bytes, error: bytes) -> None:
        self._events: list[Event] = [Output(bytes([each]), "out") for each in out]
        self._events += [Output(bytes([each]), "error") for each in error]
        self._events.append(Executed())

    def soft_reset(self) -> None:
        """Nothing ran."""

    def begin(self, text: str) -> None:
        """It is taken."""

    def hear(self, timeout: float) -> list[Event]:
        return [self._events.pop(0)] if self._events else []


def test_lines_are_whole_however_their_bytes_come() -> None:
    traceback = 'Traceback:\r\n  File "<stdin>", line 1, in <module>\r\nValueError: \r\n'
    session: Any = Slow("Привіт\r\nno end".encode(), traceback.encode())
    trying = Trying(session, "x.py")
    trying.run("pass")
    found = [each for _ in range(200) for each in trying.hear(0)]
    named = ["Traceback:\n", '  File "x.py", line 1, in <module>\n', "ValueError: \n"]
    assert found[0] == Said("Привіт\n", False)
    assert [each for each in found if isinstance(each, Said) and each.is_error] == [Said(each, True) for each in named]
    assert Said("no end", False) in found
    assert found[-1] == Ended("".join(named))


def test_what_a_device_says_does_a_terminal_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.py"
    file.touch()
    shown = dev_serial._Edited(Namespace(file=file, json=False), lambda _, text: print(text))
    shown._output(Said("a\x1b]52;c;cm0=\x07\x1b[32mgreen\n\x1b[", False))
    shown._note({}, "has ended well")
    said = f"a\N{SYMBOL FOR ESCAPE}]52;c;cm0=\a\x1b[32mgreen\n\N{SYMBOL FOR ESCAPE}[\n--- {file} has ended well\n"
    assert capsys.readouterr().out == said


class Given:
    """A device that is given programs."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def run(self, text: str) -> None:
        self.programs.append(text)


def test_of_a_program_that_has_ended_nobody_says_that_it_goes_on_and_nothing_runs_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.py"
    file.touch()
    edited = dev_serial._Edited(Namespace(file=file, json=False), lambda _, text: print(text))
    device: Any = Given()
    no = Ended('Traceback:\n  File "x.py", line 1\nSyntaxError: invalid syntax\n')
    edited._take(device, b"if x:")
    assert capsys.readouterr().out.endswith("expected an indented block after 'if' statement on line 1\n")
    edited._take(device, b"first")
    edited._take(device, b"if x:")
    assert capsys.readouterr().out.endswith("; the one before goes on\n")
    edited._take(device, b"lambda: (yield)")
    edited._ended(device, no)  # of this MicroPython
    assert "; the one before goes on\n" in capsys.readouterr().out
    assert device.programs == ["first", "lambda: (yield)", "first"]
    edited._ended(device, Ended(""))
    edited._take(device, b"if x:")
    assert capsys.readouterr().out.endswith("; the one before has ended\n")
    edited._take(device, b"third")
    edited._ended(device, no)
    assert capsys.readouterr().out.endswith(": not for this MicroPython; the one before has ended\n")
    assert device.programs[3:] == ["third"]
    edited._take(device, b"fourth")
    edited._take(device, b"if x:")
    assert capsys.readouterr().out.endswith("; the one before goes on\n")


def test_a_port_is_one_by_whichever_path_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "blink.py").write_text("print(1)\n")
    assert main(("dev", "./nowhere", str(file))) == 3
    assert "there is no port ./nowhere" in capsys.readouterr().err


def test_a_port_that_is_not_ours_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [RefusedError("udev has not been there"), GanglionError("in use"), "the port"]

    def opened(name: str, *, baud: int) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(dev_serial, "_AGAIN", 0.0)
    assert dev_serial._again("/dev/ttyUSB0", 115200, opened) == "the port"


def test_who_gives_a_device_back_takes_nothing_from_the_folder_that_is_worked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "subprocess.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)
    with Restoring("/dev/ttyUSB0", 115200) as restoring:
        pass
    assert restoring._child.returncode == 0
