# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/console.md: its commands run as they stand, on a board that is emulated."""

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
from ganglion.console.keys import Command
from ganglion_tools.broker import free_port
from support.boards import booted
from support.console import ENVIRONMENT, PATIENCE, ROOT, terminal

PAGE = (ROOT / "docs" / "console.md").read_text()
PEOPLE, SCRIPTS, SHARE, GUESTS = (block.splitlines() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with booted("cortex-m3") as name:
        yield name


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the commands are those of here."""
    folder = tmp_path_factory.mktemp("bin")
    for name, module in (("ganglion", "ganglion"), ("mpremote", "mpremote")):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        (folder / name).chmod(0o755)
    return {**ENVIRONMENT, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def ran(command: str, folder: Path, shell: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=shell, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


def test_a_person_types_and_leaves(port: str, tmp_path: Path) -> None:
    for command in PEOPLE:
        words = shlex.split(command.replace("/dev/ttyUSB0", port))[1:]
        with terminal(*words, folder=tmp_path) as person:
            person.until("Ctrl-] ends")
            person.type(b"\x03print(40 + 2)\r")
            person.until("00000000  " if "--hex" in words else "42")
            person.type(b"\x1d")
            assert person.ended() == 0, command
    assert json.loads((tmp_path / "boot.cast").read_text().splitlines()[0])["version"] == 2


def test_scripts_have_their_answers(port: str, tmp_path: Path, shell: dict[str, str]) -> None:
    plain, lines, until, silent = (ran(each.replace("/dev/ttyUSB0", port), tmp_path, shell) for each in SCRIPTS)
    assert "\n42\n" in plain.replace("\r", "")
    said = [json.loads(line) for line in lines.splitlines()]
    assert {"direction": "sent", "text": "print(40 + 2)"}.items() <= said[0].items()
    assert any(each.get("text") == "42" and each["direction"] == "received" for each in said)
    assert "42" in until
    assert all("received" in line for line in silent.splitlines())


def test_other_programs_share_the_port(port: str, tmp_path: Path, shell: dict[str, str]) -> None:
    (tmp_path / "main.py").write_text("print('main was here')\n")
    free = str(free_port())
    (command,) = SHARE
    words = shlex.split(command.replace("/dev/ttyUSB0", port).replace("4000", free))
    with subprocess.Popen(
        [*words, "--json"], cwd=tmp_path, env=shell, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"shared as ./board" in process.stdout.readline()
        assert f"rfc2217://127.0.0.1:{free}".encode() in process.stdout.readline()
        by_pty, by_network, files, _ = (ran(each.replace("4000", free), tmp_path, shell) for each in GUESTS)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert by_pty == by_network == "42\n"
    assert files.startswith("main.py  23 bytes")


def test_the_page_has_every_key_option_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    for command in Command:
        assert f"`{command.value}`" in PAGE
    with pytest.raises(SystemExit):
        cli.main(["console", "--help"])
    for option in set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}:
        assert option in PAGE


def test_the_oldest_micropython_answers_too(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text("RATE = 3\n" * 20)
    with booted("microbit") as name, terminal("console", name, folder=tmp_path) as person:
        person.until("Ctrl-] ends")
        person.type(b"\x14fpump.py\r")
        person.until("pump.py is there, 180 bytes, read back by its content")
        person.type(b"\x04")
        person.until(">>> ")
        person.type(b"import pump; pump.RATE * 14\r")
        person.until("42")
