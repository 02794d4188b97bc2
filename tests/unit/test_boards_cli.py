# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion boards: what people and programs see of them."""

import json
from pathlib import Path

import pytest

from ganglion.board import names
from ganglion.board.schema import schema
from ganglion.cli.main import main

ROOT = Path(__file__).parents[2]
PICO = (ROOT / "boards" / "pico-w.toml").read_text()


def test_list_has_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == names()
    assert main(["boards", "list", "--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)["boards"]}
    assert list(found) == names()
    assert (found["esp8266"]["mesh"], found["esp8266"]["method"]) == ("leaf", "esptool")


def test_show_has_pins_buses_image_and_flashing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "show", "esp32-devkit"]) == 0
    out = capsys.readouterr().out
    assert "esptool --chip esp32, at 0x1000 with 460800 baud" in out
    assert "sda GPIO21, scl GPIO22" in out
    assert "reserved for the flash" in out
    assert "input only" in out
    assert "at start: low: wait for an image" in out
    assert "520 KiB" in out
    assert main(["boards", "show", "esp32-devkit", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["flashing"]["offset"] == 0x1000
    assert shown["pin"]["GPIO34"]["can"] == ["in", "adc", "spi.miso", "uart.rx"]
    assert "zig_target" not in shown


@pytest.mark.parametrize("name", names())
def test_each_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "show", name]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_a_board_that_is_not_there_has_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "show", "raspberypi-4"]) == 3
    assert 'did you mean "raspberry-pi-4"?' in capsys.readouterr().err


def test_check_says_that_all_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "check"]) == 0
    assert capsys.readouterr().out == f"{len(names())} valid\n"


def test_check_names_every_mistake_of_a_file_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        PICO.replace("sda = 4", "sda = 99")
        + '\n[sensor.air]\nkind = "bme281"\n\n[sensor.me]\nkind = "system"\n'
        + '\n[[limit]]\nwhere = {line = 1}\nmax_onn = "5s"\n'
    )
    assert main(["boards", "check", str(file), str(ROOT / "boards" / "sim.toml")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 of 2 invalid"
    text = file.read_text().splitlines()
    at = {'name = "pico-w"': "name", "sda = 99": "bus.i2c0.sda", 'kind = "bme281"': "sensor.air.kind"}
    at |= {'kind = "system"': "sensor.me.kind", "max_onn": "limit[0].max_onn"}
    for words, key in at.items():
        (line,) = (number for number, each in enumerate(text, 1) if each.startswith(words))
        assert any(each.startswith(f"mine.toml:{line}: {key}: ") for each in lines), (key, lines)
    assert any('did you mean "bme280"?' in each for each in lines)
    assert any("on a board that runs micropython" in each for each in lines)

    assert main(["boards", "check", str(file), "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["files"]
    assert {each["key"] for each in told["problems"]} == set(at.values())


@pytest.mark.parametrize(("text", "code"), [(None, 3), ("[", 1), ("x = 1", 1), ("a = 0x" + "f" * 5000, 1)])
def test_what_is_no_board_is_one_line(
    tmp_path: Path, text: str | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    assert main(["boards", "check", str(file)]) == code
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2
    assert "mine.toml" in out[0]
    assert main(["boards", "show", str(file)]) == code
    assert "mine.toml" in capsys.readouterr().err


def test_schema_is_printed_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "schema"]) == 0
    plain = capsys.readouterr().out
    assert main(["boards", "schema", "--json"]) == 0
    assert json.loads(plain) == json.loads(capsys.readouterr().out) == schema()
