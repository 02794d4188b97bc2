# SPDX-License-Identifier: GPL-3.0-or-later
"""lacking: which sensors and actuators of a plan a node has, and the sentence about those that it has not."""

import pytest

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.node.lacking import lacking
from support.mova import edge

SENSORS = ["fridge.temperature", "fridge.humidity"]


def plan(*, trigger: str = "fridge.temperature", read: str = "fridge.humidity", actuator: str = "buzzer") -> Plan:
    steps = f"""
- id: both
  action: parallel
  branches:
    - [{{id: now, action: read, sensor: "{read}", save: x}}]
    - [{{id: beep, action: actuate, actuator: "{actuator}", value: true, for: 1s}}]
"""
    head = f"triggers: [{{id: warm, sensor: '{trigger}', above: 8, run: main}}]"
    return compile(load(edge(steps, head=head), file="x.yaml"))


def test_a_plan_tells_what_its_triggers_and_the_steps_of_its_branches_use() -> None:
    of = plan()
    assert (of.sensors, of.actuators) == (["fridge.temperature", "fridge.humidity"], ["buzzer"])


@pytest.mark.parametrize("trigger", ["fridge.temperature", "fridge.+", "+.humidity", "#"])
def test_what_is_there_is_not_missing(trigger: str) -> None:
    assert lacking(plan(trigger=trigger), SENSORS, ["buzzer", "lamp"]) == ""


@pytest.mark.parametrize("name", ["fridge.colour", "fridge", "frid", "fridg", "room.+", "fridge.temperature.x"])
@pytest.mark.parametrize("place", ["trigger", "read"])
def test_a_sensor_that_is_not_there_is_named_with_what_is(place: str, name: str) -> None:
    said = lacking(plan(**{place: name}), SENSORS, ["buzzer"])
    assert said.startswith(f"there is no sensor {name!r}")
    assert said.endswith(": it has fridge.humidity, fridge.temperature")


def test_the_nearest_name_is_asked_for_and_both_kinds_are_told() -> None:
    said = lacking(plan(read="fridge.humidty", actuator="buzer"), SENSORS, ["buzzer"])
    assert said == (
        "there is no sensor 'fridge.humidty' (did you mean \"fridge.humidity\"?): "
        "it has fridge.humidity, fridge.temperature; "
        "there is no actuator 'buzer' (did you mean \"buzzer\"?): it has buzzer"
    )


def test_a_node_that_has_nothing_says_so_and_long_lists_are_counted() -> None:
    assert lacking(plan(), SENSORS, []) == "there is no actuator 'buzzer': it has none"
    many = [f"lamp{i:02}" for i in range(12)]
    assert lacking(plan(), SENSORS, many).endswith("lamp08, lamp09 and 2 more")
