# SPDX-License-Identifier: GPL-3.0-or-later
"""gpio: edges become readings, by themselves, through gpiod's API over a chip in memory, and from a simulated line."""

import errno
import inspect
import threading
import time
from datetime import timedelta

import gpiod
import pytest
from gpiod.line import Bias, Clock, Direction, Edge
from hypothesis import given
from hypothesis import strategies as st

from ganglion import extras
from ganglion.errors import InvalidError, UsageError
from ganglion.sensors import build
from ganglion.sensors.edges import Edges
from support.fake_gpiod import Chip, Request
from support.sensing import running
from support.waiting import until

MS = 1_000_000
S = 1000 * MS


# -- edges become readings


def test_every_edge_is_a_reading_with_the_time_that_it_happened():
    edges = Edges(every=S)
    assert edges.begin(False, 0) == (0, {"state": False, "edges": 0})
    assert edges.edge(True, 5, 1) == [(5, {"state": True, "edges": 1})]
    assert edges.edge(False, 9, 2) == [(9, {"state": False, "edges": 2})]


def test_a_rate_is_the_mean_over_whole_periods():
    edges = Edges(every=S)
    edges.begin(False, 0)
    for number in range(1, 51):
        edges.edge(True, number * 10 * MS, number)
    assert edges.quiet(True, S - 1) is None
    assert edges.quiet(True, S + 3) == (S + 3, {"state": True, "edges": 50, "rate": 50.0})
    assert edges.due == 2 * S
    assert edges.quiet(True, 5 * S).values["rate"] == 0.0


def test_a_period_ends_at_its_time_though_an_edge_comes_late():
    edges = Edges(every=S)
    edges.begin(False, 0)
    edges.edge(True, 400 * MS, 1)
    assert edges.edge(False, 2500 * MS, 2) == [
        (2 * S, {"edges": 1, "rate": 0.5}),
        (2500 * MS, {"state": False, "edges": 2}),
    ]


def test_what_the_kernel_dropped_is_counted():
    edges = Edges(every=S)
    edges.begin(False, 0)
    edges.edge(True, 1, 1)
    edges.edge(True, 9, 901)
    assert edges.count == 901


def test_the_count_goes_on_when_the_line_is_requested_anew():
    edges = Edges(every=S)
    edges.begin(False, 0)
    edges.edge(True, 1, 1)
    assert edges.begin(True, S) == (S, {"state": True, "edges": 1})
    edges.edge(False, S + 1, 3)  # and of the new request the kernel dropped two
    assert edges.count == 4


@given(
    st.integers(100 * MS, 4 * S),
    st.lists(st.tuples(st.integers(0, 3 * S), st.integers(1, 5), st.booleans()), max_size=60),
)
def test_no_edge_is_counted_twice_or_not_at_all_and_time_does_not_go_back(every, steps):
    edges = Edges(every=every)
    readings = [edges.begin(False, 0)]
    now = number = 0
    for passed, step, quiet in steps:
        now += passed
        if quiet:
            readings += filter(None, [edges.quiet(False, now)])
        else:
            number += step
            readings += edges.edge(True, now, number)
    readings += filter(None, [edges.quiet(False, now + 2 * every)])
    times = [reading.timestamp for reading in readings]
    assert times == sorted(times)
    assert edges.count == number
    # The rates over their periods add up to the count
    ends = [0, *(r.timestamp - r.timestamp % every for r in readings if "rate" in r.values)]
    rates = [r.values["rate"] for r in readings if "rate" in r.values]
    counted = sum(rate * (b - a) / S for rate, a, b in zip(rates, ends, ends[1:], strict=False))
    assert counted == pytest.approx(number)


# -- through gpiod's API


@pytest.fixture
def chip(monkeypatch):
    chip = Chip("/dev/gpiochip0", lines=8, names={"GPIO4": 4})
    monkeypatch.setattr(gpiod, "request_lines", chip.request_lines)
    monkeypatch.setattr(gpiod, "Chip", chip.opened)
    return chip


def door(**table):
    return build("door", {"kind": "gpio", "chip": "/dev/gpiochip0", "line": 4, "every": "100ms", **table})


def taken(sensor, count):
    """So many samples, without those that an end of a period makes."""
    found = []
    while len(found) < count:
        values = sensor.sample()
        if "rate" not in values:
            found.append((values["state"], values["edges"]))
    return found


def test_the_fake_has_the_signatures_of_gpiod():
    assert list(inspect.signature(gpiod.request_lines).parameters) == list(
        inspect.signature(Chip("x").request_lines).parameters
    )
    for name in ("get_value", "set_value", "read_edge_events", "release"):
        assert list(inspect.signature(getattr(gpiod.LineRequest, name)).parameters) == list(
            inspect.signature(getattr(Request, name)).parameters
        )
    assert isinstance(gpiod.LineRequest.fd, property)


def test_edges_between_samples_are_not_lost(chip):
    sensor = door()
    sensor.source.open()
    for i in range(500):
        chip.set(4, i % 2 == 0, time.monotonic_ns())
    assert taken(sensor, 501) == [(False, 0), *((i % 2 == 0, i + 1) for i in range(500))]
    sensor.source.close()


def test_edges_beyond_what_the_kernel_keeps_are_still_counted(chip):
    sensor = door(every="4s")
    sensor.source.open()
    for i in range(5000):
        chip.set(4, i % 2 == 0, time.monotonic_ns())
    assert taken(sensor, 1025)[-1] == (False, 5000)
    sensor.source.close()


def test_a_low_line_that_is_active_low_is_active(chip):
    sensor = door(active_low=True)
    sensor.source.open()
    chip.set(4, True, time.monotonic_ns())
    chip.set(4, False, time.monotonic_ns())
    assert taken(sensor, 3) == [(True, 0), (False, 1), (True, 2)]
    sensor.source.close()


def test_without_an_edge_the_state_and_the_rate_are_given_once_a_period(chip):
    sensor = door()
    chip.set(4, True, 0)
    sensor.source.open()
    assert sensor.sample() == {"state": True, "edges": 0}
    assert sensor.sample() == {"state": True, "edges": 0, "rate": 0.0}
    sensor.source.close()


def test_what_the_section_says_is_asked_of_the_kernel(chip):
    sensor = door(line="GPIO4", bias="up", active_low=True, edges="falling", debounce="5ms")
    sensor.source.open()
    request = chip.requests[4]
    assert request.consumer == "ganglion door"
    assert request.settings == gpiod.LineSettings(
        direction=Direction.INPUT,
        bias=Bias.PULL_UP,
        active_low=True,
        edge_detection=Edge.FALLING,
        debounce_period=timedelta(milliseconds=5),
        event_clock=Clock.MONOTONIC,
    )
    sensor.source.close()
    assert not chip.requests


@pytest.mark.parametrize(
    ("table", "refuses", "says"),
    [
        ({"chip": "/dev/gpiochip9"}, None, r"there is no /dev/gpiochip9: `gpiodetect` lists"),
        ({"chip": "/dev/null", "line": 70}, None, r"/dev/null has no line 70: `gpioinfo` lists"),
        ({"chip": "/dev/null", "line": "LED"}, None, r"/dev/null has no line LED"),
        (
            {"chip": "/dev/null"},
            PermissionError(errno.EACCES, "x"),
            r"no permission for /dev/null: add the user \w+ to the group gpio \(sudo usermod -aG gpio",
        ),
        ({"chip": "/dev/null"}, OSError(errno.EINVAL, "x"), r"line 4 of /dev/null does not do that: Invalid argument"),
        ({"chip": "/dev/null"}, OSError(errno.EIO, "broken"), r"line 4 of /dev/null: .*broken"),
    ],
)
def test_a_line_that_cannot_be_had_says_why(chip, table, refuses, says):
    if table["chip"] == "/dev/null":  # a path that exists
        chip.path = "/dev/null"
    chip.refuses = refuses
    with pytest.raises(OSError, match=says):
        door(**table).source.open()


def test_gpiod_itself_refuses_what_is_no_gpiochip(tmp_path):
    """Past the fake: this machine's own gpiod and kernel."""
    with pytest.raises(OSError, match=r"there is no /dev/gpiochip99: `gpiodetect` lists"):
        door(chip="/dev/gpiochip99").source.open()
    with pytest.raises(OSError, match=r"/dev/null is no gpiochip"):
        door(chip="/dev/null").source.open()


def test_a_line_in_use_names_who_has_it(chip):
    first, second = door(), build("window", {"kind": "gpio", "chip": "/dev/gpiochip0", "line": 4})
    first.source.open()
    with pytest.raises(OSError, match="line 4 of /dev/gpiochip0 is in use by ganglion door") as caught:
        second.source.open()
    assert caught.value.errno == errno.EBUSY
    first.source.close()
    second.source.open()
    second.source.close()


def test_a_wait_ends_when_it_is_interrupted(chip):
    sensor = door(every="4s")
    sensor.source.open()
    sensor.sample()
    threading.Timer(0.05, sensor.source.interrupt).start()
    with pytest.raises(OSError, match="interrupted"):
        sensor.sample()
    sensor.source.close()
    sensor.source.interrupt()


async def test_an_edge_is_stamped_with_the_kernels_time(chip):
    async with running(door()) as (sensors, bus):
        await until(lambda: bus.events)
        happened = time.monotonic_ns() - 30 * S  # nobody came to read it until now
        chip.set(4, True, happened)
        await until(lambda: sensors.last("door.state") is True)
        offset = time.time_ns() - time.monotonic_ns()
        stamped = next(event[2] for event in bus.events if event[0] == "sensor/door/edges" and event[1] == 1)
    assert stamped == pytest.approx(happened + offset, abs=1 * S)


# -- simulated


async def test_a_simulated_line_is_what_it_is_set_to():
    async with running(door(chip="sim")) as (sensors, bus):
        await until(lambda: bus.events)
        for state in (True, False, True, None, True, True):
            sensors.set_simulated("door.state", state)
        await until(lambda: sensors.last("door.edges") == 5)
        assert list(dict.fromkeys(bus.values("sensor/door/edges"))) == [0, 1, 2, 3, 4, 5]
        await until(lambda: bus.values("sensor/door/rate"))
        for channel, value, says in [
            ("edges", 3, "set that one"),
            ("rate", 3, "set that one"),
            ("state", 2, "true or"),
        ]:
            with pytest.raises(InvalidError, match=says):
                sensors.set_simulated(f"door.{channel}", value)


async def test_of_a_storm_of_edges_every_one_is_emitted():
    async with running(door(chip="sim")) as (sensors, bus):
        await until(lambda: bus.events)
        for i in range(3000):
            sensors.set_simulated("door.state", i % 2 == 0)
        await until(lambda: sensors.last("door.edges") == 3000)
        assert list(dict.fromkeys(bus.values("sensor/door/edges"))) == list(range(3001))


def test_only_the_edges_asked_for_are_told():
    sensor = door(chip="sim", edges="falling")
    sensor.source.open()
    for state in (True, False, True, False):
        sensor.set("state", state)
    assert taken(sensor, 3) == [(False, 0), (False, 1), (False, 2)]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"chip": "gpiochip0"}, 'chip must be "/dev/gpiochipN" or "sim"'),
        ({"line": -1}, "line must be an offset from 0 or a name"),
        ({"bias": "pullup"}, "bias must be up, down, off or as-is"),
        ({"edges": "none"}, "edges must be rising, falling or both"),
        ({"debounce": "2s"}, "debounce must be 0s to 1s"),
        ({"every": "10s"}, "every must be 100ms to 4s"),
        ({"line": 1.5}, "line: must be a whole number or text"),
    ],
)
def test_a_wrong_section_is_refused(table, says):
    with pytest.raises(InvalidError, match=says):
        door(**table)


def test_without_gpiod_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(extras, "is_there", lambda name: False)
    with pytest.raises(UsageError, match=r"sensor\.door: /dev/gpiochip0 needs gpiod 2: pip install 'ganglion\[i2c\]'"):
        door()
