# SPDX-License-Identifier: GPL-3.0-or-later
"""chips: what holds for every row of the table, of the drivers on their models and of the sensors made of them."""

import math
from dataclasses import fields
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, UsageError
from ganglion.sensors import build, chip
from ganglion.sensors.chips import CHIPS, ChipSection
from ganglion.sensors.sensor import KINDS
from ganglion.sim.device import Fault
from support.chips import EXPECTED, Answering, Bench, Cut

S = 1_000_000_000


@pytest.fixture(params=sorted(CHIPS))
def kind(request):
    return request.param


#: Values of options that a driver does take, which a random one seldom is.
LIKELY = {
    "full_scale": [6.144, 0.256],
    "rate": [8, 860],
    "sensitivity": [31, 254],
    "oversampling": [1, 16],
    "repeatability": ["low", "high"],
    "shunt": [0.1, 1e-6],
    "max_current": [3.2, 0.3, 3e5],
    "acceleration": [2, 16],
    "rotation": [250, 2000],
    "budget": [20, 200],
    "queue": [False, True],
}
OF = {bool: st.booleans(), int: st.integers(), float: st.floats(), str: st.text()}


def options(kind):
    """Of a chip's section: name to type."""
    section = CHIPS[kind].section
    common = {field.name for field in fields(ChipSection)}
    return {name: of for name, of in get_type_hints(section).items() if name not in common}


def rest(expected):
    """Surroundings in the middle of what the chip measures."""
    return {name: (low + high) / 2 for name, (low, high) in expected.given.items()}


def test_every_chip_is_a_kind_and_is_expected_something():
    assert {kind for kind, module in KINDS.items() if module == "ganglion.sensors.chip"} == set(CHIPS) == set(EXPECTED)


def test_every_channel_has_its_unit_and_what_is_expected_of_it(kind):
    bench, expected = Bench(kind), EXPECTED[kind]
    values, channels = bench.measure(bench.driver()), CHIPS[kind].driver_class().channels
    assert set(values) == set(channels)
    assert all(isinstance(values[channel], bool) == (not unit) for channel, unit in channels.items())
    assert set(CHIPS[kind].driver_class().channels) <= set(expected.within) == set(expected.range)


@pytest.mark.parametrize("kind", sorted(CHIPS))
@given(data=st.data())
def test_what_is_there_reads_back_within_the_chips_resolution(kind, data):
    bench, expected = Bench(kind), EXPECTED[kind]
    given = {name: data.draw(st.floats(low, high), name) for name, (low, high) in expected.given.items()}
    bench.model.set(**given)
    values = bench.measure(bench.driver())
    wanted = expected.reads(given)
    for channel, value in values.items():
        assert value == pytest.approx(wanted[channel], abs=expected.within[channel]), channel


@pytest.mark.parametrize("kind", sorted(CHIPS))
@given(data=st.data())
def test_no_bytes_do_worse_than_an_error_of_the_bus(kind, data):
    bench, expected = Bench(kind), EXPECTED[kind]
    lengths = st.sampled_from([0, -1, 1, 0, 0, 0, 0])

    def answer(count):
        size = max(count + data.draw(lengths), 0)
        return data.draw(st.binary(min_size=size, max_size=size))

    assert in_range(expected, or_nothing(lambda: bench.measure(bench.driver(Answering(answer)))))


@pytest.mark.parametrize("kind", sorted(CHIPS))
@given(data=st.data())
def test_no_bytes_after_a_good_start_do_worse_either(kind, data):
    """As before, but from the first `sample` on: identity and calibration were read well."""
    bench, expected = Bench(kind), EXPECTED[kind]
    driver = bench.driver()
    bench.now += driver.start() * 1_000_000
    read = bench.model.read
    bench.model.read = lambda count: bytes(
        data.draw(st.sampled_from([old, old, old, 0, 0xFF, old ^ 0x80, old ^ 1])) for old in read(count)
    )
    assert in_range(expected, or_nothing(driver.sample))


def or_nothing(ask):
    try:
        return ask()
    except OSError:
        return {}


def in_range(expected, values):
    return all(expected.range[channel][0] <= value <= expected.range[channel][1] for channel, value in values.items())


@pytest.mark.parametrize("when", ["before the first word", "before start", "before sample"])
def test_a_chip_that_vanishes_is_an_error_wherever_it_does_and_comes_back(kind, when):
    bench = Bench(kind)
    if when == "before the first word":
        bench.model.fault = Fault.NACK
        with pytest.raises(OSError, match="does not acknowledge"):
            bench.measure(bench.driver())
        bench.model.fault = None
    driver = bench.driver()
    if when == "before sample":
        bench.now += driver.start() * 1_000_000
        bench.model.fault = Fault.NACK
        with pytest.raises(OSError, match="does not acknowledge"):
            driver.sample()
    else:
        bench.model.fault = Fault.NACK
        with pytest.raises(OSError, match="does not acknowledge"):
            driver.start()
    bench.model.fault = None
    bench.now += S
    assert bench.measure(bench.driver())


def test_another_address_is_silent(kind):
    bench = Bench(kind)
    bench.i2c = type(bench.i2c)({})
    with pytest.raises(OSError, match="nothing acknowledges address"):
        bench.measure(bench.driver())


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NACK])
@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_fault_is_found_out_wherever_the_chip_gives_the_means(kind, fault, from_the_start):
    bench, expected = Bench(kind), EXPECTED[kind]
    bench.model.set(**rest(expected))
    driver = None if from_the_start else bench.driver()
    bench.model.fault = fault
    if fault in expected.unseen:
        values = or_nothing(lambda: bench.measure(driver or bench.driver()))
        assert in_range(expected, values)
        return
    with pytest.raises(OSError, match=r"\[Errno \d+\] \w"):
        bench.measure(driver or bench.driver())
    bench.model.fault = None
    bench.now += S
    assert bench.measure(bench.driver())


@pytest.mark.parametrize("keep", [lambda count: 0, lambda count: count - 1], ids=["nothing", "all but one"])
@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_short_read_is_an_error(kind, keep, from_the_start):
    bench = Bench(kind)
    cut = [not from_the_start]
    driver = bench.driver if from_the_start else None
    i2c = Cut(bench.i2c, lambda count: count if cut[0] else keep(count))
    with pytest.raises(OSError, match=r"\d+ bytes of \d+"):  # noqa: PT012
        driver = bench.driver(i2c)
        cut[0] = False
        bench.measure(driver)


def test_a_sample_before_its_time_is_refused_or_old(kind):
    bench, expected = Bench(kind), EXPECTED[kind]
    driver = bench.driver()
    driver.start()
    if Fault.BUSY in expected.unseen:
        driver.sample()
        return
    with pytest.raises(OSError, match=r"still|does not acknowledge"):
        driver.sample()


def test_a_simulated_sensor_reads_what_is_set_for_each_channel(kind):
    sensor = build("s", {"kind": kind, "bus": "sim"})
    expected, quantities = EXPECTED[kind], CHIPS[kind].quantities()
    sensor.source.open()
    for channel in sensor.channels:
        if channel not in quantities:
            with pytest.raises(InvalidError, match=f"s.{channel}: it follows from others: set "):
                sensor.set(channel, 1)
            continue
        low, high = expected.given[quantities[channel]]
        sensor.set(channel, (low + 2 * high) / 3)
        assert sensor.sample()[channel] == pytest.approx((low + 2 * high) / 3, abs=expected.within[channel])
        with pytest.raises(InvalidError, match="must be a number"):
            sensor.set(channel, True)
        with pytest.raises(InvalidError, match=r"must be -?[0-9.]+ to"):
            sensor.set(channel, 1e9)
        with pytest.raises(InvalidError, match="must be a number, not 'warm'"):
            sensor.set(channel, "warm")
    sensor.source.close()


def test_a_simulated_sensor_follows_its_trace(kind, tmp_path):
    expected = EXPECTED[kind]
    rows = [",".join(["seconds", *expected.given])]
    rows += [
        ",".join([str(second), *(str(low + (high - low) / 4 * place) for low, high in expected.given.values())])
        for second, place in enumerate((1, 2))
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    table = {"kind": kind, "bus": "sim", "trace": "t.csv", "loop": False}
    sensor = build("s", table, resolve=lambda name: tmp_path / name, now=Bench(kind).passing)
    sensor.source.open()
    wanted = expected.reads({name: (low + high) / 2 for name, (low, high) in expected.given.items()})
    for channel, value in sensor.sample().items():
        assert value == pytest.approx(wanted[channel], abs=expected.within[channel])


def test_an_address_that_the_chip_cannot_have_is_refused(kind):
    for address in CHIPS[kind].addresses:
        assert build("s", {"kind": kind, "bus": "sim", "address": address}).sample
    with pytest.raises(InvalidError, match=r"sensor\.s\.address: must be 0x.*, not 0x11"):
        build("s", {"kind": kind, "bus": "sim", "address": 0x11})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"kind": "ads1115", "full_scale": 5}, "full_scale must be 6.144, 4.096"),
        ({"kind": "ads1115", "rate": 100}, "rate must be 8, 16"),
        ({"kind": "bh1750", "sensitivity": 30}, "sensitivity must be 31 to 254"),
        ({"kind": "ina219", "shunt": 0.5}, "shunt 0.5 ohm times max_current 3.2 A must be 0.0205 to 0.32 V"),
        ({"kind": "ina219", "shunt": -0.1, "max_current": -3.2}, "shunt -0.1 ohm"),
        ({"kind": "ina219", "max_current": float("nan")}, "max_current nan A"),
        ({"kind": "sht3x", "repeatability": "best"}, "repeatability must be low, medium or high"),
        ({"kind": "aht20", "oversampling": 1}, "unknown key"),
    ],
)
def test_an_option_that_the_chip_has_not_is_refused_when_the_node_starts(table, says):
    with pytest.raises(InvalidError, match=r"^sensor\.s") as caught:
        build("s", {"bus": "sim", **table})
    assert says in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in sorted(CHIPS) if options(kind)])
@given(data=st.data())
def test_any_options_are_refused_or_read_what_is_there_or_say_that_they_cannot(kind, data):
    drawn = {
        name: data.draw(st.sampled_from(LIKELY.get(name, [])) | OF[of], name) for name, of in options(kind).items()
    }
    try:
        build("s", {"kind": kind, "bus": "sim", **drawn})
    except InvalidError:
        return
    bench = Bench(kind, **CHIPS[kind].section(kind=kind, bus="sim", **drawn).options())
    assert all(math.isfinite(value) for value in or_nothing(lambda: bench.measure(bench.driver())).values())


def test_without_smbus2_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(chip, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"sensor\.s: /dev/i2c-1 needs smbus2: pip install 'ganglion\[i2c\]'"):
        build("s", {"kind": "sht3x", "bus": "/dev/i2c-1"})
