# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialects of third parties, on messages as their documentation shows them."""

import json
import math
from typing import Any

import pytest

from ganglion.bridge import Kind
from ganglion.errors import InvalidError, NotFoundError, RefusedError
from support.bridge import LISTED, MESSAGES, Heard, announced


@pytest.fixture
def house() -> Heard:
    return announced()


def test_zigbee2mqtt_says_what_each_device_exposes(house: Heard) -> None:
    plug = house.device("zigbee2mqtt/kitchen/plug")
    assert (plug.name, plug.model) == ("kitchen/plug", "Xiaomi ZNCZ02LM")
    state, power = plug.channels["state"], plug.channels["power"]
    assert (state.kind, state.settable) == (Kind.BOOL, True)
    assert (power.kind, power.unit, power.settable) == (Kind.NUMBER, "W", False)
    assert set(house.device("zigbee2mqtt/bulb").channels) == {"state", "brightness", "color.x", "color.y", "effect"}
    assert house.device("zigbee2mqtt/front_door").channels["temperature"].unit == "Cel"
    assert not [device for device in house.bridge.devices if device.name in ("Coordinator", "my_sensor")]
    assert house.complaints == []


def test_zigbee2mqtt_readings_and_presence(house: Heard) -> None:
    plug, bulb, door = ("zigbee2mqtt/" + name for name in ("kitchen/plug", "bulb", "front_door"))
    assert house.hears(plug, MESSAGES[plug]) == {
        (plug, "state"): True,
        (plug, "power"): 12.5,
        (plug, "energy"): 3.14,
        (plug, "linkquality"): 120,
    }
    assert house.hears(bulb, MESSAGES[bulb])[bulb, "color.y"] == 0.321
    # A contact that is false is one that is not there: what is on is as the device says
    assert house.hears(door, MESSAGES[door]) == {
        (door, "contact"): True,
        (door, "temperature"): 27.34,
        (door, "battery"): 100,
    }
    assert house.device(door).available is None
    for said, known in ((MESSAGES[f"{door}/availability"], True), ("offline", False), ({"state": 5}, None)):
        house.hears(f"{door}/availability", said)
        assert house.device(door).available is known


def test_zigbee2mqtt_takes_commands_as_json(house: Heard) -> None:
    assert house.bridge.set("zigbee2mqtt/bulb", "state", "on") == ("zigbee2mqtt/bulb/set", b'{"state": "ON"}')
    assert house.bridge.set("bulb", "brightness", 254)[1] == b'{"brightness": 254}'
    assert house.bridge.set("bulb", "effect", "blink")[1] == b'{"effect": "blink"}'


def test_a_device_that_left_zigbee2mqtt_is_gone(house: Heard) -> None:
    listed = [each for each in json.loads(LISTED) if each["friendly_name"] != "bulb"]
    house.hears("zigbee2mqtt/front_door/availability", "online")
    house.hears("zigbee2mqtt/bridge/devices", listed)
    with pytest.raises(NotFoundError, match="no device is called 'bulb'"):
        house.bridge.set("bulb", "state", True)
    assert house.device("zigbee2mqtt/front_door").available is True


def test_tasmota_is_read(house: Heard) -> None:
    heater = house.device("tasmota/heater")
    assert (heater.name, heater.model, heater.available) == ("Heater plug", "Athom Plug V2", None)
    assert heater.channels["POWER"].settable
    house.hears("tele/heater/LWT", "Online")
    assert heater.available is True
    state = house.hears("tele/heater/STATE", MESSAGES["tele/heater/STATE"])
    assert state["tasmota/heater", "POWER"] is True
    assert state["tasmota/heater", "Wifi.Signal"] == -54
    assert ("tasmota/heater", "Wifi.SSId") not in state
    sensor = house.hears("tele/heater/SENSOR", MESSAGES["tele/heater/SENSOR"])
    assert sensor["tasmota/heater", "ENERGY.Power"] == 43
    assert sensor["tasmota/heater", "Switch1"] is False
    units = {name: channel.unit for name, channel in heater.channels.items()}
    assert (units["ENERGY.Power"], units["DS18B20.Temperature"], units["ENERGY.Total"]) == ("W", "[degF]", "kW.h")
    assert not heater.channels["Switch1"].settable
    assert house.hears("stat/heater/RESULT", MESSAGES["stat/heater/RESULT"]) == {}, "it is said by POWER as well"
    assert house.hears("stat/heater/POWER", "OFF") == {("tasmota/heater", "POWER"): False}
    assert house.hears("stat/heater/RESULT", {"POWER": "ON", "Dimmer": 40}) == {("tasmota/heater", "Dimmer"): 40}


def test_tasmota_takes_commands(house: Heard) -> None:
    assert house.bridge.set("tasmota/heater", "POWER", False) == ("cmnd/heater/POWER", b"OFF")
    house.hears("tele/heater/STATE", {"Dimmer": 10})
    assert house.bridge.set("Heater plug", "Dimmer", "55") == ("cmnd/heater/Dimmer", b"55")


def test_tasmota_without_discovery_or_on_other_topics() -> None:
    heard = Heard()
    assert heard.hears("tele/lamp/STATE", {"POWER1": "ON", "POWER2": "OFF"}) == {
        ("tasmota/lamp", "POWER1"): True,
        ("tasmota/lamp", "POWER2"): False,
    }
    assert heard.bridge.set("lamp", "POWER2", "on") == ("cmnd/lamp/POWER2", b"ON")
    config = {**MESSAGES["tasmota/discovery/E09806F17F56/config"], "ft": "house/%topic%/%prefix%/", "t": "pump"}
    config |= {"rl": [1, 1], "ofln": "weg", "onln": "da"}
    heard.hears("tasmota/discovery/E0/config", config)
    heard.hears("house/pump/tele/LWT", "weg")
    assert heard.device("tasmota/pump").available is False
    assert heard.hears("house/pump/stat/POWER2", "ON") == {("tasmota/pump", "POWER2"): True}
    assert heard.bridge.set("tasmota/pump", "POWER1", True) == ("house/pump/cmnd/POWER1", b"ON")
    heard.hears("tasmota/discovery/E0/config", {**config, "t": "well"})
    assert [device.id for device in heard.bridge.devices] == ["tasmota/lamp", "tasmota/well"]
    heard.hears("tasmota/discovery/E0/config", b"")
    assert [device.id for device in heard.bridge.devices] == ["tasmota/lamp"]


def test_what_is_announced_to_home_assistant_is_read(house: Heard) -> None:
    room, kitchen = "homeassistant/living_room", "homeassistant/kitchen"
    assert house.device(room).model == "Espressif esp32dev"
    assert house.hears("livingroom/sensor/temperature/state", "21.4") == {(room, "temperature"): 21.4}
    assert house.hears("livingroom/switch/relay/state", "ON") == {(room, "relay"): True}
    house.hears("livingroom/status", "online")
    assert house.device(room).available is True
    assert house.bridge.set(room, "relay", False) == ("livingroom/switch/relay/command", b"OFF")
    assert house.device(room).channels["temperature"].unit == "Cel"
    assert house.hears("kitchen/state", MESSAGES["kitchen/state"]) == {
        (kitchen, "one"): 44.5,
        (kitchen, "set_point"): 21,
    }
    assert house.bridge.set("Kitchen", "set_point", 22.5) == ("kitchen/set/point", b"22.5")
    assert set(house.device(kitchen).channels) == {"one", "set_point"}, "a template that computes is not followed"


def test_a_json_light_and_two_devices_of_one_name() -> None:
    heard = Heard()
    light = {"name": "Lamp", "schema": "json", "stat_t": "l/state", "cmd_t": "l/set"}
    heard.hears("homeassistant/light/l/l/config", {**light, "dev": {"ids": ["a"], "name": "Desk"}})
    heard.hears("homeassistant/light/m/m/config", {**light, "stat_t": "m/state", "dev": {"ids": ["b"], "name": "Desk"}})
    assert [device.id for device in heard.bridge.devices] == ["homeassistant/desk", "homeassistant/desk_b"]
    assert heard.hears("l/state", {"state": "ON", "brightness": 5}) == {("homeassistant/desk", "lamp"): True}
    assert heard.bridge.set("homeassistant/desk", "lamp", False) == ("l/set", b'{"state": "OFF"}')
    with pytest.raises(InvalidError, match="2 devices are called 'Desk': say which"):
        heard.bridge.set("Desk", "lamp", False)


def test_what_is_announced_anew_or_deleted(house: Heard) -> None:
    topic = "homeassistant/sensor/livingroom/temperature/config"
    house.hears(topic, {**MESSAGES[topic], "stat_t": "elsewhere"})
    assert house.hears("elsewhere", "5") == {("homeassistant/living_room", "temperature"): 5}
    assert "livingroom/sensor/temperature/state" not in house.bridge.filters
    house.hears(topic, b"")
    house.hears("homeassistant/switch/livingroom/relay/config", b"")
    assert "homeassistant/living_room" not in [device.id for device in house.bridge.devices]
    assert not {"elsewhere", "livingroom/status"} & house.bridge.filters


def test_what_is_read_elsewhere_or_is_our_own_is_not_read_twice() -> None:
    heard = Heard()
    for origin in ("Zigbee2MQTT", "Ganglion"):
        config = {"stat_t": "x", "name": "x", "dev": {"ids": "x"}, "o": {"name": origin}}
        heard.hears("homeassistant/sensor/x/x/config", config)
    assert heard.bridge.devices == []


@pytest.mark.parametrize(
    ("device", "channel", "value", "error"),
    [
        ("bulb", "brightness", 255, InvalidError),
        ("bulb", "brightness", "much", InvalidError),
        ("bulb", "brightness", math.nan, InvalidError),
        ("bulb", "brightness", True, InvalidError),
        ("bulb", "state", "perhaps", InvalidError),
        ("bulb", "effect", "explode", InvalidError),
        ("bulb", "color.x", 0.5, RefusedError),
        ("front_door", "contact", True, RefusedError),
        ("bulb", "colour", 1, NotFoundError),
        ("lava", "state", 1, NotFoundError),
    ],
)
def test_what_cannot_be_set(house: Heard, device: str, channel: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        house.bridge.set(device, channel, value)
