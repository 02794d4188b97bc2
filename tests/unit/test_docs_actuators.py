# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/actuators.md: its tables are built, its keys are those of the code, and its commands are a node's."""

import dataclasses
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from ganglion.clock import Clock
from ganglion.errors import InvalidError
from ganglion.guardian import Actuators
from ganglion.guardian.actuator import DRIVERS, build
from ganglion.guardian.driver import Section
from ganglion.guardian.restriction import Restriction, Side
from ganglion.guardian.watchdog import SILENCE_MS
from ganglion.node.commanded import Commanded
from ganglion.settings import read

PAGE = (Path(__file__).parents[2] / "docs" / "actuators.md").read_text()
TABLES = [tomllib.loads(text) for text in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)]


def rows():
    """Key -> drivers that have it, as the page says."""
    found = {}
    for line in PAGE.partition("## Keys\n")[2].partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            keys, drivers, _ = (cell.strip() for cell in line.strip("|").split(" | ", 2))
            for key in re.findall("`([a-z_]+)`", keys):
                found[key] = set(DRIVERS) if drivers == "all" else set(re.findall("`([a-z0-9]+)`", drivers))
    return found


def test_the_page_has_every_key_of_every_driver_and_no_other():
    had = {}
    for driver, module in DRIVERS.items():
        for field in dataclasses.fields(import_module(module).SECTION):
            had.setdefault(field.name, set()).add(driver)
    assert rows() == had


def test_the_actuators_of_the_page_are_built():
    tables = next(each for each in TABLES if "actuator" in each)["actuator"]
    assert {table["driver"] for table in tables.values()} == set(DRIVERS)
    assert set(Actuators.from_tables(tables).capabilities()) == set(tables)


def test_a_boards_limit_is_the_stricter_one():
    (limit,) = next(each for each in TABLES if "limit" in each)["limit"]
    pump = next(each for each in TABLES if "actuator" in each)["actuator"]["pump"]
    rule = build("pump", pump, sides=[Side("its board", [read(Restriction, limit, "limit")])]).rule
    assert rule.limits.max_on == 5 * 60 * 10**9


def test_a_boards_limit_has_the_keys_of_an_actuator():
    own = {field.name for field in dataclasses.fields(Section)}
    assert {field.name for field in dataclasses.fields(Restriction)} - {"where"} <= own


def test_the_watchdog_is_as_patient_as_the_page_says():
    assert f"hangs for {SILENCE_MS // 1000} s" in PAGE


async def test_the_commands_are_obeyed():
    tables = {"fan": {"driver": "sim"}, "heater": {"driver": "sim", "requires": ["fan"], "max_silence": "30s"}}
    actuators = Actuators.from_tables(tables)
    commanded = Commanded(actuators, lambda *reading: None, Clock().now)
    peer = type("Peer", (), {"name": "gateway"})
    commands = re.findall(r"^ganglion call cellar (\S+)(.*)$", PAGE, re.MULTILINE)
    await commanded.set({"actuator": "fan", "value": True}, peer)
    answers = []
    for method, words in commands:
        params = dict(word.split("=") for word in words.split())
        known = {"value": {"true": True}.get(params.get("value"))} if "value" in params else {}
        if "priority" in params:
            known["priority"] = int(params["priority"])
        answers.append(await getattr(commanded, method.removeprefix("actuators."))(params | known, peer))
    await actuators.stop()
    assert [answers[0]["value"], answers[1]["renewed"]] == [True, ["fan", "heater"]]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"driver": "gpio", "line": 4, "low": 0, "high": 1}, "actuator.x: a line takes true and false"),
        ({"driver": "pwm", "duty": [0, 2]}, "actuator.x.duty: must be two shares from 0 to 1 that differ"),
        ({"driver": "pwm", "period": "0s"}, "actuator.x: period must be above 0"),
        ({"driver": "pca9685", "bus": "i2c-1", "channel": 0}, "actuator.x.bus: must be"),
        ({"driver": "pca9685", "bus": "sim", "channel": 16}, "actuator.x.channel: must be 0 to 15"),
        ({"driver": "pca9685", "bus": "sim", "channel": 1, "frequency": 5}, "actuator.x: frequency must be 24 to"),
        ({"driver": "pcf8574", "bus": "sim", "pin": 8}, "actuator.x.pin: must be 0 to 7"),
        ({"driver": "pcf8574", "bus": "sim", "pin": 1, "address": 0x40}, "actuator.x.address: must be 0x20 to 0x3f"),
        ({"driver": "sim", "quiet_hours": ["22-7"]}, "actuator.x.quiet_hours[0]: '22-7' is no time of day"),
        ({"driver": "sim", "quiet_hours": ["07:00-07:00"]}, "actuator.x.quiet_hours[0]: '07:00-07:00' is no time"),
        ({"driver": "sim", "quiet_hours": ["22:00-07:00"], "fail_safe": True}, "actuator.x: quiet_hours need a fail_"),
        ({"driver": "sim", "quiet_max": 3.0}, "actuator.x: quiet_max needs quiet_hours"),
        ({"driver": "sim", "max_silence": "0s"}, "actuator.x.max_silence: must be above 0"),
    ],
)
def test_a_wrong_table_is_named(table, says):
    with pytest.raises(InvalidError) as caught:
        build("x", table)
    assert str(caught.value).startswith(says)


async def test_simulated_chips_are_driven_and_shared():
    tables = {
        "one": {"driver": "pca9685", "bus": "sim", "channel": 0, "low": 0, "high": 100},
        "two": {"driver": "pca9685", "bus": "sim", "channel": 1},
        "relay": {"driver": "pcf8574", "bus": "sim", "pin": 0},
        "other": {"driver": "pcf8574", "bus": "sim", "pin": 7, "active_low": False},
    }
    actuators = Actuators.from_tables(tables)
    await actuators.start()
    for name in tables:
        decision = await actuators.actuate(name, 50 if name == "one" else True, owner="anna")
        assert (decision.accepted, decision.confirmed) == (True, True), decision.reason
    assert [status.value for status in actuators.status()] == [50, True, True, True]
    await actuators.stop()
    with pytest.raises(ValueError, match="pin 0 is another actuator's"):
        Actuators.from_tables({"a": tables["relay"], "b": tables["relay"]})
    with pytest.raises(ValueError, match="another output of this chip has 200 Hz"):
        Actuators.from_tables({"a": tables["one"], "b": {**tables["two"], "frequency": 50.0}})
