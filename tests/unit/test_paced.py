# SPDX-License-Identifier: GPL-3.0-or-later
"""Sensors that are read a thousand times a second: every sample arrives, once and in order, whatever the loop does."""

import asyncio
import time
from collections.abc import Callable, Mapping

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.sensors import Sensor, Sensors
from ganglion.sensors.channel import Bounds
from ganglion.sensors.paced import Paced, Sample
from ganglion.sensors.schedule import Health
from ganglion.sensors.source import Source, Value
from ganglion.units import MILLISECOND
from support.waiting import until


class Time:
    """A clock that goes on when somebody sleeps, or is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def rows(clock: Time, take: Callable[[], None] = lambda: None) -> tuple[Paced, list[int]]:
    at: list[int] = []

    def sample() -> Sample:
        take()
        at.append(clock.now)
        return Sample({"x": len(at)}, clock.now, clock.now)

    return Paced(sample, every=MILLISECOND, monotonic=lambda: clock.now), at


def test_each_sample_is_taken_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    paced, at = rows(clock)
    assert [len(paced.row()) for _ in range(2)] == [20, 20]
    assert at == [each * MILLISECOND for each in range(40)]
    assert paced.missed == 0


def test_what_is_late_by_less_than_a_period_is_not_missed_and_more_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    paced, at = rows(clock)
    paced.row()
    clock.now += 900_000
    paced.row()
    assert paced.missed == 0
    clock.now += 5_500_000  # from 39 ms: the next is due at 40, and read at 44.5
    paced.row()
    assert at[40:43] == [44_500_000, 44_500_000, 45_000_000]
    assert paced.missed == 3  # those of 41, 42 and 43


def test_what_was_read_before_a_failure_is_handed_over_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = Time(monkeypatch), iter(range(100))

    def third_fails() -> None:
        if next(calls) == 2:
            raise OSError("the bus is stuck")

    paced, _ = rows(clock, third_fails)
    assert len(paced.row()) == 2
    for _ in range(3):  # the rows behind it do not ask again
        with pytest.raises(OSError, match="stuck"):
            paced.row()
    assert next(calls) == 3


def test_a_failure_of_the_first_sample_is_that_of_the_rows_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))

    def fails() -> None:
        raise OSError(f"{next(calls)}")

    paced, _ = rows(Time(monkeypatch), fails)
    for _ in range(3):
        with pytest.raises(OSError, match="0"):
            paced.row()


def test_a_row_of_slow_samples_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    paced, _ = rows(clock, lambda: clock.sleep(0.015))
    assert [len(paced.row()) for _ in range(3)] == [2, 2, 2]


def test_once_ended_nothing_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    paced, at = rows(Time(monkeypatch))
    paced.end()
    assert paced.row() == []
    assert at == []


class Counter(Source):
    """Reads how often it was read; fails when it is told."""

    channels: Mapping[str, str] = {"count": "1"}
    every = MILLISECOND

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    def sample(self) -> Mapping[str, Value]:
        if self.fails:
            raise OSError("gone")
        self.count += 1
        return {"count": self.count}


async def test_a_busy_loop_loses_no_sample_and_a_failure_is_waited_out() -> None:
    bus, source, heard = Bus(), Counter(), list[float]()
    bus.subscribe("sensor/fast/count", lambda event: heard.append(event.value))
    sensors = Sensors(bus, Clock())
    sensors.add(Sensor(name="fast", kind="test", source=source, calibration={}))
    life = asyncio.create_task(sensors.run())
    for _ in range(5):
        await until(lambda: len(heard) % 50 > 25 or len(heard) > 200, what="samples")
        time.sleep(0.03)  # noqa: ASYNC251 - a script, or anybody else, who does not let the loop go on
    await until(lambda: len(heard) > 200, what="samples")
    assert heard == list(range(1, len(heard) + 1))
    source.fails = True
    await until(lambda: sensors.status()[0].health is Health.FAILING, what="it is marked")
    assert heard == list(range(1, source.count + 1)), "what was read before is there"
    source.fails = False
    await until(lambda: sensors.status()[0].health is Health.OK, what="it is read again")
    assert await sensors.read("fast.count") in heard
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    count = source.count
    await asyncio.sleep(0.02)
    assert source.count == count, "nothing is read after the end"


async def test_of_a_fast_sensor_as_many_samples_are_events_as_are_allowed() -> None:
    bus, at = Bus(), list[int]()
    bus.subscribe("sensor/fast/count", lambda event: at.append(event.timestamp))
    sensors = Sensors(bus, Clock())
    bounds = {"count": Bounds(max_rate_hz=200)}
    sensors.add(Sensor(name="fast", kind="test", source=Counter(), calibration={}, bounds=bounds))
    life = asyncio.create_task(sensors.run())
    await until(lambda: len(at) > 40, what="events")
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    source = sensors.status()[0]
    assert source.withheld < 8 * len(at), "some 4 of 5, and not all but one of 20"
