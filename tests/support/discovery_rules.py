# SPDX-License-Identifier: GPL-3.0-or-later
"""What Home Assistant asks of a device's discovery message, after its pages "MQTT Discovery" and of each platform.

A message that breaks a rule is dropped there as a whole, and only its log would tell.
"""

import json
import re
from typing import Any

from ganglion.bridge.announced import DEVICE_WORDS, ORIGIN_WORDS, expanded
from ganglion_micro.topic import is_name

#: What each platform must have besides `platform` and `unique_id`, and what else it may.
_SHARED = {"platform", "unique_id", "name", "device_class", "state_topic"}
_PLATFORMS = {
    "sensor": ({"state_topic"}, {"unit_of_measurement", "state_class"}),
    "binary_sensor": ({"state_topic"}, set[str]()),
    "switch": ({"command_topic"}, set[str]()),
    "number": ({"command_topic"}, {"min", "max", "step", "unit_of_measurement"}),
    "select": ({"command_topic", "options"}, set[str]()),
}
#: Units by device class, of the classes that we use ("Sensor", device class).
_UNITS = {
    "temperature": {"°C", "°F", "K"},
    "humidity": {"%"},
    "battery": {"%"},
    "moisture": {"%"},
    "power": {"mW", "W", "kW", "MW", "GW", "TW"},
    "apparent_power": {"mVA", "VA", "kVA"},
    "voltage": {"µV", "mV", "V", "kV", "MV"},
    "current": {"A", "mA"},
    "frequency": {"Hz", "kHz", "MHz", "GHz"},
    "illuminance": {"lx"},
    "atmospheric_pressure": {"cbar", "bar", "hPa", "mmHg", "inHg", "kPa", "mbar", "Pa", "psi"},
    "energy": {"Wh", "kWh", "MWh", "GWh", "J", "kJ", "MJ"},
    "carbon_dioxide": {"ppm"},
    "pm25": {"µg/m³"},
    "pm10": {"µg/m³"},
}


def checked(topic: str, payload: bytes) -> dict[str, Any]:
    """The message with its abbreviations written out.

    Raises:
        AssertionError: a rule is broken.
    """
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic), topic
    config = expanded(json.loads(payload))
    assert set(config) <= {"device", "origin", "components", "availability", "availability_mode"}
    device, origin = config["device"], config["origin"]
    assert device["identifiers"]
    assert set(device) <= {"name", *DEVICE_WORDS.values()}
    assert all(isinstance(each, str) for each in [*device["identifiers"], device["name"], device["sw_version"]])
    assert origin["name"]
    assert set(origin) <= {"name", *ORIGIN_WORDS.values()}
    assert config["availability_mode"] in ("all", "any", "latest")
    assert all(set(each) == {"topic"} and is_name(each["topic"]) for each in config["availability"])
    for key, component in config["components"].items():
        _check(key, component)
    unique = [each["unique_id"] for each in config["components"].values() if len(each) > 1]
    assert len(unique) == len(set(unique))
    return config


def _check(key: str, component: dict[str, Any]) -> None:
    platform = component["platform"]
    must, may = _PLATFORMS[platform]
    assert re.fullmatch(r"[a-zA-Z0-9_.-]+", key), key
    if len(component) == 1:
        return  # it is to be removed
    assert {"unique_id", *must} <= set(component) <= {*_SHARED, *must, *may}, component
    assert all(is_name(component[each]) for each in ("state_topic", "command_topic") if each in component)
    if platform == "sensor":
        device_class, unit = component.get("device_class"), component.get("unit_of_measurement")
        assert device_class is None or unit in _UNITS[device_class], component
        state_class = component.get("state_class")
        assert state_class == ("total_increasing" if device_class == "energy" else state_class)
        assert state_class in (None, "measurement", "total_increasing")
    if platform == "number":
        assert component["min"] < component["max"]
        assert component["step"] >= 0.001
    if platform == "select":
        assert component["options"]
        assert all(isinstance(each, str) for each in component["options"])
