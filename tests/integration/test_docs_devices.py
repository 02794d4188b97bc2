# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/devices.md: its commands run as they stand, on a board that is emulated; and the commands beyond the page."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion.cli import main as cli
from ganglion.device.port import open_port
from ganglion.device.session import Session
from ganglion_tools.emulated_board import DISK
from support.boards import Deaf, Spoilt, booted, cut_after, mounted

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "devices.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with booted("cortex-m3") as name:
        yield name


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text("print('main was here')\n")
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "pump.py").write_text("RATE = 3\n")
    (tmp_path / "drivers" / "__pycache__").mkdir()
    (tmp_path / "drivers" / "__pycache__" / "pump.pyc").write_bytes(b"?")
    return tmp_path


def test_the_commands_do_what_the_page_says(port: str, here: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = {}
    for command in COMMANDS:
        words = [sys.executable, "-m", "ganglion", *shlex.split(command.replace("/dev/ttyUSB0", port))[1:]]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, ""), command
        said[command] = done.stdout
        if "--restart" in command:  # this board has its disk in memory, and mounts none when it starts
            with Session(open_port(port)) as session:
                session.execute(DISK)
    _, main, drivers, ls, cat, get, rm = said.values()
    assert re.match(r"main\.py  23 bytes, read back by its SHA-256\n23 bytes sent, \d+ a second\nwhat ran", main)
    assert drivers.startswith("/lib/drivers/pump.py  9 bytes")
    assert "--restart" not in drivers
    assert ls.split() == ["bytes", "name", "9", "pump.py"]
    assert cat == "print('main was here')\n"
    assert (here / "pump-of-board.py").read_text() == "RATE = 3\n"
    assert get.startswith("pump-of-board.py  9 bytes\n")
    assert rm == "removed /lib\n"


def test_a_device_whose_flash_is_not_mounted_says_so(port: str, here: Path, capsys) -> None:
    assert cli.main(["files", port, "put", "drivers/.", "--restart"]) == 0  # after which this board has no disk
    assert capsys.readouterr().out.startswith("pump.py  9 bytes")
    assert cli.main(["files", port, "ls"]) == 3
    assert "has no file system at /: its flash may need formatting" in capsys.readouterr().err
    for words in (("put", "main.py"), ("put", "main.py", "--to", "lib/"), ("rm", "main.py")):
        assert cli.main(["files", port, *words]) == 3
        assert f"{port} has no file system at /: its flash may need formatting" in capsys.readouterr().err
    mounted(port)
    assert cli.main(["files", port, "ls"]) == 0
    assert "pump.py" in capsys.readouterr().out
    assert cli.main(["files", port, "rm", "pump.py"]) == 0


def test_what_was_cut_is_gone_on_with(port: str, here: Path, monkeypatch, capsys) -> None:
    (here / "big.bin").write_bytes(os.urandom(40_000))
    monkeypatch.setattr("ganglion.device.port.open_port", lambda name, **_: Spoilt(name, cut_after(45_000)))
    assert cli.main(["files", port, "put", "big.bin"]) == 5
    monkeypatch.undo()
    monkeypatch.chdir(here)
    capsys.readouterr()
    assert cli.main(["files", port, "put", "big.bin", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0 < said["sent"] < 40_000
    assert said["files"] == [{"path": "big.bin", "size": 40_000, "sent": said["sent"], "checked": "sha256"}]
    assert cli.main(["files", port, "put", "big.bin"]) == 0
    assert "big.bin  is there already, by its SHA-256\nnothing to send" in capsys.readouterr().out
    assert cli.main(["files", port, "get", "big.bin", "--to", "same.bin", "--json"]) == 0
    assert (here / "same.bin").read_bytes() == (here / "big.bin").read_bytes()
    capsys.readouterr()
    assert cli.main(["files", port, "cat", "big.bin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == 40_000
    assert cli.main(["files", port, "rm", "big.bin"]) == 0


def test_a_get_that_was_cut_is_gone_on_with_and_what_is_here_is_not_read_again(
    port: str, here: Path, monkeypatch, capsys
) -> None:
    data = os.urandom(30_000)
    (here / "big.bin").write_bytes(data)
    assert cli.main(["files", port, "put", "big.bin"]) == 0
    (here / "big.bin").unlink()

    def get(code: int = 0) -> dict:
        capsys.readouterr()
        assert cli.main(["files", port, "get", "big.bin", "--json"]) == code
        return json.loads(capsys.readouterr().out)

    monkeypatch.setattr("ganglion.device.port.open_port", lambda name, **_: Deaf(name, 20_000))
    get(5)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    begun = (here / "big.bin.part").stat().st_size
    assert 0 < begun < 30_000
    assert not (here / "big.bin").exists()
    assert get() == {"path": "big.bin", "file": "big.bin", "size": 30_000, "received": 30_000 - begun}
    assert (here / "big.bin").read_bytes() == data
    assert get()["received"] == 0
    (here / "big.bin").write_bytes(data[:-1])
    (here / "big.bin.part").write_bytes(b"of another file")
    assert get()["received"] == 30_000
    assert (here / "big.bin").read_bytes() == data
    assert cli.main(["files", port, "get", "big.bin"]) == 0
    assert "big.bin  is there already, by its SHA-256\nwhat ran" in capsys.readouterr().out
    assert cli.main(["files", port, "get", "big.bin", "--to", "/dev/null"]) == 0
    assert not Path("/dev/null.part").exists()
    assert cli.main(["files", port, "rm", "big.bin"]) == 0
    assert cli.main(["files", port, "get", "big.bin", "--to", "new"]) == 3
    assert sorted(path.name for path in here.iterdir()) == ["big.bin", "drivers", "main.py"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["get", "nothing"], 3, "there is no nothing on the device"),
        (["rm", "nothing"], 3, "there is no nothing on the device"),
        (["ls", "/nothing"], 3, "there is no /nothing on the device"),
        (["put", "nothing"], 3, "there is no file nothing on this machine"),
        (
            ["get", "main.py", "--to", "none/x"],
            3,
            "--to none/x: there is no folder none on this machine: make it first",
        ),
        (["put", "main.py", "drivers", "--to", "x"], 2, "is one name for several files: x/ would be a folder"),
        (["ls", "--baud", "0"], 2, "--baud 0: at least 1"),
        (["put"], 2, "FILE"),
    ],
)
def test_what_cannot_be_done_is_said(port: str, here: Path, capsys, words: list[str], code: int, says: str) -> None:
    assert cli.main(["files", port, *words]) == code
    assert says in capsys.readouterr().err
