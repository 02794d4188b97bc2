# SPDX-License-Identifier: GPL-3.0-or-later
"""What analytics have learnt is there after a restart, from what the node has kept of their input; else not."""

import asyncio
import contextlib
import math
from contextlib import asynccontextmanager

import pytest

from ganglion.analytics.analyser import Analyser
from ganglion.bus import Bus
from ganglion.history import History
from ganglion.sensors import Sensors, build
from ganglion.sensors.schedule import Health
from support.waiting import until

S = 1_000_000_000
BEGIN = 1_790_000_000 * S
TOPIC = "from/attic/t"
MANY = 200


class Clock:
    ns = BEGIN

    def now(self):
        return self.ns


def value(i):
    return 20 + math.sin(2 * math.pi * i / 12) + 0.01 * (i * i % 7)


@asynccontextmanager
async def site(folder, clock, topics, **keys):
    """A node's bus with analytics of one topic, and its history: sensors, bus, and what the sensor has said."""
    bus = Bus()
    history = History(bus, folder, topics=topics, limit=1 << 20, age=86400 * S, sync=3600 * S, now=clock.now)
    sensors = Sensors(bus, clock, past=history.replay)
    sensors.add(build("odd", {"kind": "analytics", "input": TOPIC, "unit": "Cel", **keys}))
    said = []
    bus.subscribe("sensor/odd/#", lambda event: said.append((event.topic.rpartition("/")[2], event.value)))
    tasks = [asyncio.create_task(history.run()), asyncio.create_task(sensors.run())]
    try:
        await until(lambda: heard(bus, clock, sensors), what="it hears its input")
        yield sensors, bus, said
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def heard(bus, clock, sensors):
    """Whether it hears: it says what it lacks, which it knows once it has recalled."""
    (status, *_) = sensors.status()
    return status.health is Health.STARTING and "warming up" in status.error


async def feed(bus, clock, steps):
    for i in steps:
        clock.ns = BEGIN + i * S
        bus.emit(TOPIC, value(i), timestamp=clock.ns)
    await asyncio.sleep(0)


@pytest.mark.parametrize("keys", [{}, {"every": "1s", "season": "12s"}], ids=["baseline", "season"])
async def test_a_sensor_goes_on_as_if_the_node_had_not_been_restarted(tmp_path, keys):
    clock = Clock()
    whole = build("odd", {"kind": "analytics", "input": TOPIC, "unit": "Cel", **keys}).source
    analyser = Analyser(whole._section.terms)
    expected = [finding for i in range(MANY + 5) for finding in analyser.take(BEGIN + i * S, value(i))]
    async with site(tmp_path, clock, ["from/#"], **keys) as (_, bus, _said):
        await feed(bus, clock, range(MANY))
    async with site(tmp_path, clock, ["from/#"], **keys) as (sensors, bus, said):
        (status, *_) = sensors.status()
        assert status.error == "warming up: 1 more step until it can say anything"
        assert said == []  # what was said before is not said again
        await feed(bus, clock, range(MANY, MANY + 5))
        scores = [value for channel, value in said if channel == "zscore"]
        assert scores == pytest.approx([each.zscore for each in expected][-len(scores) :], abs=1e-12)
        assert len(scores) >= 4
        if keys:
            forecasts = [value for channel, value in said if channel == "forecast"]
            assert forecasts == pytest.approx([each.forecast for each in expected][-len(forecasts) :], abs=1e-12)


async def test_a_topic_that_is_not_kept_is_learnt_anew(tmp_path):
    clock = Clock()
    for _ in range(2):
        async with site(tmp_path, clock, ["sensor/#"]) as (sensors, bus, said):
            (status, *_) = sensors.status()
            assert status.error == "warming up: 30 more steps until it can say anything"
            await feed(bus, clock, range(10))
            assert said == []


async def test_a_history_that_cannot_be_read_is_said_and_the_sensor_learns_anew(tmp_path, caplog):
    async def broken(topic, take):
        raise OSError("Input/output error")

    sensors = Sensors(Bus(), Clock(), past=broken)
    sensors.add(build("odd", {"kind": "analytics", "input": TOPIC}))
    life = asyncio.create_task(sensors.run())
    await until(lambda: "30 more steps" in sensors.status()[0].error)
    assert "sensor odd learns anew, for the history cannot be read: Input/output error" in caplog.text
    life.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await life
