# SPDX-License-Identifier: GPL-3.0-or-later
"""Sensors declared, reloaded and calibrated while they run, and what of it is there after a restart."""

import asyncio
import contextlib
import json
import tempfile
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ganglion.clock import Clock
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.sensors import Sensor, Sensors, build, declared, reference, running
from ganglion.sensors.declared import Declared
from ganglion.sensors.kept import Kept
from ganglion.sensors.schedule import Health
from ganglion.sensors.source import Source
from support.waiting import until

CHIP = {"kind": "bme280", "bus": "sim", "every": "5ms"}


class Recorder:
    """A bus that keeps what is emitted."""

    def __init__(self):
        self.events = []
        self.types = {}

    def topic(self, name, *, type=""):
        if self.types.setdefault(name, type) != type:
            raise ValueError(f"the events of {name} are of the type {self.types[name]!r}, not {type!r}")
        return name

    def emit(self, topic, value, *, timestamp, source=""):
        self.events.append((topic, value, timestamp))

    def subscribe(self, filter, callback):
        return contextlib.ExitStack()

    def count(self, topic):
        return sum(event[0] == topic for event in self.events)


class Site:
    """A node's sensors, with a configuration that can be changed."""

    def __init__(self, folder, actuators=None, **tables):
        self.tables = tables
        self.folder = folder
        self.answers = threading.Event()
        self.answers.set()
        self.bus = Recorder()
        self.changes = 0
        self.sensors = Sensors(self.bus, Clock())
        self.declared = Declared(
            self.sensors,
            Kept(folder / "sensors.json"),
            dict(tables),
            load=lambda: dict(self.tables),
            where="node.toml: ",
            resolve=self._resolve,
            actuators=actuators or {},
            now=lambda: 77,
            changed=self._changed,
        )

    def _resolve(self, name):
        self.answers.wait()
        return (self.folder / name).resolve()

    def _changed(self):
        self.changes += 1

    def names(self):
        return [*self.sensors.sensors()]

    async def read(self, topic):
        before = self.bus.count(topic)
        await until(lambda: self.bus.count(topic) > before, what=topic)


@asynccontextmanager
async def site(folder, actuators=None, **tables):
    made = Site(folder, actuators, **tables)
    task = asyncio.create_task(made.sensors.run())
    await asyncio.sleep(0)
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(reference, "PAUSE", 0.001)


async def test_a_sensor_that_was_added_is_there_after_a_restart_until_it_is_removed(tmp_path):
    async with site(tmp_path, fridge=CHIP) as here:
        assert await here.declared.add("attic", CHIP) is False
        await here.read("sensor/attic/temperature")
        assert here.declared.is_added("attic")
        assert here.changes == 1
    async with site(tmp_path, fridge=CHIP) as here:
        await here.read("sensor/attic/temperature")
        assert await here.declared.add("attic", {**CHIP, "every": "7ms"}) is True
        assert here.declared.table("attic")["every"] == "7ms"
        await here.declared.remove("attic")
        assert here.names() == ["fridge"]
        with pytest.raises(NotFoundError, match="there is no sensor 'attic'"):
            await here.declared.remove("attic")
    async with site(tmp_path, fridge=CHIP) as here:
        assert here.names() == ["fridge"]


@pytest.mark.parametrize(
    ("name", "table", "error", "says"),
    [
        ("fridge", CHIP, RefusedError, "the sensor fridge is the configuration's"),
        ("a b", CHIP, InvalidError, "sensor: a name is 1 to 40"),
        ("a", {**CHIP, "adress": 1}, InvalidError, r"sensor\.a\.adress: unknown key; did you mean \"address\""),
        ("a", {**CHIP, "units": b"x"}, InvalidError, "table: holds what is neither text nor number"),
        ("a", {"kind": "replay", "trace": "/etc/passwd"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {"kind": "replay", "trace": "../x.csv"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {**CHIP, "replay": "/proc/self/environ"}, RefusedError, "a sensor from afar reads no other"),
        (
            "a",
            {"kind": "audio", "source": "alsa:file:'|touch x',raw"},
            RefusedError,
            r"sensor\.a\.source: .* from afar",
        ),
        ("a", {"kind": "audio", "source": "alsa:plug:{hw}"}, RefusedError, r"sensor\.a\.source: .* from afar"),
        ("a", {"kind": "audio", "source": "pipe:/run/x"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {"kind": "nmea", "port": "/etc/passwd"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {"kind": "nmea", "port": "/dev/watchdog"}, RefusedError, r"sensor\.a\.port: /dev/watchdog is refused"),
        ("a", {"kind": "modbus", "port": "/dev/tty1", "registers": {"x": {"address": 0}}}, RefusedError, r"a\.port: "),
        ("a", {"kind": "vision", "source": "v4l2:/dev/mem"}, RefusedError, r"sensor\.a\.source: /dev/mem is refused"),
        ("a", {"kind": "gpio", "chip": "/dev/mem", "line": 1}, RefusedError, r"sensor\.a\.chip: /dev/mem is refused"),
        ("a", {"kind": "gpio", "chip": "/dev/../etc/x", "line": 1}, InvalidError, "chip must be"),
        ("a", {**CHIP, "bus": "/dev/mem"}, RefusedError, r"sensor\.a\.bus: /dev/mem is refused"),
        ("a", {**CHIP, "bus": "/dev/../etc/x"}, InvalidError, "bus must be"),
        ("a", {"kind": "ds18b20", "root": "/home"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {"kind": "dht22", "root": "/home"}, RefusedError, "a sensor from afar reads no other"),
        (
            "a",
            {"kind": "iio", "device": "x", "channel": "in_voltage0", "root": "/home"},
            RefusedError,
            "reads no other",
        ),
        ("a", {"kind": "system", "disk": "/home"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {"kind": "system", "root": "/home"}, RefusedError, "a sensor from afar reads no other"),
        ("a", {**CHIP, "trace": "/dev/zero"}, InvalidError, "/dev/zero: is no file"),
        ("a", {"kind": "audio", "source": "/dev/zero"}, InvalidError, "/dev/zero: is no file"),
    ],
)
async def test_what_cannot_be_added_is_refused_and_nothing_is_kept(tmp_path, name, table, error, says):
    async with site(tmp_path, fridge=CHIP) as here:
        with pytest.raises(error, match=says):
            await here.declared.add(name, table)
        assert here.names() == ["fridge"]
        assert not (tmp_path / "sensors.json").exists()


AIR = {"kind": "aht20", "bus": "/dev/i2c-1"}
RELAYS = {"relay": ("/dev/i2c-1", 0x38)}
NO_SENSORS = r"0x38 on /dev/.* is the chip of the actuator relay, to which the guardian alone writes"


@pytest.mark.parametrize("bus", ["/dev/i2c-1", "/dev/./i2c-1", "/dev/shm/../i2c-1"])
async def test_no_sensor_speaks_to_the_chip_of_an_actuator(tmp_path, bus):
    air = {**AIR, "bus": bus}
    with pytest.raises(InvalidError, match=rf"node\.toml: sensor\.air\.address: {NO_SENSORS}"):
        Site(tmp_path, RELAYS, air=air)
    async with site(tmp_path, RELAYS) as here:
        with pytest.raises(InvalidError, match=rf"sensor\.evil\.address: {NO_SENSORS}"):
            await here.declared.add("evil", air)
        here.tables = {"air": air}
        with pytest.raises(InvalidError, match=NO_SENSORS):
            await here.declared.reload()
        assert here.names() == []
        (tmp_path / "air.csv").write_text("seconds,temperature,humidity\n0,20,50\n")
        here.tables = {"played": {**air, "replay": "air.csv"}, "other": {**air, "bus": "/dev/i2c-2"}}
        await here.declared.reload()
        assert here.names() == ["other", "played"]


async def test_what_was_added_before_its_chip_became_an_actuators_is_not_there(tmp_path, caplog):
    async with site(tmp_path) as here:
        await here.declared.add("air", AIR)
    async with site(tmp_path, RELAYS) as here:
        assert here.names() == []
    assert "the sensor air, which was added, is not there" in caplog.text


def test_a_link_that_leads_to_an_actuators_bus_later_is_looked_at_again(monkeypatch):
    opened = []
    monkeypatch.setattr("ganglion.sensors.i2c.LinuxI2C", opened.append)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        link = Path(folder, "i2c-air")
        sensor = build("air", {**AIR, "bus": str(link)}, actuators=RELAYS)
        link.symlink_to("/dev/i2c-1")
        with pytest.raises(InvalidError, match=NO_SENSORS):
            sensor.source.open()
    assert opened == []


def test_one_chip_is_not_two_kinds_of_sensors(tmp_path):
    two = {"a": {"kind": "bme280", "bus": "/dev/i2c-1"}, "b": {"kind": "bmp280", "bus": "/dev/./i2c-1"}}
    says = r"sensor\.b\.address: 0x76 on /dev/\./i2c-1 is a bme280 for the sensor a and a bmp280 for this one"
    with pytest.raises(InvalidError, match=says):
        Site(tmp_path, **two)
    two["b"]["address"] = 0x77
    assert Site(tmp_path, **two).names() == ["a", "b"]


async def test_no_more_than_so_many_are_added(tmp_path, monkeypatch):
    monkeypatch.setattr(declared, "MOST_ADDED", 1)
    async with site(tmp_path) as here:
        await here.declared.add("a", CHIP)
        await here.declared.add("a", CHIP)
        with pytest.raises(RefusedError, match="1 sensors have been added, which is the most"):
            await here.declared.add("b", CHIP)


async def test_a_sensor_that_was_added_and_cannot_be_built_any_more_can_be_removed(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("seconds,x\n0,1\n")
    async with site(tmp_path) as here:
        await here.declared.add("a", {"kind": "replay", "trace": "a.csv"})
    (tmp_path / "a.csv").unlink()
    async with site(tmp_path, fridge=CHIP) as here:
        assert "a.csv does not exist" in caplog.text
        assert here.names() == ["fridge"]
        await here.declared.remove("a")
    assert json.loads((tmp_path / "sensors.json").read_text())["added"] == {}


async def test_what_is_unchanged_goes_on_and_loses_no_event_while_others_are_replaced(tmp_path):
    """The replayed one counts: a row that is missing or comes twice would be seen."""
    rows = "".join(f"{i / 400},{i}\n" for i in range(300))
    (tmp_path / "count.csv").write_text(f"seconds,x\n{rows}")
    counting = {"kind": "replay", "trace": "count.csv", "loop": False}
    async with site(tmp_path, counting=counting, fridge=CHIP, old=CHIP) as here:
        await here.read("sensor/old/temperature")
        kept = here.sensors.sensors()["counting"]
        here.tables = {"counting": counting, "fridge": {**CHIP, "oversampling": 2}, "new": CHIP}
        done = await here.declared.reload()
        assert done == {"added": ["new"], "replaced": ["fridge"], "removed": ["old"], "unchanged": ["counting"]}
        assert here.sensors.sensors()["counting"] is kept
        await here.read("sensor/new/temperature")
        await here.read("sensor/fridge/temperature")
        seen = here.bus.count("sensor/old/temperature")
        for _ in range(3):
            await here.declared.reload()
        await until(lambda: here.bus.count("sensor/counting/x") == 300)
        assert [event[1] for event in here.bus.events if event[0] == "sensor/counting/x"] == [*range(300)]
        assert here.bus.count("sensor/old/temperature") == seen
        assert here.changes == 1


@pytest.mark.parametrize(
    "wrong", [{"fridge": {"kind": "bme28"}}, {"fridge": CHIP, "b": {**CHIP, "bus": 3}}, {"fridge": {"kind": "system"}}]
)
async def test_a_configuration_that_is_wrong_changes_nothing(tmp_path, wrong):
    """The last one is right by itself; but its temperature would be of another type than before."""
    async with site(tmp_path, fridge=CHIP) as here:
        here.bus.types["sensor/fridge/cpu"] = "signal.input.internal"
        kept = here.sensors.sensors()["fridge"]
        here.tables = {"new": CHIP, **wrong}
        with pytest.raises(InvalidError, match="sensor"):
            await here.declared.reload()
        assert here.sensors.sensors() == {"fridge": kept}
        assert here.changes == 0
        await here.read("sensor/fridge/temperature")


async def test_the_configuration_takes_the_place_of_what_was_added(tmp_path):
    async with site(tmp_path) as here:
        await here.declared.add("attic", CHIP)
        here.tables = {"attic": {**CHIP, "every": "9ms"}}
        done = await here.declared.reload()
        assert done["replaced"] == ["attic"]
        assert not here.declared.is_added("attic")
        with pytest.raises(RefusedError, match="is the configuration's"):
            await here.declared.remove("attic")
    assert json.loads((tmp_path / "sensors.json").read_text())["added"] == {}


async def test_a_reference_corrects_and_is_kept_over_the_configurations_until_it_is_cleared(tmp_path):
    table = {**CHIP, "calibration": {"temperature": {"offset": 5.0}}}
    async with site(tmp_path, fridge=table) as here:
        seen = []
        progress = lambda done, total: seen.append((done, total))  # noqa: E731
        found = await here.declared.calibrate("fridge", "temperature", 18.0, progress=progress)
        assert seen == [(i + 1, reference.READINGS) for i in range(reference.READINGS)]
        assert found.offset == pytest.approx(-2, abs=0.02)
        assert await here.sensors.read("fridge.temperature") == pytest.approx(18, abs=0.02)
        (point,) = here.declared.points("fridge")["temperature"]
        assert (point.reference, point.at, point.readings) == (18, 77, reference.READINGS)
        assert point.raw == pytest.approx(20, abs=0.02)
    async with site(tmp_path, fridge=table) as here:
        assert await here.sensors.read("fridge.temperature") == pytest.approx(18, abs=0.02)
        here.sensors.set_simulated("fridge.temperature", 40)
        await here.declared.calibrate("fridge", "temperature", 58.0, second=True)
        assert await here.sensors.read("fridge.temperature") == pytest.approx(58, abs=0.05)
        here.sensors.set_simulated("fridge.temperature", 30)
        assert await here.sensors.read("fridge.temperature") == pytest.approx(38, abs=0.05)
        restored = await here.declared.clear("fridge", "temperature")
        assert restored.offset == 5
        assert await here.sensors.read("fridge.temperature") == pytest.approx(35, abs=0.02)
    async with site(tmp_path, fridge=table) as here:
        assert await here.sensors.read("fridge.temperature") == pytest.approx(25, abs=0.02)


async def test_a_reference_is_of_one_kind_of_sensor(tmp_path):
    async with site(tmp_path, fridge=CHIP) as here:
        await here.declared.calibrate("fridge", "temperature", 18.0)
    (tmp_path / "a.csv").write_text("seconds,temperature\n0,20\n")
    async with site(tmp_path, fridge={"kind": "replay", "trace": "a.csv"}) as here:
        assert await here.sensors.read("fridge.temperature") == 20


class Scripted(Source):
    """Reads what it is told, again and again; the last one for ever."""

    def __init__(self, *script):
        self.channels = {"x": "1", "on": ""}
        self.every = 1_000_000
        self.script = list(script)
        self.waits = False

    def sample(self):
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, threading.Event):
            self.waits = True
            step.wait()
            step = 0
        return {"x": step, "on": True}


def scripted(here, *script):
    """A sensor `s`, as if it had been declared."""
    made = Sensor(name="s", kind="scripted", source=Scripted(*script), calibration={})
    here.sensors.change(into=[here.declared._take("s", {"kind": "scripted"}, made)])


async def test_what_cannot_be_calibrated_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("seconds,temperature\n0,20\n")
    async with site(tmp_path, fridge=CHIP, played={**CHIP, "replay": "a.csv"}) as here:
        scripted(here, *range(1000))
        await until(lambda: here.sensors.last("s.x") is not None)
        for name, channel, says in (
            ("s", "x", "not steady"),
            ("s", "on", "true or false"),
            ("played", "temperature", "replays a recording"),
        ):
            with pytest.raises(RefusedError, match=says):
                await here.declared.calibrate(name, channel, 1.0)
        with pytest.raises(RefusedError, match="no first reference point"):
            await here.declared.calibrate("fridge", "temperature", 1.0, second=True)
        with pytest.raises(NotFoundError, match=r"fridge\.temprature"):
            await here.declared.calibrate("fridge", "temprature", 1.0)
        assert not (tmp_path / "sensors.json").exists()


async def test_a_reference_that_the_channel_can_never_read_is_refused_and_changes_nothing(tmp_path):
    async with site(tmp_path, fridge={**CHIP, "range": {"temperature": [-40, 85]}}) as here:
        await here.read("sensor/fridge/temperature")
        for reference in (500.0, -40.1):
            says = (
                rf"fridge\.temperature: {reference:g} is outside of its range, -40 to 85: no reading would be believed"
            )
            with pytest.raises(InvalidError, match=says):
                await here.declared.calibrate("fridge", "temperature", reference)
        assert here.declared.points("fridge") == {}
        assert not (tmp_path / "sensors.json").exists()
        assert await here.sensors.read("fridge.temperature") == pytest.approx(20, abs=0.02)
        await here.declared.calibrate("fridge", "temperature", 25.0)
        with pytest.raises(InvalidError, match="outside of its range"):
            await here.declared.calibrate("fridge", "temperature", 86.0, second=True)


async def test_a_calibration_that_no_reading_survives_says_how_to_get_out(tmp_path):
    """As one was taken before the range was narrowed."""
    point = {"reference": 500, "raw": 20, "spread": 0, "readings": 8, "at": 1}
    kept = {"added": {}, "calibration": {"fridge": {"kind": "bme280", "points": {"temperature": [point]}}}}
    (tmp_path / "sensors.json").write_text(json.dumps(kept))
    async with site(tmp_path, fridge={**CHIP, "range": {"temperature": [-40, 85]}}) as here:
        with pytest.raises(RefusedError, match=r"it reads 5\d\d.*forgotten first \(clear\)"):
            await here.declared.calibrate("fridge", "temperature", 20.0)
        await here.declared.clear("fridge", "temperature")
        await here.declared.calibrate("fridge", "temperature", 20.0)


async def test_a_calibration_that_is_cancelled_leaves_everything_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "PAUSE", 60)
    async with site(tmp_path, fridge=CHIP) as here:
        begun = asyncio.Event()
        task = asyncio.create_task(
            here.declared.calibrate("fridge", "temperature", 1.0, progress=lambda done, total: begun.set())
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await here.declared.add("attic", CHIP)
        assert here.declared.points("fridge") == {}


async def test_a_state_that_is_damaged_is_said_and_the_node_starts(tmp_path, caplog):
    for damaged in (
        "{",
        "[]",
        '{"added": 3}',
        '{"added": {}, "calibration": {"a": {"kind": "x", "points": {"b": [3]}}}}',
    ):
        (tmp_path / "sensors.json").write_text(damaged)
        caplog.clear()
        async with site(tmp_path, fridge=CHIP) as here:
            assert "is damaged" in caplog.text
            await here.read("sensor/fridge/temperature")


async def test_a_state_that_cannot_be_written_refuses_and_changes_nothing(tmp_path):
    (tmp_path / "state").write_text("")
    async with site(tmp_path, fridge=CHIP) as here:
        here.declared._kept._path = tmp_path / "state" / "sensors.json"
        with pytest.raises((InvalidError, OSError)):
            await here.declared.add("attic", CHIP)
        assert here.names() == ["fridge"]


async def test_a_file_that_does_not_answer_holds_up_neither_the_loop_nor_the_others(tmp_path, monkeypatch):
    """A path on a file system whose server is gone blocks whoever follows it."""
    monkeypatch.setattr(declared, "_PATIENCE", 0.05)
    async with site(tmp_path, fridge=CHIP) as here:
        here.answers.clear()
        with pytest.raises(UnreachableError, match="does not answer"):
            await here.declared.add("a", {"kind": "replay", "trace": "far.csv"})
        await here.read("sensor/fridge/temperature")
        here.answers.set()


async def test_a_sensor_whose_read_hangs_is_read_again_when_that_has_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_GRACE", 0.05)
    async with site(tmp_path) as here:
        hung = threading.Event()
        scripted(here, 1, hung)
        await until(lambda: here.sensors.sensors()["s"].source.waits)
        await here.sensors.stop("s")
        here.sensors.start("s")
        await until(lambda: here.sensors.status()[0].error == "its last read has not come back", within=15)
        with pytest.raises(UnreachableError, match="s is stopped"):
            await here.sensors.read("s.x")
        hung.set()
        await until(lambda: here.sensors.health("s") is Health.OK)


async def test_a_sensor_that_is_started_while_it_stops_is_read_again(tmp_path):
    async with site(tmp_path, fridge=CHIP) as here:
        await here.read("sensor/fridge/temperature")
        stopping = asyncio.create_task(here.sensors.stop("fridge"))
        await asyncio.sleep(0)
        here.sensors.start("fridge")
        here.sensors.start("fridge")
        await stopping
        await here.read("sensor/fridge/temperature")
        assert here.sensors.health("fridge") is Health.OK


MEAN = {"kind": "fusion", "compute": "mean", "inputs": ["b.temperature"]}


async def test_what_is_computed_from_nothing_is_refused_and_not_kept(tmp_path):
    async with site(tmp_path) as here:
        with pytest.raises(InvalidError, match=r"there is no channel 'b\.temperature'"):
            await here.declared.add("a", MEAN)
        assert not (tmp_path / "sensors.json").exists()
        assert here.names() == []
        with pytest.raises(KeyError):
            here.declared.table("a")


async def test_what_cannot_be_kept_is_not_there_and_what_was_there_is(tmp_path):
    async with site(tmp_path) as here:
        await here.declared.add("b", CHIP)
        (tmp_path / "sensors.json").unlink()
        (tmp_path / "sensors.json" / "x").mkdir(parents=True)
        for name in ("a", "b"):
            with pytest.raises(InvalidError, match="cannot be written"):
                await here.declared.add(name, {**CHIP, "every": "9ms"})
        assert here.names() == ["b"]
        assert here.declared.table("b") == CHIP
        assert here.sensors.sensors()["b"].every == 5_000_000


async def test_what_others_are_computed_from_is_not_removed_and_read_as_before(tmp_path):
    async with site(tmp_path) as here:
        await here.declared.add("b", CHIP)
        await here.declared.add("a", MEAN)
        with pytest.raises(InvalidError, match=r"sensor\.b: is an input of a: take it out of the inputs there first"):
            await here.declared.remove("b")
        assert here.declared.is_added("b")
        await here.read("sensor/b/temperature")
        await here.declared.remove("a")
        await here.declared.remove("b")
        assert here.names() == []


async def test_sensors_that_were_added_come_back_whatever_their_order_in_the_file(tmp_path):
    added = {
        "a": MEAN,
        "b": CHIP,
        "c": {**MEAN, "inputs": ["d.value"]},
        "d": {**MEAN, "inputs": ["c.value"]},
    }
    (tmp_path / "sensors.json").write_text(json.dumps({"added": added, "calibration": {}}))
    async with site(tmp_path) as here:
        assert here.names() == ["a", "b"]


@pytest.mark.parametrize("kind", [{"kind": "audio", "source": "locked"}, {"kind": "audio", "source": "locked/x.wav"}])
async def test_a_reload_with_a_file_that_cannot_be_read_changes_nothing(tmp_path, kind):
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "x.wav").mkdir()
    async with site(tmp_path, fridge=CHIP) as here:
        here.tables["hall"] = kind
        with pytest.raises(InvalidError, match="is no file"):
            await here.declared.reload()
        here.tables["hall"] = {"kind": "system", "root": "/" + 300 * "x"}
        with pytest.raises(InvalidError, match=r"node.toml: sensor.hall: cannot be read: .*too long"):
            await here.declared.reload()
        await here.read("sensor/fridge/temperature")
