# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion firmware`: the same source is the same bytes, in a folder as a board has it; what it takes is said."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganglion import extras
from ganglion.cli.main import main
from ganglion.errors import GanglionError
from ganglion.firmware import Bundle, build, bundle
from ganglion.firmware.asked import ASKED, modules_like, modules_of
from ganglion.firmware.bundle import module_of
from ganglion.firmware.heap import BOARD, PLACES, measure
from ganglion.firmware.interpreter import cached, find
from ganglion_tools.micropython import interpreter

ROOT = Path(__file__).parents[2]
Run = Callable[..., dict]
#: What a board needs to be told besides what hangs on its pins.
MESH = {"name": "garden", "uplink": {"kind": "none"}, "parent": {"host": "a"}}


@pytest.fixture
def ganglion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder of its own; what `--json` prints."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> dict:
        assert main(["firmware", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def there(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_build_is_a_folder_as_a_board_has_it(ganglion: Run, tmp_path: Path) -> None:
    said = ganglion("build", "--out", "board", "--driver", "sht3x")
    files = there(tmp_path / "board")
    assert files["main.py"] == (ROOT / "firmware" / "ganglion_agent" / "main.py").read_bytes()
    assert {each["name"]: hashlib.sha256(files[each["name"]]).hexdigest() for each in said["outside"]} == {
        each["name"]: each["sha256"] for each in said["outside"]
    }
    manifest = files["a/manifest"].decode().splitlines()
    assert manifest[0] == f"ganglion 1 {len(said['files'])} {said['version']}"
    assert manifest[1:] == [f"{each['sha256']} {each['bytes']} {each['name']}" for each in said["files"]]
    assert hashlib.sha256(files["a/manifest"]).hexdigest() == said["sha256"]
    assert sum(len(data) for name, data in files.items() if name.startswith("a/")) == said["bytes"] + len(
        files["a/manifest"]
    )
    assert said["within_budget"] is (said["bytes"] <= said["budget"] == 80 * 1024)
    names = {each["name"] for each in said["files"]}
    assert {"ganglion_agent/update.mpy", "ganglion_micro/engine.mpy", "ganglion_micro/drivers/crc8.mpy"} <= names
    assert not names & {"ganglion_agent/boot.mpy", "ganglion_agent/main.mpy", "ganglion_micro/drivers/bme280.mpy"}


def test_the_same_source_elsewhere_is_the_same_bytes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "firmware", tmp_path / "elsewhere")
    code = "from ganglion.firmware import build; print(build(drivers=['bme280']).sha256)"
    path = os.pathsep.join([str(ROOT / "runtime"), str(tmp_path / "elsewhere")])
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert said.stdout == build(drivers=["bme280"]).sha256 + "\n", said.stderr


def test_a_second_build_leaves_nothing_of_the_first_and_touches_nothing_else(ganglion: Run, tmp_path: Path) -> None:
    ganglion("build", "--driver", "bme280", "--lines")
    first = there(tmp_path / "ganglion-firmware")
    (tmp_path / "ganglion-firmware" / "a" / "mine.txt").write_text("mine")
    ganglion("build")
    second = there(tmp_path / "ganglion-firmware")
    assert first.keys() - second.keys() > {
        "a/ganglion_micro/drivers/__init__.mpy",
        "a/ganglion_micro/drivers/bme280.mpy",
        "a/ganglion_micro/plan.mpy",  # it is in the engine now
    }
    assert second.keys() - first.keys() == {"a/mine.txt"}
    assert len(first["a/ganglion_agent/update.mpy"]) > len(second["a/ganglion_agent/update.mpy"])


def test_a_configuration_names_its_drivers(ganglion: Run, tmp_path: Path) -> None:
    parts = {"air": {"driver": "bmp280", "bus": "i"}, "light": {"driver": "bh1750", "bus": "i"}}
    config = {"buses": {"i": {"id": 0}}, "sensors": parts | {"name": {"driver": "adc"}}}
    (tmp_path / "agent.json").write_text(json.dumps(config))
    names = {each["name"] for each in ganglion("size", "--config", "agent.json")["files"]}
    assert {name for name in names if "/drivers/" in name} == {
        f"ganglion_micro/drivers/{name}.mpy" for name in ("__init__", "bh1750", "bme280")
    }


@pytest.mark.parametrize(
    ("asks", "brings", "spares"),
    [
        ({"updates": "signed"}, {"seal", "cose", "ed25519", "sha512", "update_key"}, set()),
        (
            {"broker": "mqtt://192.0.2.1"},
            {"full", "member", "ed25519_sign"},
            {"leafed", "uplink", "leaf"},
        ),
        ({"calendar": True}, {"calendar"}, set()),
        ({"actuators": {"a": {"requires": ["b"]}, "b": {}}}, {"interlock"}, set()),
        ({"actuators": {"a": {"readback": {"pin": 3}}}}, {"interlock", "readback"}, set()),
        ({"uplink": {"kind": "serial"}}, {"serial", "framing"}, {"uplink", "resolve"}),
        ({"updates": "parent", "calendar": False, "actuators": [], "uplink": "wifi"}, set(), set()),
    ],
)
def test_a_configuration_asks_for_what_only_some_boards_have(asks: dict, brings: set[str], spares: set[str]) -> None:
    plain, asked = ({Path(name).stem for name in build(modules=modules_of(each)).files} for each in ({}, asks))
    assert (asked - plain, plain - asked) == (brings, spares)


def test_another_version_has_what_the_board_has_and_an_old_board_is_a_leaf() -> None:
    for config in ({}, {"broker": "mqtt://h"}, {"uplink": {"kind": "serial"}, "calendar": True}):
        assert modules_like([*modules_of(config), "agent"]) == modules_of(config)
    assert modules_like(["uplink", "seal"]) == ["leafed", "resolve", "seal", "uplink", "wifi"]
    assert modules_like(["serial"]) == ["leafed", "serial"]


#: By one of the modules, the configuration that asks for them.
ASKS = {
    "full": {"broker": "mqtt://192.0.2.1"},
    "serial": {"uplink": {"kind": "serial"}},
    "calendar": {"calendar": True},
    "readback": {"actuators": {"a": {"readback": {"pin": 3}}}},
    "seal": {"updates": "signed"},
}


def test_the_page_says_what_is_built_in_by_request_and_what_it_costs() -> None:
    page = (ROOT / "docs" / "firmware.md").read_text()
    rows = re.findall(r"^\| (.+?) \| ((?:`\w+`(?:, )?)+) \| (\d+) \|$", page, re.MULTILINE)
    told = {name for _, names, _ in rows for name in re.findall(r"\w+", names)}
    assert told >= ASKED.keys()
    built = {"": build()} | {module: build(modules=modules_of(each)) for module, each in ASKS.items()}
    for _, names, most in rows:
        modules = re.findall(r"\w+", names)
        files = built[next((module for module in ASKS if module in modules), "")].files
        sizes = {Path(name).stem: len(data) for name, data in files.items()}
        assert 0.6 * int(most) < sum(sizes.get(name, 0) for name in modules) <= int(most), names


def test_what_is_wrong_is_one_sentence(ganglion: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent.json").write_text("{")
    assert ganglion("size", "--config", "agent.json", code=1)["error"].startswith("agent.json: is no JSON")
    assert "there is no file nowhere.json: name" in ganglion("size", "--config", "nowhere.json", code=3)["error"]
    said = ganglion("size", "--driver", "bme28", code=3)["error"]
    assert said == "there is no driver 'bme28'; did you mean \"bme280\"?"
    for key, driver, where in (("sensors", "bmp208", "bmp280"), ("actuators", "pmw", "pwm")):
        (tmp_path / "agent.json").write_text(json.dumps(MESH | {key: {"air": {"driver": driver}}}))
        said = ganglion("build", "--config", "agent.json", code=1)["error"]
        assert said == f"agent.json: {key}.air.driver: there is no driver '{driver}'; did you mean \"{where}\"?"
    (tmp_path / "file").write_text("")
    assert "cannot be written" in ganglion("build", "--out", "file/in", code=1)["error"]
    monkeypatch.setitem(extras.MODULES, "firmware", ("nothing_of_this_name",))
    assert "pip install 'ganglion[firmware]'" in ganglion("size", code=2)["error"]


def test_what_micropython_cannot_compile_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "firmware", tmp_path / "firmware")
    (tmp_path / "firmware" / "ganglion_agent" / "wrong.py").write_text("match 1:\n    case 1: pass\n")
    path = os.pathsep.join([str(ROOT / "runtime"), str(tmp_path / "firmware")])
    command = [sys.executable, "-m", "ganglion", "firmware", "build"]
    said = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode == 1
    assert "wrong.py: MicroPython cannot compile it: SyntaxError: invalid syntax" in said.stderr


def test_the_heap_is_measured_or_said_not_to_be(
    ganglion: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = interpreter(ROOT / ".cache" / "micropython")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find() == []
    assert ganglion("size")["heap"] is None
    assert main(["firmware", "size"]) == 0
    assert "not measured, as there is no MicroPython here" in capsys.readouterr().out
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "micropython"
    program.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
    program.chmod(0o755)
    heap = ganglion("size")["heap"]
    assert (heap["bits"], heap["steps"], heap["board"], heap["wanted"]) == (64, 50, BOARD, 90 * 1024)
    assert heap["free"] == BOARD - heap["modules"] - heap["agent"] - heap["plan"] - heap["run"]
    assert heap["modules"] > 40_000
    assert 1000 < heap["plan"] < 10_000
    assert 1000 < heap["run"] < 30_000
    assert (heap["code"], heap["enough"]) == ("rom", None)
    assert heap["files"]["modules"] > heap["rom"]["modules"] + 40_000
    assert main(["firmware", "size", "--code", "files"]) == 0, "it is not a board's"
    assert "KiB of 164 KiB stay free, with pointers of 64 bits, so a board has more" in capsys.readouterr().out


@pytest.fixture
def boards_pointers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The MicroPython that is found has pointers of 32 bits."""
    command = interpreter(cached("i386"), "i386")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "micropython"
    program.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
    program.chmod(0o755)


def documented() -> str:
    """The `agent.json` that docs/firmware.md shows."""
    text = (ROOT / "docs" / "firmware.md").read_text()
    return text.split("```json\n")[1].split("```")[0]


@pytest.mark.parametrize(("of", "most"), [("leaf", 78 * 1024), ("full", 96 * 1024 - 512)])
def test_what_the_pages_show_is_within_the_budget_with_room_to_spare(
    ganglion: Run, tmp_path: Path, of: str, most: int
) -> None:
    config = json.loads(documented())
    if of == "full":  # as docs/board-member.md says
        del config["parent"]
        config["broker"] = "mqtt://192.0.2.10"
    (tmp_path / "agent.json").write_text(json.dumps(config))
    said = ganglion("build", "--config", "agent.json")
    assert (said["profile"], said["bytes"] <= most) == (of, True)
    assert "warning" not in said


def test_a_build_over_its_budget_is_there_and_has_failed(
    ganglion: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "BUDGET", 60 * 1024)
    said = ganglion("build", code=1)
    over = said["bytes"] - 60 * 1024
    assert (
        said["warning"]
        == f"{over} bytes more than the budget of 60 KiB: two such versions need more than 1 MiB of flash"
    )
    assert (tmp_path / "ganglion-firmware" / "a" / "manifest").is_file()
    assert main(["firmware", "build"]) == 1
    assert f"{said['warning']}; `ganglion firmware size` says what takes how much\n" in capsys.readouterr().out
    (tmp_path / "small.toml").write_text(OF_ONES_OWN.replace("0x200000", "0x100000"))
    (tmp_path / "agent.json").write_text(json.dumps(MESH | {"board": "pico-w"}))
    for words, code, why in (((), 0, "pico-w has 2048 KiB"), (("--board", "small.toml"), 1, "need more")):
        assert why in ganglion("build", "--config", "agent.json", *words, code=code)["warning"]


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        ("sensors", {"light": {"driver": "bh1750", "bus": "i2c1"}}, "light.bus: there is no bus i2c1; known are i2c0"),
        (
            "sensors",
            {"light": {"driver": "bh175", "bus": "i2c0"}},
            "light.driver: there is no driver 'bh175'; did you mean",
        ),
        (
            "sensors",
            {"light": {"driver": "bh1750", "bus": "i2c0", "sensitivty": 69}},
            "light: bh1750: got an unexpected",
        ),
        ("sensors", {"soil": {"driver": "adc", "pin": 26, "unti": "%"}}, "soil.unti: there is no such key; known are"),
        ("sensors", {"air": {"driver": "dht22", "pin": 2, "every": "1"}}, "air.every: '1' is not a duration"),
        (
            "actuators",
            {"pump": {"driver": "pin", "pin": 2, "excludes": ["fna"]}},
            "pump.excludes: 'fna' is no other actuator",
        ),
        ("buses", {"i": {"sda": "four", "scl": 5}}, "i.sda: 'four' is no pin: write its number"),
        ("buses", {"i": {"sda": 4}}, "i.scl: is missing: write both, or leave sda out"),
        (
            "buses",
            {"i": {"sda": 4, "scl": 5, "sclk": 5}},
            "i.sclk: there is no such key; known are frequency, id, scl, sda",
        ),
        ("sensors", {"soil": {"driver": "adc", "pin": "x"}}, "soil.pin: 'x' is no pin"),
        ("actuators", {"fan": {"driver": "pwm", "duty": [2, 0]}}, "fan.duty: must be two shares of the period"),
        ("actuators", {"fan": {"driver": "pwm", "duty": [0, "1"]}}, "fan.duty: must be two shares of the period"),
        (
            "sensors",
            {"soil": {"driver": "adc", "pin": 26, "every": "1e999s"}},
            "soil.every: '1e999s' is not a duration",
        ),
        ("actuators", {"fan": {"driver": "pin", "pin": "x"}}, "fan.pin: 'x' is no pin: write its number"),
        ("actuators", {"fan": {"driver": "pin", "pin": 2, "readback": {"pin": -1}}}, "fan.readback.pin: -1 is no pin"),
        (
            "actuators",
            {"fan": {"driver": "pin", "pin": 2, "readback": {"pull": "on"}}},
            "fan.readback.pull: must be one of",
        ),
        (
            "actuators",
            {"fan": {"driver": "pwm", "pin": "GP15"}, "pump": {"driver": "pin", "pin": 15}},
            "pump.pin: actuators.fan has this pin: take another",
        ),
        (
            "actuators",
            {"fan": {"driver": "pwm", "pin": "GP15", "readback": {"pin": 15}}},
            "fan.readback.pin: actuators.fan has this pin: take another",
        ),
        ("actuators", {"fan": {"driver": "pin", "low": 1}}, "fan: low and high belong together"),
    ],
)
@pytest.mark.parametrize("verb", ["build", "size"])
def test_what_the_board_would_refuse_of_its_parts_is_refused_with_the_file_that_was_given(
    ganglion: Run, tmp_path: Path, verb: str, part: str, wrong: dict[str, Any], said: str
) -> None:
    path = tmp_path / "garden.json"
    path.write_text(json.dumps(MESH | {"buses": {"i2c0": {"id": 0}}, part: wrong}))
    error = ganglion(verb, "--config", str(path), code=1)["error"]
    assert error.startswith(f"{path}: {part}.{said}")


def _light(address: object) -> dict[str, Any]:
    return {"buses": {"i": {"id": 0}}, "sensors": {"light": {"driver": "bh1750", "bus": "i", "address": address}}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sensosr": {}}, "sensosr: there is no such key; known are"),
        ({"uplink": {"kind": "lora"}}, "uplink.kind: must be one of none, serial, wifi, not 'lora'"),
        ({"uplink": {"kind": "wifi"}}, "uplink.ssid: is missing; write a text"),
        ({"parent": {"host": "a", "port": "abc"}}, "parent.port: must be a whole number, not 'abc'"),
        ({"watchdog": "0.2s"}, "watchdog: must be 0s for none, or at least 1s"),
        ({"updates": "signd"}, "updates: must be one of parent, signed, not 'signd'"),
        ({"name": None}, "name: is missing; write a text"),
        (
            {"sensors": {"soil": {"driver": "adc", "pin": 26}}, "actuators": {"fan": {"driver": "pwm", "pin": "GP26"}}},
            "sensors.soil.pin: actuators.fan has this pin: take another",
        ),
        (
            {"buses": {"i": {"sda": 4, "scl": 5}}, "actuators": {"fan": {"driver": "pwm", "pin": 5}}},
            "buses.i.scl: actuators.fan has this pin: take another",
        ),
        ({"buses": {"i": {"sda": 4, "scl": 5}, "k": {"sda": 8, "scl": 9}}}, "buses.k.id: buses.i has this number"),
        (
            {"buses": {"i": {"sda": 4, "scl": 5}, "k": {"id": 1, "sda": 6, "scl": 5}}},
            "buses.k.scl: buses.i has this pin",
        ),
        (
            {
                "buses": {"i": {"sda": 4, "scl": 5}},
                "uplink": {"kind": "serial", "uart": 1, "tx": 4, "rx": 6},
                "parent": None,
            },
            "uplink.tx: buses.i has this pin: take another",
        ),
        (
            {"buses": {"i": {"sda": 4, "scl": 5}}, "sensors": {"soil": {"driver": "adc", "pin": 5}}},
            "sensors.soil.pin: buses.i has this pin: take another",
        ),
        (_light("0x23"), "sensors.light.address: must be 35 (0x23) or 92 (0x5c), not '0x23'"),
        (_light(300), "sensors.light.address: must be 35 (0x23) or 92 (0x5c), not 300"),
        ({"name": "Bad Name!"}, "name: 'Bad Name!' is none: 1 to 32 of a-z A-Z 0-9 _ -"),
        ({"uplink": {}}, "uplink.kind: is missing; write a text"),
        ({"parent": {}}, "parent.host: is missing; write a text"),
        ({"sensors": {"soil": {"driver": "adc"}}}, "sensors.soil.pin: is missing: write its number, or its name"),
        ({"actuators": {"fan": {"driver": "pwm"}}}, "actuators.fan.pin: is missing: write its number, or its name"),
    ],
)
def test_what_the_board_would_stop_at_is_refused_when_it_is_built(
    ganglion: Run, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    path = tmp_path / "garden.json"
    path.write_text(json.dumps({key: value for key, value in {**MESH, **given}.items() if value is not None}))
    error = ganglion("build", "--config", str(path), code=1)["error"]
    assert error.startswith(f"{path}: {said}")


#: The board's file that docs/boards.md shows whole.
OF_ONES_OWN = (ROOT / "docs" / "boards.md").read_text().split("```toml\n")[1].split("```")[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"board": "microbit"}, "board: BBC micro:bit V1 is too small for the agent"),
        ({"board": "raspberry-pi-4"}, "board: raspberry-pi-4 runs no MicroPython, so it takes a whole node"),
        (
            {"board": "esp8266", "parent": None, "broker": "mqtt://b"},
            "broker: ESP8266 (NodeMCU) is too small for a full member of the mesh: name a parent",
        ),
        (
            {"broker": "mqtt://b"},
            "parent: there is a broker, too, and a board has one of the two: `parent` where it is a leaf of",
        ),
        ({"actuators": {"fan": {"driver": "pin", "pin": 99}}}, "actuators.fan.pin: Raspberry Pi Pico W has no pin 99;"),
        (
            {"actuators": {"fan": {"driver": "pin", "pin": 23}}},
            "actuators.fan.pin: pin 23 of Raspberry Pi Pico W is reserved for the wireless chip; take one of 0 to 22,",
        ),
        (
            {"actuators": {"fan": {"driver": "pwm", "pin": "LED"}}},
            "actuators.fan.pin: pin LED of Raspberry Pi Pico W cannot",
        ),
        (
            {"actuators": {"fan": {"driver": "pwm", "pin": "GP3", "readback": {"pin": "LED"}}}},
            "actuators.fan.readback.pin: pin LED of Raspberry Pi Pico W cannot be read",
        ),
        (
            {"sensors": {"soil": {"driver": "adc", "pin": "GP4"}}},
            "sensors.soil.pin: pin GP4 of Raspberry Pi Pico W cannot measure a voltage; take one of 26 to 28",
        ),
        (
            {"buses": {"i": {"id": 0, "sda": 2, "scl": 3}}},
            "buses.i.sda: pin 2 of Raspberry Pi Pico W cannot be i2c0.sda; take one of 0, 4, 8, 12, 16, 20, 28",
        ),
        ({"buses": {"i": {"id": 7}}}, "buses.i.id: Raspberry Pi Pico W has no i2c7; take one of i2c0, i2c1"),
        (
            {"parent": None, "uplink": {"kind": "serial", "uart": 1, "tx": 0, "rx": 5}},
            "uplink.tx: pin 0 of Raspberry Pi Pico W cannot be uart1.tx; take one of 4, 8, 20",
        ),
    ],
)
def test_what_the_board_has_not_is_refused_when_it_is_built_and_before_it_is_flashed(
    ganglion: Run, tmp_path: Path, given: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agent.json").write_text(
        json.dumps({key: value for key, value in {**MESH, "board": "pico-w", **given}.items() if value is not None})
    )
    assert ganglion("build", "--config", "agent.json", code=1)["error"].startswith(f"agent.json: {said}")
    board = given.get("board", "pico-w")
    if board not in ("microbit", "raspberry-pi-4"):  # which take no agent, whatever is in the file
        assert main(["flash", board, "--config", "agent.json", "--port", "/dev/none", "--dry-run", "--json"]) == 1
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"].startswith(f"agent.json: {said}")


def test_a_board_of_ones_own_is_looked_at_too_and_one_that_nobody_knows_is_named(
    ganglion: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "greenhouse.toml").write_text(OF_ONES_OWN)
    given = MESH | {"board": "greenhouse", "actuators": {"fan": {"driver": "pin", "pin": 5}}}
    (tmp_path / "agent.json").write_text(json.dumps(given))
    build = ["build", "--config", "agent.json"]
    error = ganglion(*build, code=3)["error"]
    assert error.startswith("agent.json: board: there is no board 'greenhouse'")
    assert error.endswith(" (--board FILE.toml names one of your own)")
    ganglion(*build, "--board", "greenhouse.toml")
    given["actuators"]["fan"]["pin"] = 26
    (tmp_path / "agent.json").write_text(json.dumps(given))
    said = "agent.json: actuators.fan.pin: The board in the greenhouse has no pin 26; take one of "
    assert ganglion(*build, "--board", "greenhouse.toml", code=1)["error"].startswith(said)
    words = ["flash", "greenhouse.toml", "--config", "agent.json", "--port", "/dev/none", "--dry-run", "--json"]
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"].startswith(said)


def test_a_profile_that_is_not_that_of_the_file_is_refused(ganglion: Run, tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text(json.dumps(MESH))
    (tmp_path / "full.json").write_text(json.dumps({"name": "a", "uplink": {"kind": "none"}, "broker": "mqtt://b"}))
    said = ganglion("build", "--config", "full.json", "--profile", "leaf", code=2)["error"]
    assert said.startswith("--profile leaf: full.json has the `broker` of a full member, and the board would stop")
    said = ganglion("build", "--config", "agent.json", "--profile", "full", code=2)["error"]
    assert said.startswith("--profile full: agent.json has the `parent` of a leaf")


@pytest.mark.usefixtures("boards_pointers")
def test_the_budgets_are_met(ganglion: Run) -> None:
    said = ganglion("size", "--driver", "bme280")
    assert said["missed"] == []
    assert said["bytes"] <= 80 * 1024
    heap = said["heap"]
    assert (heap["bits"], heap["code"], heap["enough"]) == (32, "rom", True)
    assert heap["free"] >= 90 * 1024
    assert heap["each"].keys() == {module_of(file["name"]) for file in said["files"]}


@pytest.mark.usefixtures("boards_pointers")
def test_a_budget_that_is_missed_is_a_failure_that_says_by_how_much(
    ganglion: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "BUDGET", 60_000)
    said = ganglion("size", "--code", "files", code=1)
    flash, heap = said["missed"]
    assert (flash["budget"], flash["over"]) == ("flash", said["bytes"] - 60_000)
    assert flash["largest"][0]["name"] == "ganglion_agent.agent"
    assert (heap["budget"], heap["over"]) == ("heap", 90 * 1024 - said["heap"]["files"]["free"])
    assert said["heap"]["enough"] is said["heap"]["files"]["enough"] is False
    assert said["heap"]["rom"]["enough"] is True
    sizes = [each["bytes"] for each in heap["largest"]]
    assert sizes == sorted(sizes, reverse=True)
    assert main(["firmware", "size", "--code", "files"]) == 1
    out = capsys.readouterr().out
    assert f"the budget of flash is missed by {flash['over']} bytes; the largest are ganglion_agent.agent " in out
    assert f"the budget of heap is missed by {heap['over']} bytes; the largest are " in out


def test_a_micropython_that_was_fetched_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = interpreter(ROOT / ".cache" / "micropython")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "ganglion").mkdir()
    (tmp_path / "ganglion" / "micropython").symlink_to(ROOT / ".cache" / "micropython")
    found = find()
    assert [Path(word).name for word in found] == [Path(word).name for word in command]


def test_a_micropython_that_hangs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.firmware.heap._LIMIT", 0.1)
    bundle = Bundle(version="1", files={}, outside={})
    with pytest.raises(GanglionError, match=r"has not ended after 0\.1 s: try another MicroPython"):
        measure(bundle, [sys.executable, "-c", "import time; time.sleep(600)", "micropython"])


def test_a_version_that_does_not_run_has_no_heap() -> None:
    command = interpreter(ROOT / ".cache" / "micropython")
    broken = Bundle(version="x", files={"ganglion_agent/entry.mpy": b"no code"}, outside=build().outside)
    for place in PLACES:
        with pytest.raises(GanglionError, match=r"could not be measured: .*micropython said ValueError"):
            measure(broken, command, place)
