# SPDX-License-Identifier: GPL-3.0-or-later
"""console: an emulated board with a real MicroPython: mpremote beside the console, and files by its menu."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.boards import booted
from support.console import ENVIRONMENT, GANGLION, PATIENCE, terminal
from support.shared_port import shared, waited

MPREMOTE = [sys.executable, "-m", "mpremote"]


@pytest.fixture(scope="module")
def board() -> Iterator[str]:
    with booted("cortex-m3") as name:
        yield name


def ran(*words: str) -> str:
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def test_mpremote_works_through_both(board: str, tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text("RATE = 3\n" * 200)
    with shared(board, tmp_path) as here:
        for name in (here.pty, here.url):
            assert ran(*MPREMOTE, "connect", name, "resume", "exec", "print(40 + 2)") == "42\n"
        ran(*MPREMOTE, "connect", here.url, "resume", "fs", "cp", str(tmp_path / "pump.py"), ":pump.py")
        assert ran(*GANGLION, "files", here.pty, "cat", "pump.py") == (tmp_path / "pump.py").read_text()
        waited(lambda: here.console.pen.is_free, "a guest that has gone writes no more")
        assert any(" at " in text and text.endswith(" writes") for text in here.screen.said)
        assert b"raw REPL; CTRL-B to exit" in here.screen.out, "the console shows what guests do"


def test_a_file_goes_to_a_micropython_by_the_menu(board: str, tmp_path: Path) -> None:
    (tmp_path / "drivers.py").write_text("RATE = 3\n" * 500)
    with terminal("console", board, folder=tmp_path) as person:
        person.until("Ctrl-] ends")
        person.type(b"\x14fdrivers.py\r")
        person.until("drivers.py is there, 4500 bytes, read back by its SHA-256")
        person.type(b"\r")
        person.until(">>> ")
        person.type(b"import drivers; drivers.RATE * 4\r")
        person.until("12")
        person.type(b"\x14fdrivers.py\r")
        person.until("drivers.py is there already, by its SHA-256")
        person.type(b"\x1d")
        assert person.ended() == 0


def test_a_file_on_its_way_may_be_stopped(board: str, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(os.urandom(60_000))
    with terminal("console", board, folder=tmp_path) as person:
        person.until("Ctrl-] ends")
        person.type(b"\x14fbig.bin\r")
        person.until(" %")
        person.type(b"\x03")
        person.until("of 60000 bytes: sent again, it goes on from there")
        person.type(b"\r40 + 2\r")
        person.until("42")


def test_the_command_shares_and_says_where(board: str, tmp_path: Path) -> None:
    words = [
        "console",
        board,
        "--share",
        str(tmp_path / "b"),
        "--listen",
        "0",
        "--json",
        "--record",
        str(tmp_path / "r"),
    ]
    with subprocess.Popen(
        [*GANGLION, *words], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
        assert events[0] == f"shared as {tmp_path / 'b'}"
        url = events[1].rpartition(" ")[2]
        answer = subprocess.run(
            [*GANGLION, "console", url, "--until", "42"],
            env=ENVIRONMENT,
            input="40 + 2\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        process.terminate()
        assert process.wait(PATIENCE) == 143
    assert "42" in answer.stdout
    kinds = [json.loads(line)[1] for line in (tmp_path / "r").read_text().splitlines()[1:]]
    assert {"i", "o", "m"} == set(kinds)


def test_esptool_works_through_both(tmp_path: Path) -> None:
    rom = pytest.importorskip("ganglion_tools.rom_board", reason="the model of the loader is not there")
    pytest.importorskip("esptool")
    (tmp_path / "image.bin").write_bytes(os.urandom(4000))
    esptool = [sys.executable, "-m", "esptool", "--no-stub", "--baud", "460800", "--after", "no-reset"]
    with rom.LoaderBoard("esp32c3") as chip:
        chip.press()
        with shared(chip.port, tmp_path) as here:
            for name, before in ((here.url, "default-reset"), (here.pty, "no-reset")):
                said = ran(
                    *esptool, "--port", name, "--before", before, "write-flash", "0x10000", str(tmp_path / "image.bin")
                )
                assert "Hash of data verified" in said
                chip.press()
