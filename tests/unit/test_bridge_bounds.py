# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialects of third parties, on messages that nobody should send; and what they are taken apart with."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bridge import Reading
from ganglion.bridge.announced import expanded
from ganglion.bridge.device import MAX_CHANNELS, MAX_DEVICES
from ganglion.bridge.template import pick, steps
from ganglion.bridge.units import theirs, ucum
from ganglion.errors import InvalidError, RefusedError
from ganglion_micro.topic import is_filter, is_name
from support.bridge import DATA, LISTED, MESSAGES, Heard, announced


@pytest.fixture
def house() -> Heard:
    return announced()


def test_what_cannot_be_read_is_said_once(house: Heard) -> None:
    for _ in range(3):
        assert house.hears("zigbee2mqtt/bulb", b"\xff{") == {}
        house.hears("zigbee2mqtt/bridge/devices", b"[" * 100_000)
        house.hears("tasmota/discovery/x/config", {"t": "a/+/b", "ft": "%prefix%/%topic%/", "tp": ["a", "b", "c"]})
        house.hears("homeassistant/sensor/x/config", b"not json")
    assert len(house.complaints) == 4
    assert house.bridge.unreadable == 12
    assert all("\n" not in said and len(said) < 400 for said in house.complaints)
    assert house.device("zigbee2mqtt/bulb"), "what was known stays known"


def test_names_that_no_topic_has_are_no_devices() -> None:
    heard = Heard()
    definition = {"exposes": [{"type": "numeric", "property": "p", "access": 1}]}
    names = ["a/+", "#", "", "x" * 101, "bell\x07", "\ud800", 5, None, "bridge/config", "good"]
    heard.hears(
        "zigbee2mqtt/bridge/devices", json.dumps([{"friendly_name": name, "definition": definition} for name in names])
    )
    assert [device.name for device in heard.bridge.devices] == ["good"]
    assert heard.complaints == [
        "what came on 'zigbee2mqtt/bridge/devices' cannot be read: 9 devices of the list cannot be read"
    ]


def test_more_than_a_house_has_is_not_taken() -> None:
    heard = Heard()
    exposes = [{"type": "numeric", "property": f"p{i}", "access": 1} for i in range(MAX_CHANNELS + 5)]
    many = [
        {"friendly_name": f"d{i}", "definition": {"exposes": exposes[: 1 if i else None]}}
        for i in range(MAX_DEVICES + 5)
    ]
    heard.hears("zigbee2mqtt/bridge/devices", many)
    assert len(heard.bridge.devices) == MAX_DEVICES
    assert len(heard.device("zigbee2mqtt/d0").channels) == MAX_CHANNELS
    heard.hears("tele/x/SENSOR", {f"f{i}": i for i in range(MAX_CHANNELS + 5)})
    assert len(heard.device("tasmota/x").channels) == MAX_CHANNELS


#: Words that messages have, so that some of what is made up is looked at more closely.
KEYS = re.findall(r'"([^"]{1,20})":', (DATA / "messages.json").read_text() + LISTED.decode())

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["ON", "~/x", "a/b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=4),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)
TOPICS = st.sampled_from([*MESSAGES, "zigbee2mqtt/bridge/devices", "homeassistant/config", "a/b", "x"]) | st.text(
    max_size=20
)


@given(st.lists(st.tuples(TOPICS, JSON.map(json.dumps).map(str.encode) | st.binary(max_size=20)), max_size=8))
def test_nothing_that_comes_does_harm(messages: list[tuple[str, bytes]]) -> None:
    heard = Heard()
    heard.bridge.take("zigbee2mqtt/bridge/devices", LISTED)
    for topic, payload in messages:
        for reading in heard.bridge.take(topic, payload):
            assert isinstance(reading, Reading)
            assert not isinstance(reading.value, float) or math.isfinite(reading.value)
            assert is_name(f"bridge/{reading.device}/{reading.channel}")
            json.dumps(reading).encode()
        assert all(is_filter(filter) for filter in heard.bridge.filters)
    for device in heard.bridge.devices:
        json.dumps(device.document(), allow_nan=False).encode()
        for name, channel in device.channels.items():
            for value in (True, 50, "x"):
                try:
                    topic, _ = heard.bridge.set(device.id, name, value)
                except (InvalidError, RefusedError):
                    continue
                assert channel.settable
                assert is_name(topic)
    for topic in MESSAGES:
        heard.bridge.take(topic, b"")


@pytest.mark.parametrize(
    ("template", "way"),
    [
        ("{{ value }}", ()),
        ("{{value_json.a.b}}", ("a", "b")),
        ("{{ value_json['a b'][0] | round(1) | float }}", ("a b", 0)),
        ("{{- value_json.a -}}", ("a",)),
        ("{{ value_json.a + 1 }}", None),
        ("{% if value %}1{% endif %}", None),
        ("{{ value_json.a | regex_replace('x') }}", None),
        ("{{ value.a }}", None),
        ("{{ value_json" + ".a" * 1000 + " }}", None),
        ("", None),
    ],
)
def test_templates_that_only_pick(template: str, way: tuple[str | int, ...] | None) -> None:
    assert steps(template) == way


def test_picking() -> None:
    assert pick({"a": [{"b": 5}]}, ("a", 0, "b")) == 5
    assert pick({"a": []}, ("a", 0)) is None
    assert pick(5, ("a",)) is None


def test_discovery_is_written_out() -> None:
    config = {
        "~": "base",
        "stat_t": "~/s",
        "cmd_t": "c/~",
        "avty": [{"t": "~/a"}],
        "dev": {"ids": "x"},
        "o": {"sw": "1"},
    }
    assert expanded(config) == {
        "state_topic": "base/s",
        "command_topic": "c/base",
        "availability": [{"topic": "base/a"}],
        "device": {"identifiers": "x"},
        "origin": {"sw_version": "1"},
    }


def test_units_are_one_to_one() -> None:
    for unit in ("°C", "kWh", "µg/m³", "%", "lx"):
        assert theirs(ucum(unit)) == unit
    assert (ucum("lqi"), ucum(""), theirs("lqi")) == ("lqi", "1", None)
