# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion boards: what people and programs see of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.board import board, boards, names
from ganglion.board.check import problems
from ganglion.board.findings import findings
from ganglion.board.reading import _board, table_of
from ganglion.board.schema import schema
from ganglion.cli.main import main
from ganglion.errors import InvalidError

ROOT = Path(__file__).parents[2]
OURS = boards()
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


def test_check_names_all_that_keeps_a_file_from_being_a_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    text = PICO
    for right, wrong in (
        ('name = "pico-w"', 'name = "Mine"\nflavour = 1'),
        ('chip = "rp2040"\n', ""),
        ('runs = "micropython"', 'runs = "micropyton"'),
        ("memory_bytes = 270_336", "memory_bytes = 0"),
        ('mesh = "full"', "mesh = 4"),
        ("family = 0xe48bff56", "famly = 0xe48bff56\nbaud = -1"),
        ('id = "2e8a:0003"', 'id = "2E8A:3"\nserial = 5'),
        ("[bus.i2c0]", "[bus.i2sea]"),
        ("GP1 = {number = 1,", "GP1 = {number = 5000,"),
    ):
        assert right in text
        text = text.replace(right, wrong, 1)
    file.write_text(text + '\n[sensor]\nair = 3\n\n[[limit]]\nwhere = {line = 1}\nmax_onn = "5s"\n')
    assert main(["boards", "check", str(file), "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["files"]
    assert {each["key"] for each in told["problems"]} == {
        *(
            "name",
            "flavour",
            "chip",
            "runs",
            "memory_bytes",
            "mesh",
            "flashing",
            "flashing.famly",
            "flashing.baud",
            "usb[0].id",
        ),
        *("usb[0].serial", "bus.i2sea", "pin.GP1.number", "sensor.air"),
    } | {each["key"] for each in told["problems"] if each["key"].startswith("limit")}
    lines = {each["key"]: each["line"] for each in told["problems"]}
    assert file.read_text().splitlines()[lines["pin.GP1.number"] - 1].startswith("GP1 = ")
    assert main(["boards", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert 'flashing.famly: unknown key; did you mean "family"?' in out
    assert "memory_bytes: must be above 0 and below 2**63" in out


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda each: (
            st.lists(each, max_size=2)
            | st.dictionaries(
                st.sampled_from(["name", "pin", "bus", "usb", "flashing", "image", "sensor", "limit", "runs", "x"]),
                each,
                max_size=3,
            )
        ),
    )
)
def test_whatever_a_table_is_findings_has_none_where_it_is_a_board(value: Any) -> None:
    table = value if isinstance(value, dict) else {"name": value}
    try:
        _board(table)
    except InvalidError:
        wrong, it = findings(table)
        assert wrong
        problems(it, OURS, [each.key for each in wrong])  # which takes whatever is right
    else:
        assert not findings(table)[0]


@pytest.mark.parametrize("name", names())
def test_a_board_of_ours_has_no_findings(name: str) -> None:
    assert findings(table_of((ROOT / "boards" / f"{name}.toml").read_text(), name)) == ([], board(name))


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "boards" / "pico-w.toml").read_text()
    for right, wrong in (
        ('mesh = "full"', 'mesh = "leav"'),
        ("sda = 4", "sda = 99"),
        ("0xe48bff56", "0x12"),
        ("mosi = 19", "mosi = 18"),
        ('chip = "rp2040"', 'chip = "rp204"'),
    ):
        text = text.replace(right, wrong, 1)
    file = tmp_path / "pico-w.toml"
    file.write_text(text)
    assert main(["boards", "check", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["files"][0]["problems"]
    assert [each["key"] for each in told] == [
        "mesh",
        "bus.i2c0.sda",
        "bus.spi0.mosi",
        "bus.spi0.mosi",
        "flashing.family",
        "chip",
    ]
    assert "there is no pin 99 in [pin]" in told[1]["text"]
    said = 'chip: method = "uf2" is for rp2040, rp2350, not \'rp204\'; did you mean "rp2040"?'
    assert told.pop()["text"].endswith(said)
    assert "flashing.family: 0x00000012: those that can be flashed are 0xe48bff56 of RP2040, 0x" in told[-1]["text"]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "said"),
    [
        (
            "pico-w",
            'chip = "rp2040"',
            'chip = "rp204"',
            "chip: flashing.family 0xe48bff56 is of an rp2040: write that here",
        ),
        (
            "pico-w",
            "0xe48bff56",
            "0xada52840",
            "flashing.family: 0xada52840 is of nRF52840: those that can be flashed are",
        ),
        (
            "esp32-devkit",
            'esptool"\nchip = "esp32"',
            'esptool"\nchip = "esp23"',
            "flashing.chip: must be one of esp8266, esp32,",
        ),
        (
            "esp32-devkit",
            'chip = "esp32"\nruns',
            'chip = "esp32s3"\nruns',
            "chip: flashing.chip is 'esp32': write that here, too",
        ),
    ],
)
def test_what_is_flashed_is_for_the_chip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, right: str, wrong: str, said: str
) -> None:
    text = (ROOT / "boards" / f"{name}.toml").read_text()
    assert right in text
    (tmp_path / f"{name}.toml").write_text(text.replace(right, wrong, 1))
    assert main(["boards", "check", str(tmp_path / f"{name}.toml")]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("text", "code"), [(None, 3), ("[", 1), ("a = 0x" + "f" * 5000, 1)])
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


def test_check_takes_a_name_as_show_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "check", "pico-w"]) == 0
    assert capsys.readouterr().out == "1 valid\n"
    assert main(["boards", "check", "pico-v"]) == 3
