# SPDX-License-Identifier: GPL-3.0-or-later
"""fusion: what several channels come to, how old they may be, units, circles, and sensors that are computed at work."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion import config
from ganglion.analytics.fusion import MOST, Function, Fused, Fusion, Input, slope
from ganglion.bus import Bus
from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.node import Node
from ganglion.sensors import Sensors, build, ordered
from ganglion.sensors.schedule import Health
from support.waiting import until

S = 1_000_000_000
VALUES = st.floats(-1e6, 1e6)


def fusion(function, *max_ages, at_least=None, window=0, weights=None):
    inputs = [
        Input(name=f"i{i}", max_age=age * S, weight=(weights or [1.0] * len(max_ages))[i])
        for i, age in enumerate(max_ages)
    ]
    return Fusion(Function(function), inputs, at_least=at_least or len(inputs), window=window * S)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("mean", 4),
        ("weighted", (1 * 1 + 2 * 2 + 3 * 9) / 6),
        ("median", 2),
        ("least", 1),
        ("greatest", 9),
        ("any", True),
        ("all", True),
    ],
)
def test_the_newest_of_each_come_to_one(function, expected):
    made = fusion(function, 10, 10, 10, weights=[1.0, 2.0, 3.0])
    for i, value in enumerate((1, 2, 9)):
        made.take(i, 100, 0, 0)  # and is replaced
        made.take(i, value, i * S, i * S)
    assert made.fused(3 * S) == Fused(pytest.approx(expected), 3, "")


def test_true_and_false():
    for values, some, every in (((0, False), False, False), ((True, 0), True, False), ((1, True), True, True)):
        one, all_ = fusion("any", 10, 10), fusion("all", 10, 10)
        for i, value in enumerate(values):
            one.take(i, value, 0, 0)
            all_.take(i, value, 0, 0)
        assert (one.fused(0).value, all_.fused(0).value) == (some, every)
        assert type(one.fused(0).value) is bool


def test_a_difference_is_the_first_without_the_second():
    made = fusion("difference", 10, 10)
    made.take(1, 5, 0, 0)
    made.take(0, 3, 0, 0)
    assert made.fused(0).value == -2


def test_in_a_window_each_input_counts_once_however_often_it_is_read():
    made = fusion("mean", 100, 100, window=60)
    for t in range(10):
        made.take(0, t, t * S, t * S)
    made.take(1, 100, 9 * S, 9 * S)
    assert made.fused(9 * S).value == pytest.approx((4.5 + 100) / 2)
    assert made.fused(65 * S).value == pytest.approx((fmean([5, 6, 7, 8, 9]) + 100) / 2)
    assert made.fused(99 * S).value == pytest.approx((9 + 100) / 2), "the newest counts while it is fresh"


def test_what_is_too_old_does_not_count_and_the_rest_does_where_it_is_enough():
    made = fusion("weighted", 10, 30, 30, at_least=2, weights=[5.0, 1.0, 3.0])
    for i, value in enumerate((1, 2, 4)):
        made.take(i, value, 0, 0)
    assert made.fused(10 * S).inputs == 3
    assert made.deadline(0) == 10 * S + 1
    assert made.fused(10 * S + 1) == Fused((1 * 2 + 3 * 4) / 4, 2, "")
    assert made.deadline(10 * S + 1) == 30 * S + 1
    made.take(1, 2, 20 * S, 20 * S)
    assert made.fused(31 * S) == Fused(
        None, 1, "1 of 2 inputs that it needs are fresh: i0 is 31.0 s old, i2 is 31.0 s old"
    )
    assert made.deadline(51 * S) is None


def test_a_rate_is_the_slope_by_least_squares():
    made = fusion("rate", 100, window=60)
    made.take(0, 1, 0, 0)
    assert made.fused(0) == Fused(None, 1, "a rate needs two readings of i0 in the window")
    # By hand for (0, 1), (1, 2), (3, 7): mean time 4/3, mean value 10/3, slope = 29/3 / (14/3).
    made.take(0, 2, 1 * S, 1 * S)
    made.take(0, 7, 3 * S, 3 * S)
    assert made.fused(3 * S).value == pytest.approx(29 / 14)
    assert made.fused(62 * S).why


@given(st.floats(-100, 100), st.floats(-100, 100), st.lists(st.integers(0, 1000), min_size=2, unique=True))
def test_the_slope_of_a_line_is_its_own(rise, at, seconds):
    unix = 1_790_000_000 * S
    assert slope([(unix + t * S, at + rise * t) for t in seconds]) == pytest.approx(rise, abs=1e-6)


def test_a_slope_needs_two_times():
    assert slope([(5, 1.0), (5, 2.0)]) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "12", None, {"value": 3}])
def test_what_is_no_number_is_not_counted(value):
    made = fusion("mean", 10)
    made.take(0, value, 0, 0)
    assert made.fused(0).value is None


def test_a_reading_of_the_future_is_one_of_now():
    made = fusion("mean", 10)
    made.take(0, 1, 1000 * S, 0)
    assert made.fused(11 * S).value is None


@given(
    st.sampled_from(["mean", "median", "least", "greatest"]),
    st.lists(st.tuples(st.integers(0, 3), VALUES, st.integers(0, 20)), max_size=60),
    st.integers(0, 40),
    st.integers(1, 4),
)
def test_it_is_what_the_plain_definition_says(name, readings, window, at_least):
    """Beside all readings ever, looked through anew."""
    made = fusion(name, 15, 15, 30, 30, at_least=at_least, window=window)
    reduce = {"mean": fmean, "median": median, "least": min, "greatest": max}[name]
    seen: list[list[tuple[int, float]]] = [[], [], [], []]
    now = 0
    for i, value, passed in readings:
        now += passed
        made.take(i, value, now * S, now * S)
        seen[i].append((now, value))
        fresh = [each for each, age in zip(seen, (15, 15, 30, 30), strict=True) if each and now - each[-1][0] <= age]
        expected = None
        if len(fresh) >= at_least:
            inside = [[v for t, v in each if t >= now - window] or [each[-1][1]] for each in fresh]
            if not window:
                inside = [[each[-1][1]] for each in fresh]
            expected = pytest.approx(reduce([reduce(each) for each in inside]))
        assert made.fused(now * S)[:2] == (expected, len(fresh))


def test_it_holds_no_more_than_it_says():
    made = fusion("mean", 100, window=100)
    for t in range(3 * MOST):
        made.take(0, t, t, t)
    assert len(made._readings[0]) == MOST


class Clock:
    """Both clocks of a node, set by hand."""

    ns = 1_790_000_000 * S

    def now(self):
        return self.ns

    def __call__(self):
        return self.ns


def table(**keys):
    return {"kind": "fusion", "compute": "mean", "inputs": ["a.temperature", "b.temperature"], **keys}


CHIP = {"kind": "bme280", "bus": "sim", "every": "1h"}


def built(**tables):
    sensors = Sensors(Bus(), Clock())
    for sensor in ordered([build(name, table, where="node.toml: ") for name, table in tables.items()]):
        sensors.add(sensor)
    return sensors


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"compute": "men"}, 'sensor.f: compute must be one of mean, .*did you mean "mean"'),
        ({"compute": "xyz"}, "compute must be one of mean, [a-z, ]+$"),
        ({"inputs": []}, "inputs is empty"),
        ({"inputs": ["a.temperature"] * 2}, r"sensor.f.inputs\[1\]: a.temperature is there twice"),
        ({"inputs": ["a.temperature", "sensor/a/temperature"]}, r"inputs\[1\]: a.temperature is there twice"),
        ({"inputs": ["sensor/#"]}, r"inputs\[0\]: 'sensor/#' is no channel"),
        ({"inputs": ["temperature"]}, r"inputs\[0\]: 'temperature' is no channel"),
        ({"inputs": [{"chanel": "a.temperature"}]}, r'inputs\[0\].chanel: unknown key; did you mean "channel"'),
        ({"inputs": [{"channel": "a.temperature", "weight": 2}]}, r"inputs\[0\].weight: weights are for"),
        ({"inputs": [{"channel": "a.temperature", "weight": 0}], "compute": "weighted"}, "weight must be a number"),
        ({"inputs": [3]}, "must be text or a table"),
        ({"compute": "difference", "inputs": ["a.temperature"]}, "difference takes 2 of inputs, not 1"),
        ({"compute": "rate", "window": "1m"}, "rate takes 1 of inputs, not 2"),
        ({"compute": "rate", "inputs": ["a.temperature"]}, "set window"),
        ({"compute": "any", "unit": "Cel"}, "any is true or false and has no unit"),
        ({"at_least": 3}, "at_least must be 1 to 2, not 3"),
        ({"compute": "difference", "at_least": 1}, "at_least must be 2, not 1"),
        ({"max_age": "soon"}, "sensor.f.max_age: 'soon' is not a duration"),
        ({"inputs": ["a.temprature"]}, r"inputs\[0\]: there is no channel 'a.temprature'.*a.temperature"),
        ({"inputs": ["c.temperature"]}, r"inputs\[0\]: there is no channel 'c.temperature'"),
        ({"inputs": ["a.temperature", "b.humidity"]}, "sensor.f.unit: a.temperature is in Cel, b.humidity in %"),
        ({"inputs": ["a.temperature", "from/x/t"]}, "sensor.f.unit: the unit of from/x/t is not known here"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_place(keys, said):
    with pytest.raises(InvalidError, match=f"^node.toml: .*{said}"):
        built(f=table(**keys), a=CHIP, b=CHIP)


@pytest.mark.parametrize(
    ("keys", "unit"),
    [
        ({}, "Cel"),
        ({"inputs": ["a.temperature", "b.humidity"], "unit": "1"}, "1"),
        ({"inputs": ["from/attic/temperature"], "unit": "Cel"}, "Cel"),
        ({"inputs": ["a.temperature"], "compute": "rate", "window": "1m"}, "Cel/s"),
        ({"inputs": ["g.value"]}, "1"),
        ({"inputs": ["g.value"], "compute": "any"}, ""),
    ],
)
def test_the_unit_is_that_of_the_inputs_or_of_the_table(keys, unit):
    either = table(compute="any", inputs=["a.humidity", "b.humidity"])
    sensors = built(f=table(**keys), g=either, a=CHIP, b=CHIP)
    assert sensors.capabilities()["f.value"] == {"unit": unit, "kind": "fusion"}
    assert sensors.capabilities()["f.inputs"] == {"unit": "1", "kind": "fusion"}


def test_a_circle_is_refused_and_named():
    circle = {"f": table(inputs=["g.value"]), "g": table(inputs=["h.inputs"]), "h": table(inputs=["sensor/f/value"])}
    with pytest.raises(InvalidError, match=r"^node.toml: sensor\.(.)\.inputs.*: is computed in a circle: ") as raised:
        built(**circle, a=CHIP)
    assert any(f"{' from '.join(each)};" in str(raised.value) for each in ("fghf", "ghfg", "hfgh"))
    with pytest.raises(InvalidError, match=r"in a circle: f from f"):
        built(f=table(inputs=["f.value"]))


def test_a_node_with_a_circle_does_not_start(tmp_path):
    (tmp_path / "node.toml").write_text(
        '[node]\nname = "n"\n'
        '[sensor.f]\nkind = "fusion"\ncompute = "mean"\ninputs = ["g.value"]\n'
        '[sensor.g]\nkind = "fusion"\ncompute = "mean"\ninputs = ["f.value"]\n'
    )
    with pytest.raises(
        InvalidError, match=r"node.toml: sensor\..*: is computed in a circle: [fg] from [fg] from [fg];"
    ):
        Node(config.load(tmp_path / "node.toml"), tmp_path / "state")


def test_one_that_is_computed_from_another_may_stand_before_it():
    sensors = built(f=table(inputs=["g.value"]), g=table(), a=CHIP, b=CHIP)
    assert sensors.capabilities()["f.value"]["unit"] == "Cel"


@asynccontextmanager
async def working(**tables):
    bus, clock = Bus(), Clock()
    sensors = Sensors(bus, clock, monotonic=clock)
    for sensor in ordered([build(name, each) for name, each in tables.items()]):
        sensors.add(sensor)
    events = []
    bus.subscribe("sensor/f/#", events.append)
    task = asyncio.create_task(sensors.run())
    await until(lambda: len(bus.subscriptions()) > 1, what="it listens")
    try:
        yield sensors, bus, clock, events
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def of(events, channel):
    return [each.value for each in events if each.topic == f"sensor/f/{channel}"]


def status(sensors, channel="f.value"):
    return next(each for each in sensors.status() if each.id == channel)


REMOTE = {"inputs": ["from/attic/t", "from/cellar/t"], "unit": "Cel", "max_age": "10s"}


async def test_a_value_is_emitted_with_each_reading_that_changes_it():
    async with working(f=table(**REMOTE)) as (sensors, bus, clock, events):
        assert status(sensors).health is Health.STARTING
        bus.emit("from/attic/t", 20.0, timestamp=clock.ns)
        assert (of(events, "value"), of(events, "inputs")) == ([], [0, 1])
        assert status(sensors).error == "1 of 2 inputs that it needs are fresh: from/cellar/t was never read"
        bus.emit("from/cellar/t", 10.0, timestamp=clock.ns)
        bus.emit("from/cellar/t", 12.0, timestamp=clock.ns)
        assert (of(events, "value"), of(events, "inputs")) == ([15.0, 16.0], [0, 1, 2])
        assert (status(sensors).health, status(sensors).error, status(sensors).count) == (Health.OK, "", 2)
        assert (events[-1].source, events[-1].timestamp) == ("f.value", clock.ns)
        assert bus.type(bus.topic("sensor/f/value")) == "signal.input.internal.fusion.value"
        assert sensors.last("f.value") == await sensors.read("f.value") == 16.0


async def test_who_reads_it_at_the_start_waits_for_its_inputs_and_no_longer_than_they_may_be_old():
    async with working(f=table(**REMOTE)) as (sensors, bus, clock, _):
        reading = asyncio.create_task(sensors.read("f.value"))
        await asyncio.sleep(0)
        for name in ("attic", "cellar"):
            assert not reading.done()
            bus.emit(f"from/{name}/t", 20.0, timestamp=clock.ns)
        assert await reading == 20.0
    async with working(f=table(**{**REMOTE, "max_age": "20ms"})) as (sensors, _, clock, _events):
        reading = asyncio.create_task(sensors.read("f.value"))
        await asyncio.sleep(0)
        clock.ns += S
        with pytest.raises(UnreachableError, match="from/attic/t was never read"):
            await reading
    async with working(f=table(**REMOTE)) as (sensors, _, clock, _events):
        reading = asyncio.create_task(sensors.read("f.value"))
        await asyncio.sleep(0)
        await sensors.stop("f")
        with pytest.raises(UnreachableError, match="is stopped"):
            await reading


async def test_numbers_that_are_too_large_to_compute_with_are_a_failure_that_passes():
    async with working(f=table(**REMOTE)) as (sensors, bus, clock, events):
        for value, health in ((20.0, Health.OK), (1.7e308, Health.FAILING), (21.0, Health.OK)):
            bus.emit("from/attic/t", value, timestamp=clock.ns)
            bus.emit("from/cellar/t", value, timestamp=clock.ns)
            assert status(sensors).health is health
        assert status(sensors).errors == 1
        assert of(events, "value")[-1] == 21.0
    async with working(f={"kind": "analytics", "input": "from/attic/t"}) as (sensors, bus, clock, _):
        for i in range(60):
            bus.emit("from/attic/t", 1e200 * (-1) ** i, timestamp=clock.ns + i * 10**9)
        assert not any(each.failed for each in bus.subscriptions())


async def test_with_too_few_there_is_no_value_and_the_health_says_why():
    async with working(f=table(**REMOTE)) as (sensors, bus, clock, events):
        for name in ("attic", "cellar"):
            bus.emit(f"from/{name}/t", 20.0, timestamp=clock.ns)
        clock.ns += 8 * S
        bus.emit("from/attic/t", 20.0, timestamp=clock.ns)
        clock.ns += 8 * S
        bus.emit("from/attic/t", 20.0, timestamp=clock.ns)
        assert of(events, "inputs") == [0, 1, 2, 1]
        assert (status(sensors).health, status(sensors).errors) == (Health.FAILING, 1)
        assert "from/cellar/t is 16.0 s old" in status(sensors).error
        assert sensors.last("f.value") is None
        with pytest.raises(UnreachableError, match=r"from/cellar/t is 16\.0 s old"):
            await sensors.read("f.value")
        bus.emit("from/cellar/t", 22.0, timestamp=clock.ns)
        assert (status(sensors).health, of(events, "value")[-1]) == (Health.OK, 21.0)


async def test_an_input_that_falls_silent_is_noticed_without_another_event():
    async with working(f=table(**{**REMOTE, "max_age": "20ms"})) as (sensors, bus, clock, events):
        for name in ("attic", "cellar"):
            bus.emit(f"from/{name}/t", 20.0, timestamp=clock.ns)
        assert status(sensors).health is Health.OK
        clock.ns += S
        await until(lambda: status(sensors).health is Health.FAILING)
        assert of(events, "inputs") == [0, 1, 2, 0]


async def test_one_that_never_hears_anything_says_so_after_its_patience():
    async with working(f=table(**{**REMOTE, "max_age": "20ms"})) as (sensors, _, clock, _events):
        assert status(sensors).health is Health.STARTING
        clock.ns += S
        await until(lambda: status(sensors).health is Health.FAILING)
        assert "from/attic/t was never read" in status(sensors).error


async def test_it_is_computed_from_chips_and_from_another_one():
    chips = {"a": {**CHIP, "every": "10ms"}, "b": {**CHIP, "every": "10ms"}}
    f = table(inputs=["g.value"], compute="greatest", calibration={"value": {"offset": 100.0}})
    async with working(f=f, g=table(), **chips) as (sensors, _, _, events):
        sensors.set_simulated("a.temperature", 10.0)
        sensors.set_simulated("b.temperature", 40.0)
        await until(lambda: of(events, "value") and of(events, "value")[-1] == pytest.approx(125, abs=0.1))
        assert status(sensors).calibration == "calibrated"
        assert status(sensors, "f.inputs").value == 1
        with pytest.raises(RefusedError, match=r"^f is computed \(fusion\) from g\.value: set that, if"):
            sensors.set_simulated("f.value", 1.0)


async def test_one_that_is_stopped_hears_nothing_and_begins_again():
    async with working(f=table(**REMOTE)) as (sensors, bus, clock, events):
        await sensors.stop("f")
        for name in ("attic", "cellar"):
            bus.emit(f"from/{name}/t", 20.0, timestamp=clock.ns)
        assert of(events, "value") == []
        assert status(sensors).health is Health.STOPPED
        with pytest.raises(UnreachableError, match="is stopped"):
            await sensors.read("f.value")
        sensors.start("f")
        await until(lambda: status(sensors).health is Health.STARTING)
        for name in ("attic", "cellar"):
            bus.emit(f"from/{name}/t", 20.0, timestamp=clock.ns)
        assert of(events, "value") == [20.0]
        await sensors.remove("f")
        assert not sensors.status()


async def test_a_circle_cannot_be_closed_later_either():
    async with working(f=table(**REMOTE)) as (sensors, _, _, _events):
        sensors.add(build("g", table(inputs=["f.value"])))
        with pytest.raises(InvalidError, match="in a circle"):
            sensors.change(into=[build("f", table(inputs=["g.value"]))])


async def test_what_another_is_computed_from_stays_until_that_goes():
    async with working(f=table(**REMOTE)) as (sensors, _, _, _events):
        sensors.add(build("g", table(inputs=["f.value"])))
        with pytest.raises(InvalidError, match=r"sensor\.f: is an input of g: take it out of the inputs there"):
            await sensors.remove("f")
        assert status(sensors).health is not Health.STOPPED
        await sensors.remove("g")
        await sensors.remove("f")


def analytics(**keys):
    return {"kind": "analytics", "input": "from/attic/t", "warm_up": 5, **keys}


async def test_analytics_tell_scores_and_flags_that_change():
    async with working(f=analytics()) as (sensors, bus, clock, events):
        for i, value in enumerate((20, 20.5, 21, 20.5, 20, 20.5, 99, 20.5)):
            assert status(sensors, "f.zscore").health is (Health.STARTING if i < 6 else Health.OK)
            bus.emit("from/attic/t", value, timestamp=clock.ns)
            clock.ns += S
        deviation = 1.4826 * 0.5 * (1 - 2 / 201) ** 0.5  # by hand: one reading was just the mean
        assert of(events, "zscore") == pytest.approx([0, (99 - 20.5) / deviation, 0])
        assert (of(events, "anomaly"), of(events, "change")) == ([False, True, False], [False])
        assert bus.type(bus.topic("sensor/f/anomaly")) == "signal.anomaly.anomaly"


async def test_analytics_forecast_where_there_is_a_season():
    keys = {"every": "1m", "season": "3m", "unit": "Cel"}
    async with working(f=analytics(**keys)) as (sensors, bus, clock, events):
        assert sensors.capabilities()["f.forecast"]["unit"] == "Cel"
        clock.ns -= clock.ns % (60 * S)
        for step in range(9):
            bus.emit("from/attic/t", 20.0 + (0, 3, 9)[step % 3], timestamp=clock.ns + step * 60 * S)
        assert of(events, "forecast") == pytest.approx([20, 23, 29])
        assert of(events, "forecast_error") == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"input": "x"}, "sensor.f.input: 'x' is no channel"),
        ({"input": "a.temperatur"}, "sensor.f.input: there is no channel 'a.temperatur'"),
        ({"season": "1d"}, "sensor.f: a season has steps: set every"),
        ({"season": "1d", "every": "7m"}, "a season has 2 to 1440 whole steps"),
        ({"season": "1d", "every": "1s"}, "a season has 2 to 1440 whole steps"),
        ({"season": "1d", "every": "1h"}, "sensor.f.unit: the unit of from/attic/t is not known here"),
        ({"warm_up": 1}, "warm_up is 5 to 10000"),
        ({"threshold": 0.0}, "threshold is a number above 0"),
        ({"input": "f.zscore"}, "in a circle: f from f"),
    ],
)
def test_what_is_wrong_with_an_analysis_is_said(keys, said):
    with pytest.raises(InvalidError, match=said):
        built(f=analytics(**keys), a=CHIP)
