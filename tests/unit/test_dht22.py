# SPDX-License-Identifier: GPL-3.0-or-later
"""dht22: the forty bits, with a model of the line and its faults, and the kernel's files."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sensors import build
from ganglion.sim.dht22 import ChipModel, Fault
from ganglion_micro.drivers.dht22 import DHT22, bits, decode
from support.sensing import running
from support.sysfs import converter
from support.waiting import until

S = 1_000_000_000


class Bench:
    def __init__(self):
        self.now = 0
        self.chip = ChipModel(now=lambda: self.now)
        self.driver = DHT22(self.chip.readinto, "pin")

    def measure(self):
        self.now += self.driver.start() * 1_000_000 + 2 * S
        return self.driver.sample()


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize(
    ("word", "humidity", "celsius"),
    [
        ("0000 0010 1001 0010 0000 0001 0000 1101 1010 0010", 65.8, 26.9),
        ("0000 0010 1000 1100 0000 0001 0101 1111 1110 1110", 65.2, 35.1),
        ("0000 0010 1000 1100 1000 0000 0110 0101 0111 0011", 65.2, -10.1),
    ],
)
def test_the_data_sheets_examples(word, humidity, celsius):
    """The AM2302's two, and its example of a temperature below zero."""
    data = int(word.replace(" ", ""), 2).to_bytes(5, "big")
    assert decode(data) == {"temperature": celsius, "humidity": humidity}


@pytest.mark.parametrize(("celsius", "percent"), [(20, 45), (-39.9, 0.1), (0, 100), (79.9, 99.9), (-0.1, 50)])
def test_what_the_chip_measures_is_read_the_next_time(bench, celsius, percent):
    bench.chip.set(celsius=celsius, percent=percent)
    assert bench.measure() == {"temperature": 20, "humidity": 45}
    assert bench.measure() == {"temperature": celsius, "humidity": percent}


@given(st.integers(-400, 800), st.integers(0, 1000))
def test_pulses_carry_every_reading(celsius, percent):
    bench = Bench()
    bench.chip.set(celsius=celsius / 10, percent=percent / 10)
    bench.measure()
    bench.now += 2 * S
    highs = [time for level, time in bench.chip.line() if level]
    if not (celsius or percent):
        return  # the reading that a line held low has too
    expected = {"temperature": celsius / 10, "humidity": percent / 10}
    assert decode(bits(highs[1:])) == decode(bits(highs[2:])) == expected


@pytest.mark.parametrize(
    ("fault", "says", "number"),
    [
        (Fault.SILENT, "does not answer", errno.ETIMEDOUT),
        (Fault.CUT, "does not answer", errno.ETIMEDOUT),
        (Fault.NOISE, "the checksum is wrong", errno.EIO),
    ],
)
def test_a_fault_is_an_error_and_then_it_reads_again(bench, fault, says, number):
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says) as caught:
        bench.measure()
    assert caught.value.errno == number
    bench.chip.fault = None
    assert bench.measure() == {"temperature": 20, "humidity": 45}


def test_a_chip_that_is_asked_too_often_is_silent(bench):
    bench.measure()
    with pytest.raises(OSError, match="does not answer"):
        bench.driver.sample()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("00 00 00 00 00", "held low"),
        ("ff ff ff ff fc", "outside the chip's range"),
        ("03 e9 00 00 ec", "100.1 % at 0.0 Cel is outside"),
        ("00 01 81 91 13", "-40.1 Cel is outside"),
        ("02 8c 01 5f", "the checksum is wrong"),
        ("02 8c 01 5f ef", "the checksum is wrong"),
    ],
)
def test_what_the_chip_cannot_have_said_is_refused(data, says):
    with pytest.raises(OSError, match=says):
        decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("highs", "says"),
    [([26] * 39, "39 pulses in place of 40"), ([26] * 42, "42 pulses"), ([26] * 39 + [4], "4 us"), ([150] * 40, "150")],
)
def test_pulses_that_are_not_the_chips_are_refused(highs, says):
    with pytest.raises(OSError, match=says):
        bits(highs)


@given(st.binary(min_size=5, max_size=5))
def test_no_bits_do_worse_than_an_error(data):
    try:
        values = decode(data)
    except OSError:
        return
    assert 0 <= values["humidity"] <= 100
    assert -40 <= values["temperature"] <= 125


# -- the kernel's driver


def cellar(root, **table):
    sensor = build("cellar", {"kind": "dht22", "root": str(root), **table})
    sensor.source.open()
    return sensor


def test_the_kernels_thousandths(tmp_path):
    converter(tmp_path, 0, "ads1015")
    converter(tmp_path, 1, "dht11@4", in_temp_input=-2300, in_humidityrelative_input=45600)
    assert cellar(tmp_path).sample() == {"temperature": -2.3, "humidity": 45.6}


def test_of_two_one_has_to_be_named(tmp_path):
    with pytest.raises(
        NotFoundError, match=r"Linux has no device 'dht11' here: load its driver \(Raspberry Pi: dtoverlay=dht11"
    ):
        cellar(tmp_path)
    converter(tmp_path, 0, "dht11@4", in_temp_input=1000, in_humidityrelative_input=2000)
    converter(tmp_path, 1, "dht11@17", in_temp_input=3000, in_humidityrelative_input=4000)
    with pytest.raises(InvalidError, match=r"which of iio:device0, iio:device1\?"):
        cellar(tmp_path)
    assert cellar(tmp_path, device="dht11@17").sample() == {"temperature": 3, "humidity": 4}
    assert cellar(tmp_path, device="iio:device0").sample() == {"temperature": 1, "humidity": 2}


@pytest.mark.parametrize(
    ("table", "says"), [({"bus": "w1"}, "bus must be iio or sim"), ({"every": "1s"}, "every must be 2s or more")]
)
def test_a_wrong_section_is_refused(tmp_path, table, says):
    with pytest.raises(InvalidError, match=says):
        cellar(tmp_path, **table)


async def test_a_simulated_chip_reads_what_is_set(tmp_path):
    now = 0
    sensor = build("cellar", {"kind": "dht22", "bus": "sim"}, now=lambda: now)
    async with running(sensor) as (sensors, _):
        await until(lambda: sensors.last("cellar.humidity") == 45)
        sensors.set_simulated("cellar.humidity", 81)
        sensors.set_simulated("cellar.temperature", -3)
        assert await sensors.read("cellar.humidity") == 45
        now += 2 * S
        await sensors.read("cellar.humidity")
        now += 2 * S
        assert await sensors.read("cellar.humidity") == 81
        assert sensors.last("cellar.temperature") == -3
        with pytest.raises(InvalidError, match="percent must be 0 to 100"):
            sensors.set_simulated("cellar.humidity", 101)
        with pytest.raises(InvalidError, match="must be a number"):
            sensors.set_simulated("cellar.humidity", False)
