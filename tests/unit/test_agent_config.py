# SPDX-License-Identifier: GPL-3.0-or-later
"""`agent.json`: every mistake is named with its key and its remedy; outputs and sensors are made of what it says."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ganglion_agent import config, seal
from ganglion_agent.clock import Clock
from ganglion_agent.device import Device
from ganglion_agent.log import Log
from ganglion_agent.section import ConfigError, Section
from ganglion_micro import update_key
from support.leaves import KEY

SECOND = 10**9
BOARD = Path(__file__).parents[1] / "support" / "board" / "machine.py"
GOOD: dict[str, Any] = {
    "name": "garden",
    "uplink": {"kind": "none"},
    "parent": {"host": "192.0.2.20"},
    "buses": {"i2c0": {"sda": 4, "scl": 5}},
    "sensors": {"light": {"driver": "bh1750", "bus": "i2c0"}},
    "actuators": {"pump": {"driver": "pin", "pin": 15, "max_on": "1.5m"}},
}


@pytest.fixture(autouse=True)
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("machine", BOARD)
    assert spec is not None
    assert spec.loader is not None
    machine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(machine)
    monkeypatch.setitem(sys.modules, "machine", machine)
    (tmp_path / "leaf.key").write_text(KEY.text() + "\n")


def device(**more: Any) -> Device:
    Path("agent.json").write_text(json.dumps({**GOOD, **more}))
    return Device(config.read(""), Clock(), Log(echo=False))


def test_a_whole_one_is_read() -> None:
    made = device(utc_offset_minutes=-90)
    found = config.read("")
    assert (found.name, found.link.host, found.link.port, found.link.key.kid) == ("garden", "192.0.2.20", 8475, KEY.kid)
    assert (found.utc_offset, found.watchdog_ms) == (-5400 * SECOND, 8000)
    assert made.guard.actuators["pump"].limits.max_on == 90 * SECOND
    assert made.units == {"light.illuminance": "lx"}
    assert Path("pin15").read_text() == "0"


@pytest.mark.parametrize("pin", [15, "15", "GP15"])
def test_two_actuators_on_a_pin_are_refused_as_one_would_drive_the_other_past_its_limits(pin: Any) -> None:
    with pytest.raises(ConfigError, match=r"^agent\.json\.actuators\.valve\.pin: agent\.json\.actuators\.pump has it$"):
        device(actuators={**GOOD["actuators"], "valve": {"driver": "pwm", "pin": pin}})


def test_a_watchdog_waits_for_two_signatures_of_a_full_member() -> None:
    full = {key: GOOD[key] for key in ("name", "uplink")} | {"broker": "mqtt://192.0.2.20"}
    for text, fits in (("5s", False), ("6s", True), ("0s", True)):
        section = Section("agent.json", {**full, "watchdog": text})
        if fits:
            config.Config(section, None)
        else:
            with pytest.raises(ConfigError, match="watchdog: must be 0s for none, or at least 6s"):
                config.Config(section, None)


def test_signed_updates_need_the_key_beside_the_leafs() -> None:
    device(updates="signed")
    with pytest.raises(ConfigError, match=r"agent.json.updates: signed needs the second line of `ganglion leaf add`"):
        seal.of(config.read(""), "")
    Path("leaf.key").write_text(f"{KEY.text()}\n{update_key.text(bytes(32))}\n")
    found = config.read("")
    assert (found.updates, found.link.key.kid) == ("signed", KEY.kid)
    with pytest.raises(ValueError, match="only with the issuer's seal"):
        seal.of(found, "")(None, bytes(32))
    device()
    assert config.read("").updates == "parent"


def test_an_actuator_is_read_back_by_another_pin_and_locked_by_another() -> None:
    pump = {"driver": "pin", "pin": 15, "requires": ["valve"], "readback": {"pin": 22, "within": "2s"}}
    made = device(actuators={"pump": pump, "valve": {"driver": "pin", "pin": 14}})
    guard = made.guard
    assert guard.interlocks.order == ["pump", "valve"]
    back = guard.actuators["pump"].readback
    assert (back.within, back.is_on()) == (2 * SECOND, False)
    Path("pin22").write_text("1")
    assert back.is_on()
    assert made.set("pump", True, "script")[2] == "pump: it may be on only while valve is on"
    for wrong, words in [
        ({"readback": {"pin": "x"}}, "agent.json.actuators.pump.readback.pin: the board refuses it"),
        ({"readback": {"pin": 1, "pol": "up"}}, "agent.json.actuators.pump.readback.pol: there is no such key"),
        ({"readback": 3}, "agent.json.actuators.pump.readback: must be a table"),
        ({"requires": ["gate"]}, "agent.json.actuators.pump.requires: 'gate' is no other actuator"),
    ]:
        with pytest.raises(ConfigError, match=words):
            device(actuators={"pump": {"driver": "pin", "pin": 15, **wrong}})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": None}, "agent.json.name: is missing; write a text"),
        ({"name": 3}, "agent.json.name: must be a text, not 3"),
        ({"colour": 1}, "agent.json.colour: there is no such key; known are actuators, board, buses"),
        ({"uplink": {"kind": "lora"}}, "agent.json.uplink.kind: must be one of none, serial, wifi, not 'lora'"),
        ({"uplink": {"kind": "wifi"}}, "agent.json.uplink.ssid: is missing"),
        ({"parent": {"host": "x", "port": 0}}, "agent.json.parent.port: must be 1 to 65535, not 0"),
        ({"parent": []}, "agent.json.parent: must be a table"),
        ({"key": "other.key"}, "agent.json.key: other.key is not there: `ganglion leaf add NAME` prints it"),
        ({"watchdog": "5"}, "agent.json.watchdog: '5' is not a duration: write a number with ms, s, m or h"),
        ({"watchdog": "10ms"}, "agent.json.watchdog: must be 0s for none, or at least 1s"),
        ({"utc_offset_minutes": 9999}, "agent.json.utc_offset_minutes: must be -840 to 840"),
        ({"sensors": {"a b": {}}}, "agent.json.sensors: 'a b' is no name: 1 to 24 of"),
        ({"sensors": {"a": {"driver": "bme"}}}, "agent.json.sensors.a.driver: must be one of adc, ads1115"),
        ({"sensors": {"a": {"driver": "bh1750", "bus": "i2c1"}}}, "agent.json.sensors.a.bus: there is no bus i2c1"),
        ({"sensors": {"a": {"driver": "adc", "pin": 1, "gain": 2}}}, "agent.json.sensors.a.gain: there is no such key"),
        ({"sensors": {"a": {"driver": "adc", "every": "1ms"}}}, "agent.json.sensors.a.every: must be at least 0.1s"),
        ({"actuators": {"a": {"driver": "pin", "pin": "x"}}}, "agent.json.actuators.a.pin: the board refuses it"),
        ({"actuators": {"a": {"driver": "pin", "pin": 1, "low": 0, "high": 1}}}, "a.driver: pin takes true and false"),
        ({"actuators": {"a": {"driver": "pwm", "pin": 1, "low": 1}}}, "agent.json.actuators.a: low and high belong"),
        ({"actuators": {"a": {"driver": "pin", "pin": 1, "max_on": "x"}}}, "a.max_on: 'x' is not a duration"),
        ({"actuators": {"a": {"driver": "pin", "pin": 1, "quiet_hours": ["9-25:00"]}}}, "write them as in 22:00-07:00"),
        ({"actuators": {"a": {"driver": "pin", "pin": 1, "risk": "confirm"}}}, "a.risk: must be one of low, never"),
        ({"actuators": {"a": {"driver": "pin", "pin": 1, "max_silence": "5s"}}}, "max_silence: must be at least 15s"),
        ({"actuators": {"a": {"driver": "pwm", "pin": 1, "duty": [2, 3]}}}, "a.duty: must be two shares"),
    ],
)
def test_a_mistake_is_named_with_its_key(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        device(**more)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", '{"name": }', "\x00", "[1]"])
def test_what_is_no_table_in_json_is_said(text: str) -> None:
    Path("agent.json").write_text(text)
    with pytest.raises(ConfigError, match=r"agent.json( is no JSON|: must be a table)"):
        config.read("")


def test_a_key_that_was_mistyped_is_said() -> None:
    Path("agent.json").write_text(json.dumps(GOOD))
    Path("leaf.key").write_text(KEY.text()[:-1])
    with pytest.raises(ConfigError, match=r"agent.json.key: leaf.key: this is no key of a leaf"):
        config.read("")
    Path("agent.json").unlink()
    with pytest.raises(ConfigError, match="copy it onto the device"):
        config.read("")


def test_a_sensor_that_is_plugged_in_later_is_read_then() -> None:
    made = device()
    [light] = made.sensors
    made.advance()
    assert light.error.startswith("light: ")
    Path("lux").write_text("120")
    assert not light.advance(2 * light.every)
    assert light.advance(3 * light.every)
    assert (light.error, round(light.values["light.illuminance"])) == ("", 120)


def test_pulses_follow_the_range() -> None:
    limits = {"low": 0, "high": 180, "fail_safe": 90, "duty": [0.05, 0.1]}
    made = device(actuators={"flap": {"driver": "pwm", "pin": 16, "frequency": 50, **limits}})
    assert int(Path("pin16").read_text()) == round(0.075 * 65535)
    assert made.set("flap", 180, "parent") == [True, 180, ""]
    assert int(Path("pin16").read_text()) == round(0.1 * 65535)


def test_a_pin_that_is_low_when_it_is_on() -> None:
    made = device(actuators={"relay": {"driver": "pin", "pin": 3, "active_low": True}})
    assert Path("pin3").read_text() == "1"
    made.set("relay", True, "parent")
    assert Path("pin3").read_text() == "0"


@pytest.mark.parametrize("driver", ["dht22", "ds18b20"])
def test_a_driver_that_is_not_on_the_board_is_missed_at_its_start(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dht", ModuleType("dht"))
    monkeypatch.setattr(sys.modules["dht"], "dht_readinto", None, raising=False)
    monkeypatch.setitem(sys.modules, "onewire", ModuleType("onewire"))
    monkeypatch.setattr(sys.modules["onewire"], "OneWire", None, raising=False)
    monkeypatch.setitem(sys.modules, f"ganglion_micro.drivers.{driver}", None)
    with pytest.raises(ImportError, match=driver):
        device(sensors={"air": {"driver": driver, "pin": 4}})
