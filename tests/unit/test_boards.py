# SPDX-License-Identifier: GPL-3.0-or-later
"""Boards: the files that come with Ganglion fit together; a wrong one is answered with file, line, key and remedy."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ganglion.board import board, boards, names
from ganglion.board.check import problems
from ganglion.board.reading import parse
from ganglion.board.schema import schema
from ganglion.board.words import CAPABILITIES, ZIG_TARGETS
from ganglion.errors import InvalidError, NotFoundError

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "boards").glob("*.toml"))
#: Those that the design names.
FIRST = {
    "esp32-devkit",
    "esp32-s3-devkit",
    "esp32-c3-devkit",
    "esp8266",
    "pico-w",
    "pico-2-w",
    "microbit",
    "microbit-v2",
    "raspberry-pi-zero-2-w",
    "raspberry-pi-3",
    "raspberry-pi-4",
    "raspberry-pi-5",
    "openwrt-mt7621",
    "openwrt-ipq40xx",
    "openwrt-ipq807x",
    "generic-x86-64",
    "sim",
}
PICO = (ROOT / "boards" / "pico-w.toml").read_text()
PI = (ROOT / "boards" / "raspberry-pi-4.toml").read_text()
DEVKIT = (ROOT / "boards" / "esp32-devkit.toml").read_text()


def said(text: str) -> list[tuple[str, str]]:
    return [tuple(each) for each in problems(parse(text, "x.toml"), boards())]


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_the_first_set_is_whole() -> None:
    assert set(names()) == FIRST
    assert [each.name for each in boards()] == names() == sorted(path.stem for path in FILES)


@pytest.mark.parametrize("name", names())
def test_a_board_that_comes_with_ganglion_is_consistent(name: str) -> None:
    assert problems(board(name), boards()) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_schema_takes_each_file(path: Path) -> None:
    jsonschema.Draft202012Validator(schema()).validate(tomllib.loads(path.read_text()))
    assert path.read_text().startswith("#:schema ./schema.json\n")


def test_the_schema_in_the_folder_is_that_of_the_dataclasses() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert json.loads((ROOT / "boards" / "schema.json").read_text()) == schema(), (
        "ganglion boards schema > boards/schema.json"
    )


def test_the_targets_are_those_that_the_core_is_built_for() -> None:
    cross = re.search(r"const devices = .*?\{(.*?)\};", (ROOT / "build.zig").read_text(), re.DOTALL)
    assert cross is not None
    hook = ast.parse((ROOT / "native" / "hatch_build.py").read_text())
    (wheels,) = (
        ast.literal_eval(node.value)
        for node in hook.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "WHEELS"
    )
    assert set(ZIG_TARGETS) == {*re.findall(r'\.target = "(.+?)"', cross[1]), *wheels.values()}


def test_only_what_signs_by_itself_does_all_that_goes_over_the_mesh() -> None:
    for each in boards():
        if each.mesh == "full":
            assert {"publish", "prompt", "mqtt"} <= set(each.capabilities)
        if each.runs == "cpython":
            assert set(each.capabilities) == set(CAPABILITIES)
    assert board("esp8266").mesh == "leaf"


def test_of_one_board_one_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    whole = Path.open

    def noted(self: Path, *args: Any, **more: Any) -> Any:
        opened.append(self.name)
        return whole(self, *args, **more)

    monkeypatch.setattr(Path, "open", noted)
    assert board("sim").name == "sim"
    assert opened == ["sim.toml"]


def test_a_node_loads_nothing_that_checks_or_shows_boards() -> None:
    code = "import sys, ganglion.node; print(*sys.modules)"
    path = [str(ROOT / folder) for folder in ("runtime", "firmware")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}; {code}"], capture_output=True, text=True, check=True
    )
    of_boards = {name for name in done.stdout.split() if name.startswith("ganglion.board.")}
    assert of_boards == {
        "ganglion.board.model",
        "ganglion.board.reading",
        "ganglion.board.lines",
        "ganglion.board.words",
    }


@pytest.mark.parametrize(
    ("text", "old", "new", "key", "says"),
    [
        (PICO, "sda = 4\n", "sda = 99\n", "bus.i2c0.sda", "there is no pin 99"),
        (PICO, "sda = 4\n", "sda = 6\n", "bus.i2c0.sda", "GP6 cannot be sda of i2c0"),
        (PICO, "sda = 4\n", "sda = 0\n", "bus.uart0.tx", "GP0 is sda of i2c0 already"),
        (PICO, "sda = 4\n", "", "bus.i2c0", "the pin of sda is missing"),
        (PICO, "sda = 4\n", "sda = 4\ntx = 0\n", "bus.i2c0.tx", "a bus of kind i2c has no tx"),
        (PICO, "sda = 4\n", 'sda = 4\ndevice = "/dev/i2c-1"\n', "bus.i2c0.device", "only Linux has devices"),
        (PICO, "baud = 115_200", "frequency = 9600", "bus.uart0.frequency", "write baud"),
        (PICO, "frequency = 400_000", "baud = 9600", "bus.i2c0.baud", "has a frequency"),
        (PICO, "GP5 = {number = 5", "GP5 = {number = 4", "pin.GP5.number", "4 is GP4 already"),
        (PICO, "GP5 = {", 'GP5 = {also = ["GP4"], ', "pin.GP5.also", "GP4 is a name of GP4 already"),
        (PICO, 'can = ["out"], has', 'can = ["in", "pwm"], has', "pin.LED.can", "pwm drives the pin"),
        (PICO, 'mode = "run"\nshared = true', 'mode = "run"', "usb[1].id", "pico-2-w has the same"),
        (PICO, 'id = "2e8a:0005"', 'id = "2e8a:0003"', "usb[1].id", "stands there twice"),
        (PICO, 'label = "RPI-RP2"\n', "", "flashing", "label is required"),
        (PICO, 'label = "RPI-RP2"\n', 'label = "RPI-RP2"\nbaud = 9600\n', "flashing.baud", "has no use for it"),
        (PICO, 'mesh = "full"', 'mesh = "none"', "capabilities", "goes over the mesh"),
        (PICO, "flash_bytes = 0x200000", "flash_bytes = 2_000_001", "flash_bytes", "no whole sectors"),
        (PICO, 'runs = "micropython"', 'runs = "cpython"', "zig_target", "needs one"),
        (PI, 'zig_target = "aarch64-linux-gnu.2.17"\n', "", "zig_target", "needs one"),
        (PI, 'device = "/dev/i2c-1"\n', "", "bus.i2c1.device", "has a device for each bus"),
        (PI, "sda = 2\n", "sda = 0\n", "bus.i2c1.sda", "GPIO0 is reserved for the EEPROM"),
        (DEVKIT, "offset = 0x1000 ", "offset = 0x1200 ", "flashing.offset", "not at the beginning of a sector"),
        (DEVKIT, "offset = 0x1000 ", "offset = 0x400000 ", "flashing.offset", "behind the end of the flash"),
        (DEVKIT, 'CP2102N"\nshared = true', 'CP2102N"', "usb[0].id", "is Silicon Labs CP210x, which is on many boards"),
        (DEVKIT, "sda = 21\n", "sda = 34\n", "bus.i2c0.sda", "GPIO34 cannot be sda"),
        (DEVKIT, "sda = 21\n", "sda = 6\n", "bus.i2c0.sda", "reserved for the flash"),
    ],
)
def test_what_does_not_fit_is_found(text: str, old: str, new: str, key: str, says: str) -> None:
    found = said(changed(text, old, new))
    assert any(at == key and says in message for at, message in found), found


@pytest.mark.parametrize(
    ("text", "old", "new", "says"),
    [
        (PICO, "sda = 4\n", "sdaa = 4\n", r'x\.toml:\d+: bus\.i2c0\.sdaa: unknown key; did you mean "sda"\?'),
        (PICO, 'runs = "micropython"', 'runs = "micropyton"', r'x\.toml:\d+: runs must be one of .* "micropython"\?'),
        (PICO, '"mqtt"', '"mqqt"', r'x\.toml:\d+: capabilities must be one of .* did you mean "mqtt"\?'),
        (PICO, 'method = "uf2"', 'method = "uf3"', r"x\.toml:\d+: flashing: method must be one of"),
        (PICO, 'id = "2e8a:0005"', 'id = "2E8A:5"', r"x\.toml:\d+: usb\[1\]: id must be vendor and product"),
        (PICO, "GP5 = {number = 5", "GP5 = {number = -5", r"x\.toml:\d+: pin\.GP5: number must be 0 to 1023"),
        (
            PICO,
            'number = 5, at = "7", can = ["in", "out", "pwm", "i2c0.scl"',
            'number = 5, can = ["i2c0.sck"',
            r"x\.toml:\d+: pin\.GP5: can: a pin cannot 'i2c0\.sck'",
        ),
        (PICO, "[bus.i2c0]", "[bus.twi]", r"x\.toml:\d+: bus\.twi: a bus is called by its kind and number"),
        (PICO, 'name = "pico-w"', "", r"x\.toml: name: this key is required"),
        (PICO, 'name = "pico-w"', 'name = "Pico W"', r"x\.toml:\d+: name must be small letters"),
        (PICO, 'port = "rp2"', "port = 2", r"x\.toml:\d+: image\.port: must be text, not 2"),
        (PICO, "0xe48bff56", "0xe48bff56ff", r"x\.toml:\d+: flashing: family must be"),
        (PI, '"aarch64-linux-gnu.2.17"', '"mips-linux-musl"', r"x\.toml:\d+: zig_target must be one of"),
    ],
)
def test_a_wrong_file_is_answered_with_line_key_and_remedy(text: str, old: str, new: str, says: str) -> None:
    wrong = changed(text, old, new)
    with pytest.raises(InvalidError, match=says) as raised:
        parse(wrong, "x.toml")
    if line := re.match(r"x\.toml:(\d+):", str(raised.value)):
        assert new.strip().partition("\n")[0] in wrong.splitlines()[int(line[1]) - 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "pin = 5",
        "usb = 1",
        "usb = [1]",
        "sensor = [1]",
        "sensor = {a = 1}",
        "bus = [[1]]",
        "image = 1979-05-27",
        "a = " + "9" * 5000,
        "a = 0x" + "f" * 5000,
        "a = nan",
        "a." * 3000 + "a = 1",
        "a = " + "[" * 5000,
        "name = \x00",
    ],
)
def test_what_is_no_board_is_one_sentence(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^x\.toml"):
        parse(text, "x.toml")


def test_a_board_that_is_not_there_has_a_near_one() -> None:
    with pytest.raises(NotFoundError, match="there is no board 'pico'; did you mean \"pico-w\""):
        board("pico")
