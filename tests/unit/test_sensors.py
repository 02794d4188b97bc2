# SPDX-License-Identifier: GPL-3.0-or-later
"""sensors: schedules, health, the registry; sources that fail, hang and come back, on real threads."""

import asyncio
import contextlib
import gc
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.clock import Clock
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.sensors import Sensor, Sensors, build
from ganglion.sensors import running as running_
from ganglion.sensors.channel import Bounds
from ganglion.sensors.schedule import Health, Schedule, Statistics
from ganglion.sensors.source import Source
from support.sensing import Emitted, running
from support.waiting import until

S = 1_000_000_000
MS = 1_000_000


class Scripted(Source):
    """Samples as they are told: numbers are read, exceptions raised, an event waited for."""

    def __init__(self, *script, every=MS):
        self.channels = {"x": "1"}
        self.every = every
        self.script = list(script)
        self.opened = self.closed = 0
        self.threads = set()
        self.stop = threading.Event()

    def open(self):
        self.opened += 1
        self.threads.add(threading.current_thread().name)

    def close(self):
        self.closed += 1
        self.threads.add(threading.current_thread().name)

    def sample(self):
        self.threads.add(threading.current_thread().name)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, threading.Event):
            step.wait()
            return {"x": 0}
        return {"x": step}

    def interrupt(self):
        self.stop.set()


def sensor(source, name="s", calibration=None):
    return Sensor(name=name, kind="scripted", source=source, calibration=calibration or {})


def test_times_do_not_drift_and_those_that_passed_are_counted():
    schedule = Schedule(every=10, now=0)
    schedule.succeeded(3)
    assert (schedule.due, schedule.missed) == (10, 0)
    schedule.succeeded(12)
    assert (schedule.due, schedule.missed) == (20, 0)
    schedule.succeeded(47)
    assert (schedule.due, schedule.missed) == (50, 2)


def test_a_read_before_its_time_leaves_the_next_where_it_was():
    schedule = Schedule(every=10, now=0)
    schedule.succeeded(0)
    schedule.succeeded(4)
    assert schedule.due == 10


def test_a_source_that_paces_itself_is_due_at_once():
    schedule = Schedule(every=0, now=0)
    schedule.succeeded(7)
    assert (schedule.due, schedule.missed) == (7, 0)


def test_waits_double_up_to_a_minute_and_three_failures_are_unhealthy():
    schedule = Schedule(every=S // 10, now=0)
    seen = []
    for _ in range(9):
        schedule.failed(0)
        seen.append((schedule.due / S, schedule.health))
    assert [wait for wait, _ in seen] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [health for _, health in seen] == [Health.FAILING] * 2 + [Health.UNHEALTHY] * 7
    assert schedule.succeeded(100 * S) is Health.UNHEALTHY
    assert (schedule.health, schedule.failures, schedule.errors) == (Health.OK, 0, 9)
    schedule.failed(100 * S)
    assert schedule.due == int(100.5 * S)


def test_a_sensor_that_is_seldom_read_is_not_read_oftener_because_it_fails():
    schedule = Schedule(every=600 * S, now=0)
    schedule.failed(0)
    assert schedule.due == 600 * S


@given(st.integers(0, 5 * S), st.lists(st.tuples(st.integers(0, 100 * S), st.booleans()), max_size=50))
def test_the_next_read_is_never_in_the_past_nor_out_of_sight(every, reads):
    now = 0
    schedule = Schedule(every=every, now=now)
    for passed, succeeds in reads:
        now += passed
        (schedule.succeeded if succeeds else schedule.failed)(now)
        assert now <= schedule.due <= now + max(every, 60 * S)


def test_statistics_of_nothing_are_nothing():
    statistics = Statistics()
    assert (statistics.count, statistics.low, statistics.high, statistics.mean) == (0, None, None, None)
    for value in (3, -1, 4):
        statistics.add(value)
    assert (statistics.count, statistics.low, statistics.high, statistics.mean) == (3, -1, 4, 2)


async def test_values_are_emitted_from_the_loop_with_topic_id_and_time():
    before = Clock().now()
    async with running(sensor(Scripted(5.0), name="fridge")) as (_, bus):
        await until(lambda: bus.events)
    topic, value, timestamp, source, thread = bus.events[0]
    assert (topic, value, source) == ("sensor/fridge/x", 5.0, "fridge.x")
    assert before <= timestamp <= Clock().now()
    assert thread is threading.main_thread()


async def test_reads_are_made_on_one_thread_of_the_sensors_own():
    source = Scripted(1, OSError("gone"), 2, every=MS)
    async with running(sensor(source)) as (_, bus):
        await until(lambda: 2 in bus.values("sensor/s/x"))
    assert source.threads == {"sensor s"}


async def test_a_failure_is_marked_with_its_words_and_the_source_opened_anew():
    source = Scripted(1, OSError(6, "No such device or address"), 2)
    async with running(sensor(source)) as (sensors, bus):
        await until(lambda: sensors.status()[0].health is Health.FAILING)
        status = sensors.status()[0]
        assert (status.error, status.errors, status.value) == ("No such device or address", 1, 1)
        await until(lambda: 2 in bus.values("sensor/s/x"))
        assert sensors.status()[0].health is Health.OK
        assert sensors.status()[0].error == ""
        assert source.opened == 2


@pytest.mark.parametrize("failure", [OSError("bus"), ValueError("parse"), KeyError("field"), ZeroDivisionError()])
async def test_whatever_a_driver_raises_the_others_go_on(failure):
    broken, well = Scripted(failure), Scripted(1)
    async with running(sensor(broken, name="broken"), sensor(well, name="well")) as (sensors, bus):
        await until(lambda: sensors.status()[0].errors)
        seen = len(bus.values("sensor/well/x"))
        await until(lambda: len(bus.values("sensor/well/x")) > seen + 3)
        assert bus.values("sensor/broken/x") == []
        assert sensors.status()[0].error


def test_what_a_source_lost_by_itself_is_in_its_status():
    class Losing(Scripted):
        missed = 7

    sensors = Sensors(Emitted(), Clock())
    sensors.add(sensor(Losing(1)))
    assert [status.missed for status in sensors.status()] == [7]


async def test_a_read_that_hangs_is_marked_and_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(running_, "_HANGS", 50 * MS)
    monkeypatch.setattr(running_, "_GRACE", 0.05)
    release = threading.Event()
    hanging, well = Scripted(release, 7), Scripted(1)
    async with running(sensor(hanging, name="hanging"), sensor(well, name="well")) as (sensors, bus):
        await until(lambda: sensors.status()[0].health is Health.FAILING)
        assert "has not answered for" in sensors.status()[0].error
        assert bus.values("sensor/well/x")
        release.set()
        await until(lambda: 7 in bus.values("sensor/hanging/x"))
        assert sensors.status()[0].health is Health.OK
        hanging.script[:] = [threading.Event()]
        await until(lambda: sensors.status()[0].health is Health.FAILING)
    # and leaving the block did not wait for the read that hangs
    hanging.script[0].set()


async def test_a_value_that_is_no_number_is_a_failure():
    async with running(sensor(Scripted(float("nan")))) as (sensors, bus):
        await until(lambda: sensors.status()[0].errors)
        assert sensors.status()[0].error == "x reads nan"
        assert not bus.events


async def test_a_read_on_demand_is_fresh():
    async with running(sensor(Scripted(1, 2, 3, every=3600 * S))) as (sensors, _):
        await until(lambda: sensors.last("s.x") == 1)
        assert await sensors.read("s.x") == 2
        assert await sensors.read("s.x") == 3


async def test_a_read_on_demand_is_of_a_sample_that_begins_after_it():
    gate = threading.Event()
    source = Scripted(gate, 7, every=3600 * S)
    async with running(sensor(source)) as (sensors, _):
        await until(lambda: len(source.script) == 1, what="the first sample has begun, and waits")
        reading = asyncio.create_task(sensors.read("s.x"))
        await asyncio.sleep(0)
        gate.set()
        assert await reading == 7


async def test_a_read_on_demand_that_fails_says_why():
    async with running(sensor(Scripted(1, OSError("nobody answers"), every=3600 * S))) as (sensors, _):
        await until(lambda: sensors.last("s.x") == 1)
        with pytest.raises(UnreachableError, match="sensor s: nobody answers"):
            await sensors.read("s.x")
        await sensors.stop("s")
        with pytest.raises(UnreachableError, match="sensor s is stopped"):
            await sensors.read("s.x")


async def test_sensors_are_added_stopped_started_and_removed_while_others_run():
    async with running(sensor(Scripted(1), name="a")) as (sensors, bus):
        late = Scripted(2)
        sensors.add(sensor(late, name="b"))
        await until(lambda: bus.values("sensor/b/x"))
        await sensors.stop("b")
        assert sensors.status()[1].health is Health.STOPPED
        assert late.closed >= 1
        seen = len(bus.values("sensor/b/x"))
        more = len(bus.values("sensor/a/x"))
        await until(lambda: len(bus.values("sensor/a/x")) > more + 3)
        assert len(bus.values("sensor/b/x")) == seen
        sensors.start("b")
        await until(lambda: len(bus.values("sensor/b/x")) > seen)
        await sensors.remove("b")
        assert [status.id for status in sensors.status()] == ["a.x"]


async def test_all_sources_are_closed_at_the_end():
    sources = [Scripted(1), Scripted(OSError("x")), Scripted(3)]
    async with running(*(sensor(source, name=f"s{i}") for i, source in enumerate(sources))) as (sensors, bus):
        await until(lambda: bus.values("sensor/s2/x") and sensors.status()[1].errors)
    assert all(source.closed and source.stop.is_set() for source in sources)
    await until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("sensor s")])


class Interruptible(Scripted):
    """Waits until it is interrupted, as a microphone's read does."""

    def sample(self):
        self.script.append("waiting")
        self.stop.wait()
        raise OSError("interrupted")


async def test_a_read_that_is_interrupted_by_the_stop_is_no_error(caplog):
    source = Interruptible()
    async with running(sensor(source)) as (sensors, _):
        await until(lambda: source.script)
        await sensors.stop("s")
        assert sensors.status()[0].errors == 0
    await until(lambda: source.closed == 2)
    gc.collect()
    assert caplog.messages == []


@pytest.mark.parametrize("steps", range(5))
async def test_a_stop_at_the_moment_of_a_read_on_demand_is_a_stop(steps):
    async with running(sensor(Scripted(1, every=3600 * S))) as (sensors, _):
        await until(lambda: sensors.last("s.x") == 1)
        reading = asyncio.create_task(sensors.read("s.x"))
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await sensors.stop("s")
        with contextlib.suppress(UnreachableError):
            await reading
        assert sensors.status()[0].health is Health.STOPPED


class Sure(Scripted):
    """Reads pairs: what it sees, and how sure it is."""

    def __init__(self, *script):
        super().__init__(*script)
        self.channels = {"face": "1", "certainty": "1"}
        self.confidence = {"face": "certainty"}

    def sample(self):
        face, certainty = super().sample()["x"]
        return {"face": face, "certainty": certainty}


async def test_what_is_out_of_range_or_not_sure_is_no_event_and_counted():
    bounds = {
        "face": Bounds(range=(0, 100), min_confidence=0.5),
        "certainty": Bounds(max_rate_hz=0.001),
    }
    source = Sure((1, 0.9), (2, 0.4), (200, 0.9), (3, 0.5))
    source.every = 3600 * S
    sure = Sensor(name="s", kind="scripted", source=source, calibration={}, bounds=bounds)
    async with running(sure) as (sensors, bus):
        await until(lambda: sensors.last("s.face") == 1)
        with pytest.raises(UnreachableError, match=r"no value just now: it is sure by 0\.4 only"):
            await sensors.read("s.face")
        with pytest.raises(UnreachableError, match=r"no value just now: it reads 200, and its range is 0 to 100"):
            await sensors.read("s.face")
        assert sensors.status()[0].error == "it reads 200, and its range is 0 to 100"
        assert await sensors.read_all("s") == {"face": 3, "certainty": 0.5}
        assert bus.values("sensor/s/face") == [1, 3]
        assert bus.values("sensor/s/certainty") == [0.9]
        face, certainty = sensors.status()
        assert (face.refused, face.doubted, face.withheld, face.count, face.error) == (1, 1, 0, 2, "")
        assert (certainty.withheld, certainty.count, certainty.value) == (3, 4, 0.5)
        assert face.samples > face.events > 0


async def test_of_three_that_follow_quickly_the_last_begins_when_the_first_is_closed():
    hung = threading.Event()
    first, last = Scripted(hung), Scripted(3)
    async with running(sensor(first)) as (sensors, _):
        await until(lambda: first.threads)
        sensors.change(into=[sensor(Scripted(2))])
        await asyncio.sleep(0)
        asked = asyncio.create_task(sensors.read("s.x"))
        await asyncio.sleep(0)
        sensors.change(into=[sensor(last)])
        for _ in range(20):
            await asyncio.sleep(0)
        assert last.opened == 0
        hung.set()
        with pytest.raises(UnreachableError, match="stopped"):
            await asked
        await until(lambda: last.opened)
        assert first.closed >= 2


class Alternating(Source):
    """Reads one channel after the other."""

    every = 0

    def __init__(self):
        self.channels = {"x": "1", "y": "1", "never": "1"}
        self.count = 0

    def sample(self):
        threading.Event().wait(0.001)
        self.count += 1
        return {"x" if self.count % 10 else "y": self.count}


async def test_a_channel_that_is_not_in_each_sample_is_waited_for(monkeypatch):
    monkeypatch.setattr(running_, "_NEXT", 300_000_000)
    async with running(sensor(Alternating())) as (sensors, _):
        await until(lambda: sensors.health("s") is Health.OK)
        for _ in range(3):
            assert await sensors.read("s.y") % 10 == 0
            assert await sensors.read("s.x") % 10
        with pytest.raises(UnreachableError, match=r"s\.never had no value just now"):
            await sensors.read("s.never")


class Holding(Scripted):
    holds = True


async def test_what_is_held_is_no_answer_once_the_sensor_fails():
    async with running(sensor(Holding(1, OSError("gone")))) as (sensors, _):
        await until(lambda: sensors.health("s") is Health.FAILING)
        with pytest.raises(UnreachableError, match="gone"):
            await sensors.read("s.x")


async def test_a_replacement_begins_when_what_was_there_is_closed():
    first, second = Scripted(1), Scripted(2)
    async with running(sensor(first)) as (sensors, bus):
        await until(lambda: bus.values("sensor/s/x"))
        sensors.change(into=[sensor(second)])
        await until(lambda: 2 in bus.values("sensor/s/x"))
        assert first.closed >= 2
        assert bus.values("sensor/s/x") == sorted(bus.values("sensor/s/x"))


def fridge(**table):
    return build("fridge", {"kind": "bme280", "bus": "sim", "every": "5ms", **table})


async def test_a_simulated_sensor_reads_what_is_set_and_then_its_trace_again():
    async with running(fridge()) as (sensors, _):
        sensors.set_simulated("fridge.temperature", 12)
        assert await sensors.read("fridge.temperature") == pytest.approx(12, abs=0.01)
        assert sensors.status()[0].simulated
        sensors.set_simulated("fridge.temperature", None)
        assert await sensors.read("fridge.temperature") == pytest.approx(20, abs=0.01)


async def test_what_cannot_be_set_is_refused():
    async with running(fridge(), sensor(Scripted(1))) as (sensors, _):
        with pytest.raises(RefusedError, match=r"s is a real sensor \(scripted\)"):
            sensors.set_simulated("s.x", 1)
        with pytest.raises(NotFoundError, match=r'there is no sensor .*; did you mean "fridge\.temperature"'):
            sensors.set_simulated("fridge.temprature", 1)
        with pytest.raises(InvalidError, match=r"fridge\.temperature: celsius must be -40 to 85, not 200"):
            sensors.set_simulated("fridge.temperature", 200)
        with pytest.raises(InvalidError, match=r"fridge\.temperature: must be a number"):
            sensors.set_simulated("fridge.temperature", True)


async def test_calibration_moves_the_value_and_is_said():
    async with running(fridge(calibration={"temperature": {"offset": -0.5}})) as (sensors, _):
        assert await sensors.read("fridge.temperature") == pytest.approx(19.5, abs=0.01)
        assert [status.calibration for status in sensors.status()] == ["calibrated", "uncalibrated", "uncalibrated"]


async def test_the_status_counts_and_the_capabilities_name_units():
    async with running(sensor(Scripted(2, 4, 6, every=3600 * S), name="a")) as (sensors, _):
        await until(lambda: sensors.last("a.x") == 2)
        await sensors.read("a.x")
        await sensors.read("a.x")
        status = sensors.status()[0]
        assert (status.count, status.low, status.high, status.mean, status.value) == (3, 2, 6, 4, 6)
        assert sensors.capabilities() == {"a.x": {"unit": "1", "kind": "scripted"}}


def test_two_sensors_of_one_name_are_refused():
    sensors = Sensors(Emitted(), Clock())
    sensors.add(sensor(Scripted(1)))
    with pytest.raises(InvalidError, match=r"sensor\.s: there is a sensor of that name already"):
        sensors.add(sensor(Scripted(1)))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"kind": "bme280", "bus": "sim", "adress": 1}, 'sensor.fridge.adress: unknown key; did you mean "address"?'),
        ({"kind": "bme20", "bus": "sim"}, "sensor.fridge.kind: there is no kind 'bme20'; did you mean \"bme280\"?"),
        ({"bus": "sim"}, "sensor.fridge.kind: this key is required"),
        ({"kind": "bme280"}, "sensor.fridge.bus: this key is required"),
        ({"kind": "BME280", "bus": "sim"}, "sensor.fridge.kind: there is no kind 'BME280'; did you mean \"bme280\"?"),
        ({"knd": "bme280"}, 'sensor.fridge.knd: unknown key; did you mean "kind"?'),
        (
            {"kind": "gpio", "chp": "/dev/gpiochip0", "chip": "sim", "x1": 3},
            'sensor.fridge.chp: unknown key; did you mean "chip"? Also x1: unknown key; known here:',
        ),
        ({"kind": "bme280", "bus": "sim", "address": 3}, "sensor.fridge.address: must be 0x76 or 0x77, not 0x03"),
        ({"kind": "bme280", "bus": "i2c-1"}, "sensor.fridge: bus must be"),
        ({"kind": "bme280", "bus": "sim", "oversampling": 5}, "sensor.fridge: oversampling must be"),
        ({"kind": "bme280", "bus": "/dev/i2c-1", "trace": "x.csv"}, "sensor.fridge: trace is for bus"),
        ({"kind": "bme280", "bus": "sim", "every": "1"}, "sensor.fridge.every: '1' is not a duration"),
        ({"kind": "bme280", "bus": "sim", "address": "0x76"}, "sensor.fridge.address: must be a whole number"),
    ],
)
def test_a_wrong_section_is_named_with_the_nearest_right_key(table, says):
    with pytest.raises(InvalidError) as caught:
        build("fridge", table, where="node.toml: ")
    assert str(caught.value).startswith(f"node.toml: {says}")


def test_a_trace_that_the_chip_cannot_follow_is_named(tmp_path):
    (tmp_path / "hot.csv").write_text("seconds,celsius\n0,900\n")
    with pytest.raises(InvalidError, match=r"sensor\.fridge\.trace: celsius must be -40 to 85, not 900"):
        build("fridge", {"kind": "bme280", "bus": "sim", "trace": "hot.csv"}, resolve=lambda name: tmp_path / name)


def test_a_kinds_dependencies_are_imported_when_it_is_used_and_not_before():
    program = """
import sys
from ganglion.sensors import Sensors, build
build("s", {"kind": "system"})
build("f", {"kind": "bme280", "bus": "sim"})
heavy = {"PIL", "numpy", "smbus2", "pymicro_vad", "pydantic", "wave"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
