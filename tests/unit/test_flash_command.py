# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion flash` before it has a board: what is refused, what is asked, what people see."""

import json
from pathlib import Path

import pytest

from ganglion import extras
from ganglion.cli.flash_report import Shown
from ganglion.cli.main import main
from ganglion.flash import run
from support.brought import brought
from support.fake_drive import FakeDrive


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANGLION_WIFI_PASSWORD", "correct horse")
    brought(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nothing"], 3, "there is no board 'nothing'"),
        (["raspberry-pi-4"], 2, "raspberry-pi-4 is reached by SSH: name the machine with --host"),
        (["sim"], 2, "sim runs no MicroPython"),
        (["microbit"], 2, "microbit takes an image and no agent: name its file with --firmware"),
        (["pico-w", "--state", "a", "--leaf-key", "b"], 2, "leave one out"),
        (["pico-w", "--parent", "h:0"], 2, "write HOST or HOST:PORT"),
        (["pico-w", "--state", "nowhere"], 3, "nowhere is the state folder of no node that has joined a mesh"),
        (["pico-w", "--baud", "0"], 2, "--baud 0: at least 1"),
        (["esp8266", "--loader-baud", "300"], 2, "--loader-baud 300: at least 9600"),
        (["pico-w", "--wait", "soon"], 2, "--wait"),
        (["pico-w", "--name", "Bad Name!"], 2, "--name 'Bad Name!': 1 to 32 of a-z A-Z 0-9 _ -"),
        (["pico-w", "--config", "bad.json"], 1, "bad.json: name: 'Bad Name!' is none: 1 to 32 of a-z A-Z 0-9 _ -"),
        (["pico-w", "--config", "bad.json", "--name", "x"], 1, "bad.json: sensors.light.bus: there is no bus i2c1"),
        (["pico-w", "--config", "nothing.json"], 3, "nothing.json does not exist"),
        (["pico-w", "--port", "/dev/ttyNOTHING"], 3, "there is no port /dev/ttyNOTHING"),
        (["pico-w", "--leaf-key", "nothing"], 3, "there is no file nothing"),
        (["pico-w", "--parent", "h", "--broker", "mqtt://h"], 2, "a full member of the mesh: leave one out"),
        (["pico-w", "--broker", "mqtts://h", "--name", "x", "--enrol-key", "gk1_x"], 2, "takes a file that holds"),
        (["pico-w", "--broker", "mqtt://h?account=nothing", "--name", "x"], 3, "there is no file nothing"),
        (["pico-w", "--firmware", "leaf.key"], 1, "leaf.key: is no UF2"),
        (["esp32-devkit", "--firmware", "RPI_PICO_W-20250415-v1.25.0.uf2"], 1, "is no image for Espressif's chips"),
    ],
)
def test_what_cannot_be_done_is_said(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    light = {"driver": "bh1750", "bus": "i2c1"}
    bad = {"name": "Bad Name!", "uplink": {"kind": "serial"}, "sensors": {"light": light}}
    (here / "bad.json").write_text(json.dumps(bad))
    assert main(["flash", *words]) == code
    assert says in capsys.readouterr().err


def test_a_drive_is_waited_for_as_long_as_the_line_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = FakeDrive(here / "RPI-RP2").bootsel().folder  # which keeps the image, as no boot loader does
    words = ["--firmware", "RPI_PICO_W-20250415-v1.25.0.uf2", "--image-only", "--drive", str(folder), "--wait", "1s"]
    assert main(["flash", "pico-w", *words]) == 5
    said = capsys.readouterr().err
    assert "-> for the board to take the image, 1 s at most" in said
    assert "is still there, so the board has not taken the image" in said


def test_a_board_without_a_port_is_called_by_its_title(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.Flash, "_port_if_any", lambda _: "")
    assert main(["flash", "esp32-devkit", "--dry-run"]) == 3
    assert "there is no port of this board, ESP32 DevKitC: is the cable in" in capsys.readouterr().err


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(extras.MODULES, "flash", ("nothing_of_this_name",))
    assert main(["flash", "pico-w"]) == 2
    assert "pip install 'ganglion[flash]'" in capsys.readouterr().err


def test_nobody_is_asked_for_a_password_where_nobody_is(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GANGLION_WIFI_PASSWORD")
    assert main(["flash", "pico-w", "--wifi", "farm"]) == 2
    assert "the password of farm is to be in GANGLION_WIFI_PASSWORD" in capsys.readouterr().err


def test_people_see_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = Shown(as_json=False)
    for done in (0, 1, 50, 50, 100):
        shown({"event": "progress", "what": "written", "done": done, "total": 100})
    shown({"event": "ask", "text": "press \x1b the button"})
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\r") == 4
    assert err.endswith(
        f"\r[{'#' * 30}] 100 % written, 100 of 100\x1b[K\n-> press \N{REPLACEMENT CHARACTER} the button\n"
    )
