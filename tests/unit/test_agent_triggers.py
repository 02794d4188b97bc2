# SPDX-License-Identifier: GPL-3.0-or-later
"""Triggers of scripts on a device fire when those of a node do, which has the native bus to compare for it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.bus import Bus
from ganglion.event import Event
from ganglion.mova import trigger as node
from ganglion.mova.compile_trigger import compiled
from ganglion.mova.lane import Lane
from ganglion.mova.model import Trigger
from ganglion_agent import triggers
from ganglion_micro import plan as p

MS = 1_000_000
#: Milliseconds between two values, and after them.
STEP, AFTER = 500, 20_000
TRIGGERS: list[dict[str, Any]] = [
    {"sensor": "air.temperature"},
    {"sensor": "air.temperature", "above": 5},
    {"sensor": "air.temperature", "below": 5, "hysteresis": 1.5},
    {"sensor": "air.temperature", "between": [3, 6]},
    {"sensor": "air.temperature", "above": 5, "for": "2s"},
    {"sensor": "air.temperature", "above": 5, "for": "1s", "cooldown": "4s", "hysteresis": 1},
    {"sensor": "air.temperature", "equals": 5},
    {"sensor": "air.temperature", "changes": True},
    {"sensor": "air.temperature", "changes": True, "cooldown": "2s"},
    {"sensor": "air.temperature", "rises": 5},
    {"sensor": "air.temperature", "falls": 5, "hysteresis": 1},
    {"sensor": "air.temperature", "rises": 5, "for": "1s"},
    {"sensor": "air.temperature", "above": 5, "window": "2s"},
    {"sensor": "air.temperature", "rises": 5, "window": "2s"},
    {"sensor": "air.temperature", "above": 3, "every": "3s"},
    {"sensor": "air.temperature", "every": "3s"},
    {"sensor": "air.temperature", "cooldown": "3s"},
    {"event": "sensor/+/temperature", "above": 5},
    {"event": "sensor/air/temperature", "equals": "warm"},
    {"event": "sensor/air/temperature", "changes": True},
    {"event": "sensor/#", "above": 5, "for": "1s"},
]
TOPICS = ["sensor/air/temperature", "sensor/soil/temperature"]
VALUES = st.one_of(st.integers(0, 10), st.sampled_from([4.9, 5.0, 5.1, True, "warm", "cold", None]))
FEED = st.lists(st.tuples(st.sampled_from([*TOPICS[:1] * 3, TOPICS[1]]), VALUES), max_size=30)


def plan(raw: dict[str, Any]) -> list[Any]:
    return compiled(Trigger(place=None, raw=raw, id="it", run="main"), 0, reads_payload=False)


def of_a_node(raw: dict[str, Any], feed: list[tuple[str, Any]]) -> list[tuple[int, str, Any]]:
    fired: list[tuple[int, str, Any]] = []
    now = 0
    bus = Bus()
    protocol = ["main", [], -1, 0, 0, 0, 0, 0, None, 0, 1]

    def admit(trigger: node.Trigger, event: Event, payload: Any) -> None:
        fired.append((now, event.topic, payload))

    node.Trigger(plan(raw), Lane(0, protocol), admit).bind(bus, lambda: now)
    for topic, value in feed:
        bus.advance(now)
        bus.emit(topic, value, timestamp=now)
        now += STEP * MS
    for _ in range(AFTER // STEP):
        bus.advance(now)
        now += STEP * MS
    return fired


def of_a_device(raw: dict[str, Any], feed: list[tuple[str, Any]]) -> list[tuple[int, str, Any]]:
    fired: list[tuple[int, str, Any]] = []
    now = 0
    trigger = triggers.Trigger(plan(raw), 0)
    for topic, value in feed:
        fired += [(now, *each) for each in trigger.due(now)]
        fired += [(now, *each) for each in trigger.feed(topic, value, now)]
        now += STEP * MS
    for _ in range(AFTER // STEP):
        fired += [(now, *each) for each in trigger.due(now)]
        now += STEP * MS
    return fired


@pytest.mark.parametrize("raw", TRIGGERS, ids=str)
@given(feed=FEED)
@settings(max_examples=60, deadline=None)
def test_a_device_fires_when_a_node_does(raw: dict[str, Any], feed: list[tuple[str, Any]]) -> None:
    assert of_a_device(raw, feed) == of_a_node(raw, feed)


def test_ticks_are_counted_from_the_load_and_those_that_were_missed_are_one() -> None:
    ticker = triggers.Trigger(plan({"every": "2s"}), 0)
    fired = [second for second in (1, 2, 3, 4, 11, 12, 14) if ticker.due(second * 1000 * MS)]
    assert fired == [2, 4, 11, 12, 14]


def test_a_start_fires_once() -> None:
    starter = triggers.Trigger(plan({"start": True}), 5)
    assert [len(starter.due(now)) for now in (4, 5, 6)] == [0, 1, 0]


def test_what_a_payload_has_had_fires_no_more() -> None:
    trigger = triggers.Trigger(plan({"event": "order", "dedupe": "id"}), 0)
    values = [{"id": 1}, {"id": 1}, {"id": 2}, {}, {}]
    assert [bool(trigger.feed("order", value, 0)) for value in values] == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"sensor": "soil.moisture", "above": 3}, "which is no sensor here; known are air.temperature"),
        ({"mqtt": "zigbee/door"}, "is for plain MQTT, which a leaf has not"),
        ({"cron": "0 6 * * *", "timezone": "Europe/Kyiv"}, "the trigger it is in Europe/Kyiv, and a leaf knows no"),
        ({"at": "06:00", "missed": "run_once"}, "the trigger it is to be made up for, and a leaf does not remember"),
        ({"cron": "0 6 L * *"}, "the trigger it is 0 6 L * *, which a leaf cannot read: write numbers"),
        ({"at": "2026-05-01T06:00:00.5"}, "the trigger it is 2026-05-01T06:00:00.5, which a leaf cannot read"),
    ],
)
def test_what_a_device_has_not_is_said(raw: dict[str, Any], words: str) -> None:
    assert words in triggers.unfit(plan(raw), {"air.temperature": "Cel"})
    assert triggers.unfit(plan({"sensor": "air.temperature"}), {"air.temperature": "Cel"}) == ""
    assert plan(raw)[p.TRIGGER_ID] == "it"
