# SPDX-License-Identifier: GPL-3.0-or-later
"""flash onto drives: a Pico by its BOOTSEL drive, a micro:bit by its DAPLink, and what they run already."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.device.port import Port, open_port
from ganglion.device.session import Session
from ganglion.errors import UnreachableError
from ganglion.flash import drive, run
from ganglion.flash.agent import interpreter
from support import images
from support.boards import LARGE, booted
from support.brought import brought
from support.fake_drive import FakeDrive, watched
from support.flash_said import did, lines, told

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flashing.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]


@pytest.fixture(scope="module")
def current() -> Iterator[str]:
    with booted("cortex-m3", disk=LARGE) as port:
        yield port


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANGLION_WIFI_PASSWORD", "correct horse")
    monkeypatch.setattr(drive, "WITHIN", 30.0)
    brought(tmp_path)
    return tmp_path


def test_a_pico_takes_its_image_from_its_drive(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[5]
    fake = FakeDrive(here / "RPI-RP2")
    words = [*shlex.split(command)[1:], "--drive", str(fake.folder), "--json"]
    assert main([*words, "--dry-run"]) == 0
    said = lines(capsys)
    assert did(said) == [("image", "write")]
    assert {"event": "note", "text": f"{fake.folder} is no drive of a board: there is no INFO_UF2.TXT in it"} in said
    with monkeypatch.context() as patched:
        patched.setattr(drive, "WITHIN", 0.0)
        assert main(words) == 3
    assert "there is no INFO_UF2.TXT in it" in lines(capsys)[-1]["error"]
    with watched(fake.takes_uf2), told(monkeypatch, "ask", fake.bootsel):
        assert main(words) == 0
    assert did(lines(capsys)) == [("image", "write")]
    assert fake.taken == {"RPI_PICO_W-20250415-v1.25.0.uf2": (here / "RPI_PICO_W-20250415-v1.25.0.uf2").read_bytes()}


def test_a_pico_that_runs_is_asked_which_image_it_has(
    here: Path, current: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeDrive(here / "RPI-RP2")
    words = [*shlex.split(COMMANDS[5])[1:], "--drive", str(fake.folder), "--port", current, "--json"]
    opened = 0

    def opens(name: str, **more: Any) -> Port:
        nonlocal opened
        opened += 1
        if opened == 3:  # after the image
            raise UnreachableError(f"{name} is gone")
        return open_port(name, **more)

    monkeypatch.setattr(run, "open_port", opens)
    with watched(fake.takes_uf2), told(monkeypatch, "ask", fake.bootsel):
        assert main(words) == 1
    assert opened == 4
    said = lines(capsys)
    assert did(said) == [("image", "write")]
    assert "is not that of RPI_PICO_W-20250415-v1.25.0.uf2" in said[-1]["error"]
    with Session(open_port(current)) as session:
        version, machine = interpreter(session)
    assert version.startswith("v1.25.0")
    words[3] = str(here / "mine.uf2")
    (here / "mine.uf2").write_bytes(images.uf2_file(0xE48BFF56, 4, content=f"{version}; {machine}".encode()))
    assert main(words) == 0
    said = lines(capsys)
    assert did(said) == [("image", "keep")]
    assert said[0] == {"event": "note", "text": "mine.uf2 is not called RPI_PICO_W-[0-9]*.uf2: is it this board's?"}


def test_a_microbit_takes_its_image_and_says_that_it_has_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeDrive(here / "MICROBIT").microbit()
    with booted("microbit") as port:
        command = COMMANDS[6].replace("/dev/ttyACM0", port)
        words = [*shlex.split(command)[1:], "--drive", str(fake.folder), "--json"]
        assert main(words) == 0
        assert did(lines(capsys)) == [("image", "keep")]
        other = here / "other.hex"
        other.write_bytes(images.universal_hex(0x9900))
        with watched(fake.takes_hex):
            assert main([*words[:4], "--firmware", str(other), *words[6:]]) == 1
        assert fake.taken == {"other.hex": other.read_bytes()}
        assert "the MicroPython that runs now is not that of other.hex" in lines(capsys)[-1]["error"]
        assert main(["flash", "pico-w", "--port", port, "--name", "x", "--parent", "h"]) == 4
        assert "has no folders and no rename and no SHA-256, which the agent needs" in capsys.readouterr().err
