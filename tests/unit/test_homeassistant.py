# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as Home Assistant is told of it: held to what its documentation asks, with hostile births too."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mqtt.packet import MAX_PACKET
from ganglion_gateway.fleet import Latest, Node
from ganglion_gateway.homeassistant import fleet_view
from ganglion_gateway.homeassistant.components import components
from ganglion_gateway.homeassistant.fleet_view import STATUS, Command, FleetView, Retained
from ganglion_micro.topic import is_name, matches
from support.discovery_rules import checked

CAPS = {
    "sensors": {
        "fridge.temperature": {"unit": "Cel", "kind": "bme280"},
        "fridge.humidity": {"unit": "%", "kind": "bme280"},
        "meter.total": {"unit": "kW.h", "kind": "replay"},
        "door.open": {"unit": "", "kind": "gpio"},
        "plain.count": {"unit": "1", "kind": "replay"},
    },
    "actuators": {
        "buzzer": {"risk": "low", "values": [False, True]},
        "fan": {"risk": "low", "low": 0, "high": 100},
        "mode": {"risk": "low", "values": ["eco", "fast"]},
        "heater": {"risk": "confirm", "values": [False, True]},
        "valve": {"risk": "never", "low": 0.0, "high": 1.0},
    },
}
BASE = "ganglion/mesh1/abc"
CONFIG = "homeassistant/device/ganglion_mesh1_abc/config"


def node(**changes: Any) -> Node:
    known: dict[str, Any] = {"id": "abc", "name": "fridge", "board": "rpi", "sw": "ganglion/1", "caps": CAPS}
    return Node(**{**known, "online": True, **changes})


def view() -> FleetView:
    return FleetView("mesh1", "1.0")


def said(retained: list[Retained]) -> dict[str, Any]:
    return {topic.removeprefix(f"{BASE}/"): payload.decode() for topic, payload in retained}


def test_a_node_is_announced_by_one_message() -> None:
    announced = dict(view().look([node()]))
    config = checked(CONFIG, announced[CONFIG])
    assert config["device"]["name"] == "fridge"
    parts = config["components"]
    temperature = parts["sensor_fridge.temperature"]
    assert (temperature["device_class"], temperature["unit_of_measurement"]) == ("temperature", "°C")
    assert temperature["state_topic"] == f"{BASE}/sensor/fridge/temperature"
    assert parts["sensor_fridge.humidity"]["device_class"] == "humidity"
    assert parts["sensor_meter.total"]["state_class"] == "total_increasing"
    assert parts["sensor_door.open"]["platform"] == "binary_sensor"
    platforms = {name: parts[f"actuator_{name}"]["platform"] for name in CAPS["actuators"]}
    assert platforms == {
        "buzzer": "switch",
        "fan": "number",
        "mode": "select",
        "heater": "binary_sensor",
        "valve": "sensor",
    }
    commanded = {key for key, part in parts.items() if "command_topic" in part}
    assert commanded == {"actuator_buzzer", "actuator_fan", "actuator_mode"}, "what needs consent is only shown"
    assert (announced["ganglion/mesh1/availability"], announced[f"{BASE}/availability"]) == (b"online", b"online")
    assert [each["topic"] for each in config["availability"]] == ["ganglion/mesh1/availability", f"{BASE}/availability"]
    assert len(announced) == 3, "no state before there is one"


def test_actuators_of_leaves_are_parts_of_their_parent_and_commanded_by_way_of_it() -> None:
    fan, valve = {"risk": "low", "low": 0, "high": 100}, {"risk": "never", "values": [False, True]}
    said = {"online": True, "actuators": {"fan": fan, "valve": valve, "a/b": fan, "odd": 7}}
    barn = node(caps={"leaves": {"garden": said, "no/level": said}})
    barn.sensors["leaf.garden.actuator.fan"] = Latest(30.0, 9)
    home = view()
    announced = dict(home.look([barn]))
    parts = checked(CONFIG, announced[CONFIG])["components"]
    assert {key: part["platform"] for key, part in parts.items()} == {
        "actuator_leaf.garden.fan": "number",
        "actuator_leaf.garden.valve": "binary_sensor",
    }
    topic = f"{BASE}/actuator/leaf/garden/fan"
    assert announced[topic] == b"30"
    assert parts["actuator_leaf.garden.fan"]["command_topic"] == f"{topic}/set"
    assert any(matches(each, f"{topic}/set") for each in home.filters)
    command = home.take(f"{topic}/set", b"40", retained=False)
    assert command == Command("abc", "fan", 40, "garden")
    home.correct(command)
    assert dict(home.look([barn]))[topic] == b"30", "who switched it sees what it has come to"
    with pytest.raises(ValueError, match="no actuator that may be commanded"):
        home.take(f"{BASE}/actuator/leaf/garden/valve/set", b"ON", retained=False)


def test_only_what_changed_is_said_again() -> None:
    home, one = view(), node()
    home.look([one])
    assert home.look([one]) == []
    one.sensors = {
        "fridge.temperature": Latest(4.0, 1),
        "fridge.humidity": Latest(float("nan"), 1),
        "door.open": Latest(1.0, 1),
        "actuator.buzzer": Latest(0.0, 1),
        "actuator.mode": Latest("eco", 1),
        "mqtt:zigbee2mqtt.door.contact": Latest(1.0, 1),
        "plain.count": Latest({"a": 1}, 1),
    }
    one.changed += 1
    assert said(home.look([one])) == {
        "sensor/fridge/temperature": "4",
        "sensor/door/open": "ON",
        "actuator/buzzer": "OFF",
        "actuator/mode": "eco",
    }, "third parties announce themselves; what is no number is none"
    one.sensors["fridge.temperature"].value = 4.25
    one.online = False
    one.changed += 1
    assert said(home.look([one])) == {"sensor/fridge/temperature": "4.25", "availability": "offline"}
    assert home.take(STATUS, b"offline", retained=False) is None
    assert home.look([one]) == []
    assert home.take(STATUS, b"online", retained=False) is None
    assert len(home.look([one])) == 7, "Home Assistant started: it hears all of it again"


def test_a_node_that_is_revoked_is_deleted_with_all_it_said() -> None:
    home, one = view(), node(sensors={"door.open": Latest(0.0, 1)})
    before = {topic for topic, _ in home.look([one])} - {"ganglion/mesh1/availability"}
    one.revoked = 5
    gone = home.look([one])
    assert {topic for topic, _ in gone} == before
    assert all(payload == b"" for _, payload in gone)
    assert home.look([one]) == []


def test_what_was_announced_before_this_start_and_is_no_node_any_more_is_deleted() -> None:
    earlier = view()
    kept = earlier.look([node(), node(id="old", name="old")])
    other = FleetView("mesh2", "1").look([node()])
    home = view()
    for topic, payload in (*kept, *other, Retained("homeassistant/device/x/config", b"{}")):
        if any(matches(filter, topic) for filter in home.filters):
            home.take(topic, payload, retained=True)
    home.take("homeassistant/device/ganglion_mesh1_odd/config", b"[no", retained=True)
    gone = [topic for topic, payload in home.look([node()]) if not payload]
    assert "homeassistant/device/ganglion_mesh1_old/config" in gone
    assert "ganglion/mesh1/old/sensor/door/open" in gone
    assert "homeassistant/device/ganglion_mesh1_odd/config" in gone
    assert not [topic for topic in gone if "mesh2" in topic or "_abc" in topic or topic.endswith("/x/config")]


def test_another_key_is_no_other_device() -> None:
    home, one = view(), node()
    (config,) = (payload for topic, payload in home.look([one]) if topic == CONFIG)
    one.id, one.former = "def", ["abc"]
    one.changed += 1
    (changed,) = home.look([one])
    assert changed.topic == CONFIG
    parts = [json.loads(each)["cmps"] for each in (config, changed.payload)]
    assert parts[0] == parts[1]
    assert home.take(f"{BASE}/actuator/buzzer/set", b"ON", retained=False) == Command("def", "buzzer", True)


def test_what_a_node_has_no_more_is_removed() -> None:
    home, one = view(), node(sensors={"door.open": Latest(0.0, 1)})
    home.look([one])
    one.caps = {**CAPS, "sensors": {"door.shut": {"unit": ""}}}
    one.changed += 1
    news = dict(home.look([one]))
    assert news[f"{BASE}/sensor/door/open"] == b""
    parts = checked(CONFIG, news[CONFIG])["components"]
    assert parts["sensor_door.open"] == {"platform": "binary_sensor"}
    assert "unique_id" in parts["sensor_door.shut"]
    one.caps = {}
    one.changed += 1
    assert dict(home.look([one]))[CONFIG] == b"", "who has nothing to show is no device"


def test_what_is_for_a_group_alone_is_left_out_and_what_was_said_of_it_before_is_deleted() -> None:
    home, one = view(), node(sensors={"door.open": Latest(0.0, 1), "actuator.buzzer": Latest(0.0, 1)})
    assert said(home.look([one]))["sensor/door/open"] == "OFF"
    one.sensors = {each: Latest(1.0, 2, "", "hall") for each in ("door.open", "actuator.buzzer", "plain.count")}
    one.changed += 1
    news = home.look([one])
    deleted = {topic for topic, payload in news if not payload}
    assert deleted >= {f"{BASE}/sensor/door/open", f"{BASE}/actuator/buzzer"}
    (config,) = (json.loads(payload) for topic, payload in news if topic == CONFIG)
    assert config["cmps"]["sensor_door.open"] == {"p": "binary_sensor"}, "it is removed"
    assert {topic for topic, payload in news if payload} == {CONFIG}
    assert home.look([one]) == []
    with pytest.raises(ValueError, match="no actuator that may be commanded"):
        home.take(f"{BASE}/actuator/buzzer/set", b"ON", retained=False)
    one.sensors["door.open"] = Latest(0.0, 3)
    one.changed += 1
    assert said(home.look([one]))["sensor/door/open"] == "OFF", "it is for everyone again"


def test_the_values_of_a_group_that_the_operator_names_are_said() -> None:
    one = node(sensors={"door.open": Latest(1.0, 1, "", "hall"), "plain.count": Latest(3.0, 1, "", "attic")})
    told = said(FleetView("mesh1", "1.0", groups=["hall"]).look([one]))
    assert told["sensor/door/open"] == "ON"
    assert "sensor/plain/count" not in told


def test_what_may_be_confidential_is_not_said_before_it_is_heard_again() -> None:
    home, one = view(), node(sensors={"door.open": Latest(1.0, 1, "", None)})
    first = dict(home.look([one]))
    assert "sensor_door.open" in json.loads(first[CONFIG])["cmps"]
    assert f"{BASE}/sensor/door/open" not in first
    one.sensors["door.open"] = Latest(1.0, 2)
    one.changed += 1
    assert said(home.look([one])) == {"sensor/door/open": "ON"}


def test_what_the_broker_keeps_of_a_value_that_is_confidential_by_now_is_deleted() -> None:
    kept = view().look([node(sensors={"door.open": Latest(1.0, 1), "fridge.temperature": Latest(4.0, 1)})])
    home = view()
    for topic, payload in kept:
        if any(matches(filter, topic) for filter in home.filters):
            home.take(topic, payload, retained=True)
    now = node(sensors={"door.open": Latest(1.0, 2, "", "hall"), "fridge.temperature": Latest(4.0, 1)})
    gone = [topic for topic, payload in home.look([now]) if not payload]
    assert gone == [f"{BASE}/sensor/door/open"]


@pytest.mark.parametrize(
    ("topic", "payload", "value"),
    [
        ("buzzer", b"ON", True),
        ("buzzer", b"OFF", False),
        ("fan", b"40", 40),
        ("fan", b"40.5", 40.5),
        ("mode", b"fast", "fast"),
    ],
)
def test_commands(topic: str, payload: bytes, value: Any) -> None:
    home = view()
    home.look([node()])
    command = home.take(f"{BASE}/actuator/{topic}/set", payload, retained=False)
    assert command == Command("abc", topic, value)
    assert command is not None
    assert type(command.value) is type(value)


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        (f"{BASE}/actuator/buzzer/set", b"on", "no value"),
        (f"{BASE}/actuator/fan/set", b"101", "no value"),
        (f"{BASE}/actuator/fan/set", b"nan", "no value"),
        (f"{BASE}/actuator/fan/set", b"\xff", "no value"),
        (f"{BASE}/actuator/mode/set", b"slow", "no value"),
        (f"{BASE}/actuator/heater/set", b"ON", "no actuator"),
        (f"{BASE}/actuator/lava/set", b"ON", "no actuator"),
        ("ganglion/mesh1/nobody/actuator/buzzer/set", b"ON", "no actuator"),
    ],
)
def test_commands_that_are_none(topic: str, payload: bytes, why: str) -> None:
    home = view()
    home.look([node()])
    with pytest.raises(ValueError, match=why):
        home.take(topic, payload, retained=False)


def test_a_command_that_the_broker_kept_is_not_obeyed() -> None:
    home = view()
    home.look([node()])
    with pytest.raises(ValueError, match="without retain"):
        home.take(f"{BASE}/actuator/buzzer/set", b"ON", retained=True)


def test_who_commanded_is_told_the_state_again() -> None:
    home, one = view(), node(sensors={"actuator.buzzer": Latest(0.0, 1), "actuator.mode": Latest("eco", 1)})
    home.look([one])
    home.correct(Command("abc", "buzzer", True))
    assert said(home.look([one])) == {"actuator/buzzer": "OFF"}


CAPABILITIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["Cel", "low", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sensors", "actuators", "unit", "risk", "low", "high", "values", "a.b", "a b", "x/+/#"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.fixed_dictionaries({"sensors": CAPABILITIES, "actuators": CAPABILITIES}), st.text(max_size=20), CAPABILITIES)
def test_whatever_a_node_says_of_itself_the_rules_are_kept(caps: dict[str, Any], name: str, value: Any) -> None:
    one = node(caps=caps, name=name, board=name, sw=name)
    one.sensors = {part.stream: Latest(value, 1) for part in components(one)}
    for topic, payload in view().look([one]):
        assert is_name(topic)
        payload.decode()
        if topic == CONFIG:
            checked(topic, payload)


def test_an_announcement_is_one_message_that_brokers_take() -> None:
    sensors = {f"{'é' * 90}.{i}": {"unit": "Cel"} for i in range(1000)}
    actuators = {f"a{i}": {"risk": "low", "values": ["x" * 250] * 150} for i in range(100)}
    for caps in ({"sensors": sensors}, {"actuators": actuators}):
        announced = dict(view().look([node(caps=caps)]))
        assert 0 < len(announced[CONFIG]) < MAX_PACKET
        assert checked(CONFIG, announced[CONFIG])["components"]


def test_names_that_look_alike_stay_apart() -> None:
    sensors = {name: {"unit": "Cel"} for name in ("a.b", "a/b", "a b", "a_b", "a-b", "é", "è")}
    config = checked(CONFIG, dict(view().look([node(caps={"sensors": sensors})]))[CONFIG])
    assert len(config["components"]) == len(sensors)
    assert len({part["state_topic"] for part in config["components"].values()}) == len(sensors)


def test_an_announcement_is_one_message_however_long_its_topics_are() -> None:
    names = [f"{i}." + "é." * 48 for i in range(300)]
    caps = {"actuators": {name: {"risk": "low", "low": 0, "high": 100} for name in names}}
    one = view()
    first = dict(one.look([node(caps=caps)]))[CONFIG]
    assert 60_000 < len(first) <= 128 * 1024
    others = {"actuators": {f"x{name}": {"risk": "low", "low": 0, "high": 100} for name in names}}
    assert len(dict(one.look([node(caps=others, changed=1)]))[CONFIG]) <= MAX_PACKET, (
        "with those that are removed by it"
    )


def test_more_than_a_broker_takes_at_once_is_told_in_several_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = [node(id=f"n{i}", name=f"n{i}") for i in range(20)]
    for each in fleet:
        each.sensors = {"fridge.temperature": Latest(4.5, 1, "Cel", "")}
    whole = dict(view().look(fleet))
    monkeypatch.setattr(fleet_view, "_MOST", 10)
    one, found, looks = view(), {}, 0
    while (now := one.look(fleet)) and looks < 20:
        assert len(now) <= 10 + 5
        found |= dict(now)
        looks += 1
    assert found == whole
    assert looks > 3
    fleet[3].sensors["fridge.temperature"].value = 5.5
    assert one.look(fleet) == [], "it is looked at when it says that it has changed"
    fleet[3].changed += 1
    assert said(one.look(fleet)) == {"ganglion/mesh1/n3/sensor/fridge/temperature": "5.5"}
