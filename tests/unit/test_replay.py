# SPDX-License-Identifier: GPL-3.0-or-later
"""replay: recorded rows come at their times."""

import threading

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sensors import build
from ganglion.sensors.replay import Rows
from ganglion.sim import trace

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


def due(rows, count):
    return [(rows.due, rows.take()["power"]) for _ in range(count)]


def test_rows_are_due_when_they_were_recorded_and_a_loop_has_no_gap():
    """In a loop the last row is where the first is again, so its values are not shown."""
    assert due(Rows(trace.parse(CSV), 1.0), 5) == [(0, 5), (10, 7), (30, 5), (40, 7), (60, 5)]


def test_speed_divides_the_times():
    assert due(Rows(trace.parse(CSV), 10.0), 4) == [(0, 5), (1, 7), (3, 5), (4, 7)]


def test_without_a_loop_the_last_row_is_the_last():
    rows = Rows(trace.parse(CSV, loop=False), 1.0)
    assert due(rows, 3) == [(0, 5), (10, 7), (30, 6)]
    assert rows.due is None


def test_a_single_row_is_shown_once():
    rows = Rows(trace.parse("seconds,power\n0,5\n"), 1.0)
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
