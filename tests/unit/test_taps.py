# SPDX-License-Identifier: GPL-3.0-or-later
"""taps: a watcher far away gets the events it asked for, is told what it missed, and is forgotten when it goes."""

import asyncio

import pytest

from ganglion.bus import BACKENDS, Bus
from ganglion.errors import InvalidError, RefusedError
from ganglion.node.taps import BYTES, CAPACITY, FORGOTTEN, LONGEST, MOST, Taps


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=BACKENDS)
def bus(request) -> Bus:
    return Bus(backend=request.param)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def taps(bus: Bus, time: Time) -> Taps:
    return Taps(bus, time)


async def test_what_was_asked_for_comes_once_and_in_order(bus, taps):
    ask = {"id": "a", "topic": "sensor/#", "where": {"value": {"$gt": 8}}}
    assert await taps.watch(ask, None) == {"events": [], "dropped": 0}
    for topic, value in (("sensor/x", 9), ("other", 9), ("sensor/x", 8), ("sensor/y", {"a": [1]}), ("sensor/y", 10)):
        bus.emit(topic, value, timestamp=7, source="s")
    first = {"topic": "sensor/x", "value": 9, "timestamp": 7, "source": "s", "priority": 1}
    answer = await taps.watch(ask, None)
    assert answer == {"events": [first, first | {"topic": "sensor/y", "value": 10}], "dropped": 0}
    assert (await taps.watch(ask, None))["events"] == []


async def test_a_type_is_a_filter_too(bus, taps):
    bus.topic("sensor/t", type="signal.input.external.environment.temperature")
    bus.topic("sensor/cpu", type="signal.input.system.resource.cpu")
    ask = {"id": "a", "type": "signal.input.external.*"}
    await taps.watch(ask, None)
    bus.emit("sensor/cpu", 1, timestamp=1)
    bus.emit("sensor/t", 2, timestamp=1)
    assert [event["value"] for event in (await taps.watch(ask, None))["events"]] == [2]


async def test_a_request_waits_for_an_event(bus, taps):
    asking = asyncio.create_task(taps.watch({"id": "a", "wait": LONGEST}, None))
    await asyncio.sleep(0)
    bus.emit("x", 1, timestamp=1)
    assert [event["value"] for event in (await asking)["events"]] == [1]


async def test_what_it_missed_is_counted_once(bus, taps):
    ask = {"id": "a"}
    await taps.watch(ask, None)
    for i in range(CAPACITY + 3):
        bus.emit("x", i, timestamp=i)
    events, answer = [], await taps.watch(ask, None)
    assert answer["dropped"] == 3
    while answer["events"]:
        events += answer["events"]
        answer = await taps.watch(ask, None)
        assert answer["dropped"] == 0
    assert [event["value"] for event in events] == list(range(3, CAPACITY + 3))


async def test_an_answer_is_no_larger_than_the_mesh_takes(bus, taps):
    ask = {"id": "a"}
    await taps.watch(ask, None)
    bus.emit("large", "x" * (BYTES // 2), timestamp=1)
    bus.emit("large", "y" * (BYTES // 2), timestamp=2)
    bus.emit("huge", "z" * BYTES, timestamp=3)
    bus.emit("odd", object(), timestamp=4)
    first, second = await taps.watch(ask, None), await taps.watch(ask, None)
    assert [event["value"][0] for event in first["events"]] == ["x"]
    shown = ["y" * (BYTES // 2), "(str, too large to be shown)", "(object, cannot be shown)"]
    assert [event["value"] for event in second["events"]] == shown


async def test_who_stops_asking_is_forgotten(bus, taps, time):
    for i in range(MOST):
        await taps.watch({"id": f"{i}"}, None)
    with pytest.raises(RefusedError, match="8 watch this node's bus already"):
        await taps.watch({"id": "one more"}, None)
    time.now = FORGOTTEN
    await taps.watch({"id": "0"}, None)
    time.now += FORGOTTEN
    await taps.watch({"id": "one more"}, None)
    assert len(bus.subscriptions()) == 2
    assert await taps.watch({"id": "one more", "end": True}, None) == {"events": [], "dropped": 0}
    assert await taps.watch({"id": "never seen", "end": True}, None) == {"events": [], "dropped": 0}
    assert len(bus.subscriptions()) == 1


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "id: must be a text"),
        ({"id": "x" * 65}, "id: must be a text"),
        ({"id": "a", "wait": "1"}, "wait: must be seconds"),
        ({"id": "a", "topic": 1}, "topic and type must be texts"),
        ({"id": "a", "topic": "a/#/b"}, "is not a topic filter"),
        ({"id": "a", "type": "signal..x"}, "signal..x"),
        ({"id": "a", "where": {"valu": 1}}, 'did you mean "value"'),
    ],
)
async def test_what_makes_no_sense_is_refused_and_leaves_nothing(bus, taps, params, says):
    with pytest.raises(InvalidError, match=says):
        await taps.watch(params, None)
    assert bus.subscriptions() == []
