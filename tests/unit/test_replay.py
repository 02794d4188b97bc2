# SPDX-License-Identifier: GPL-3.0-or-later
"""replay: recorded rows come at their times."""

import threading

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mova.feed import feed
from ganglion.sensors import build
from ganglion.sensors.replay import Rows, track
from ganglion.sim.recorder import Recorder
from ganglion.sim.recording import from_csv

CSV = "seconds,power,voltage\n0,5,230\n10,7,231\n30,6,229\n"


class Time:
    ns = 0

    def __call__(self):
        return self.ns


@pytest.fixture
def now():
    return Time()


def replaying(tmp_path, now, csv=CSV, **table):
    (tmp_path / "trace.csv").write_text(csv)
    return build(
        "meter", {"kind": "replay", "trace": "trace.csv", **table}, resolve=lambda name: tmp_path / name, now=now
    )


def parsed(text, *, loop=True):
    return track(from_csv(text.splitlines(keepends=True), where="t"), "meter", where="t", loop=loop)


def due(rows, count):
    return [(rows.due, rows.take()["power"]) for _ in range(count)]


def test_a_loop_shows_every_row_each_time_round():
    """The last one lasts as long as the one before it."""
    assert due(Rows(parsed(CSV), 1.0), 7) == [(0, 5), (10, 7), (30, 6), (50, 5), (60, 7), (80, 6), (100, 5)]


def test_speed_divides_the_times():
    assert due(Rows(parsed(CSV), 10.0), 4) == [(0, 5), (1, 7), (3, 6), (5, 5)]


def test_without_a_loop_the_last_row_is_the_last():
    rows = Rows(parsed(CSV, loop=False), 1.0)
    assert due(rows, 3) == [(0, 5), (10, 7), (30, 6)]
    assert rows.due is None


def test_a_single_row_comes_each_second_of_a_loop_and_else_once():
    assert due(Rows(parsed("seconds,power\n0,5\n"), 1.0), 3) == [(0, 5), (1, 5), (2, 5)]
    rows = Rows(parsed("seconds,power\n0,5\n", loop=False), 1.0)
    assert due(rows, 1) == [(0, 5)]
    assert rows.due is None


def test_a_sample_is_the_row_whose_time_has_come(tmp_path, now):
    meter = replaying(tmp_path, now, units={"power": "W", "voltage": "V"})
    assert meter.channels == {"power": "W", "voltage": "V"}
    assert meter.sample() == {"power": 5, "voltage": 230}
    now.ns = 10_000_000_000
    assert meter.sample() == {"power": 7, "voltage": 231}


def test_what_is_set_is_read_at_once_until_it_is_given_back(tmp_path, now):
    meter = replaying(tmp_path, now)
    meter.sample()
    meter.set("power", 99.0)
    assert meter.sample() == {"power": 99, "voltage": 230}
    meter.set("power", None)
    assert meter.sample() == {"power": 5, "voltage": 230}


def test_a_sample_that_waits_can_be_interrupted(tmp_path, now):
    meter = replaying(tmp_path, now)
    meter.sample()
    waiting = threading.Thread(target=meter.sample)
    waiting.start()
    meter.source.interrupt()
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_calibration_corrects_the_readings(tmp_path, now):
    meter = replaying(tmp_path, now, calibration={"power": {"scale": 2.0, "offset": -1.0}})
    assert meter.sample() == {"power": 9.0, "voltage": 230}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"units": {"powr": "W"}}, 'sensor.meter.units.powr: the trace has no such column; did you mean "power"?'),
        ({"units": {"power": 3}}, "sensor.meter.units.power: must be text, not 3"),
        ({"speed": 0}, "sensor.meter: speed must be above 0"),
        ({"calibration": {"powr": {}}}, 'sensor.meter.calibration.powr: no such channel; did you mean "power"?'),
        ({"calibration": {"power": 3}}, "sensor.meter.calibration.power: must be a table"),
        (
            {"calibration": {"power": {"scal": 3}}},
            'sensor.meter.calibration.power.scal: unknown key; did you mean "sca',
        ),
        ({"calibration": {"power": {"scale": 0}}}, "sensor.meter.calibration.power: scale and offset must be finite"),
    ],
)
def test_a_wrong_section_is_named(tmp_path, now, table, says):
    with pytest.raises(InvalidError) as caught:
        replaying(tmp_path, now, **table)
    assert str(caught.value).startswith(says)


def test_a_missing_trace_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"trace\.csv does not exist"):
        build("meter", {"kind": "replay", "trace": str(tmp_path / "trace.csv")})


def record(path, units, *values):
    """A recording of `meter` and `fridge`: a row each second."""
    recorder = Recorder(path.suffix, units, node="kitchen")
    data = b""
    for second, row in enumerate(values):
        for channel, value in zip(units, row, strict=True):
            data += recorder.add(channel, value, (1000 + second) * 1_000_000_000)
    path.write_bytes(data + recorder.end())


UNITS = {"fridge.temperature": "Cel", "meter.power": "W", "meter.on": "", "fridge.pressure": "hPa"}
ROWS = ((4.5, 7.0, True, 1000.0), (None, 8, False, None), (5.5, None, None, 1001.0))


@pytest.mark.parametrize("suffix", [".csv", ".cbor"])
def test_a_sensor_takes_its_own_of_a_recording_of_several(tmp_path, now, suffix):
    record(tmp_path / f"day{suffix}", UNITS, *ROWS)
    meter = build("meter", {"kind": "replay", "trace": str(tmp_path / f"day{suffix}"), "loop": False}, now=now)
    assert meter.channels == ({"power": "W", "on": ""} if suffix == ".cbor" else {"power": "1", "on": "1"})
    assert meter.sample() == {"power": 7, "on": True}
    now.ns = 1_000_000_000
    assert meter.sample() == {"power": 8, "on": False}


@pytest.mark.parametrize("suffix", [".csv", ".cbor"])
def test_the_same_file_is_fed_to_a_test_in_virtual_time(tmp_path, suffix):
    record(tmp_path / f"day{suffix}", UNITS, *ROWS)
    _, recorded = feed({"trace": f"day{suffix}"}, tmp_path, where="feed")
    second = 1_000_000_000
    assert [*recorded] == [
        (0, "fridge.temperature", 4.5),
        (0, "meter.power", 7),
        (0, "meter.on", True),
        (0, "fridge.pressure", 1000),
        (second, "meter.power", 8),
        (second, "meter.on", False),
        (2 * second, "fridge.temperature", 5.5),
        (2 * second, "fridge.pressure", 1001),
    ]


@pytest.mark.parametrize("suffix", [".csv", ".cbor"])
def test_any_sensor_reads_a_recording_in_place_of_its_hardware(tmp_path, now, suffix, monkeypatch):
    """Also where what its hardware needs is not installed; values in a recording are corrected already."""
    monkeypatch.setattr("ganglion.sensors.chip.find_spec", lambda name: None)
    record(tmp_path / f"day{suffix}", UNITS, *ROWS)
    table = {"kind": "bme280", "bus": "/dev/i2c-1", "calibration": {"temperature": {"offset": 3.0}}}
    fridge = build("fridge", {**table, "replay": str(tmp_path / f"day{suffix}")}, now=now)
    real = build("fridge", {"kind": "bme280", "bus": "sim"})
    assert (fridge.name, fridge.kind, fridge.channels) == (real.name, real.kind, real.channels)
    assert fridge.type("temperature") == real.type("temperature")
    assert fridge.modality == "environment"
    assert fridge.sample() == {"temperature": 4.5, "pressure": 1000}
    assert fridge.simulated


@pytest.mark.parametrize(
    ("text", "table", "says"),
    [
        ("seconds,temprature\n0,1\n", {}, 'no such channel; did you mean "temperature"'),
        ("seconds,attic.temperature\n0,1\n", {}, "holds no rows of fridge: its columns are attic.temperature"),
        ("seconds,fridge.temperature\n0,\n", {}, "holds no rows of fridge"),
        ("seconds,x\n0,1\n", {"kind": "replay", "trace": "t.csv"}, "the kind replay has a trace"),
    ],
)
def test_a_recording_that_is_not_of_the_sensor_is_named(tmp_path, text, table, says):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InvalidError, match=says):
        build(
            "fridge",
            {**(table or {"kind": "bme280", "bus": "sim"}), "replay": "t.csv"},
            resolve=lambda name: tmp_path / name,
        )


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x"])
def test_what_is_no_value_is_not_set(tmp_path, now, value):
    meter = replaying(tmp_path, now)
    with pytest.raises(InvalidError, match="must be a number, true or false, or text, not "):
        meter.set("voltage", value)


def test_a_recording_goes_on_where_it_was_stopped(tmp_path, now):
    meter = replaying(tmp_path, now)
    assert meter.sample()["power"] == 5
    meter.source.close()
    now.ns = 3600_000_000_000
    meter.source.open()
    meter.set("voltage", 1)
    assert meter.sample()["power"] == 5
    now.ns += 10_000_000_000
    assert meter.sample() == {"power": 7, "voltage": 1}
