# SPDX-License-Identifier: GPL-3.0-or-later
"""sht3x: the data sheet's checksum and formulas, and the model's commands. What all chips share is in test_chips."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim import crc
from ganglion.sim.device import Fault
from ganglion_micro.drivers import crc8
from ganglion_micro.drivers.sht3x import SHT3x
from support.chips import Answering, Bench

MILLISECOND = 1_000_000


@pytest.fixture
def bench():
    return Bench("sht3x")


def word(value):
    return crc.with_crc(value.to_bytes(2, "big"))


def test_the_checksum_is_the_data_sheets_example():
    """SHT3x-DIS, "Checksum Calculation": CRC(0xBEEF) = 0x92."""
    assert crc8.crc8(b"\xbe\xef") == 0x92
    assert crc.crc8(b"\xbe\xef") == 0x92


@given(st.binary(max_size=8))
def test_driver_and_model_reckon_the_same_checksum_in_two_ways(data):
    assert crc8.crc8(data) == crc.crc8(data)


@given(st.binary(min_size=2, max_size=2), st.integers(0, 23))
def test_no_single_bit_that_is_turned_gets_through(data, place):
    whole = bytearray(crc.with_crc(data))
    whole[place // 8] ^= 1 << place % 8
    with pytest.raises(OSError, match="the CRC of 2 bytes is wrong") as caught:
        crc8.checked(bytes(whole), 2)
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize(
    ("temperature", "humidity", "celsius", "percent"),
    [
        (0x6666, 0x8000, 25.0, 50.0),
        (0x7FFF, 0xFFFF, 42.5, 100.0),
        (0x0750, 0, -40.0, 0.0),
        (0xF8AF, 0x4000, 125.0, 25.0),
    ],
)
def test_words_become_units_by_the_data_sheets_formulas(temperature, humidity, celsius, percent):
    """T = -45 + 175 S / (2^16 - 1), RH = 100 S / (2^16 - 1)."""
    driver = SHT3x(Answering(lambda count: word(temperature) + word(humidity)))
    assert driver.sample() == pytest.approx({"temperature": celsius, "humidity": percent}, abs=0.003)


@pytest.mark.parametrize("temperature", [0x0000, 0x0740, 0xF8C0, 0xFFFF])
def test_what_the_chip_cannot_have_measured_is_refused(temperature):
    driver = SHT3x(Answering(lambda count: word(temperature) + word(0x8000)))
    with pytest.raises(OSError, match="Cel is outside the chip's range of -40 to 125"):
        driver.sample()


@pytest.mark.parametrize(("repeatability", "wait"), [("low", 5), ("medium", 7), ("high", 16)])
def test_each_repeatability_waits_for_the_longest_measurement(repeatability, wait):
    bench = Bench("sht3x", repeatability=repeatability)
    driver = bench.driver()
    assert driver.start() == wait
    bench.now += (wait - 1) * MILLISECOND
    with pytest.raises(OSError, match="does not acknowledge"):
        driver.sample()
    bench.now += MILLISECOND
    assert driver.sample()["temperature"] == pytest.approx(20, abs=0.002)


def test_a_result_is_given_once(bench):
    driver = bench.driver()
    bench.measure(driver)
    with pytest.raises(OSError, match="does not acknowledge"):
        driver.sample()


def test_a_reset_between_start_and_sample_is_found_out(bench):
    driver = bench.driver()
    bench.now += driver.start() * MILLISECOND
    bench.i2c.writeto(0x44, b"\x30\xa2")
    bench.now += 2 * MILLISECOND
    with pytest.raises(OSError, match="does not acknowledge"):
        driver.sample()


def test_the_model_knows_status_heater_and_reset(bench):
    def status():
        bench.now += 2 * MILLISECOND
        bench.i2c.writeto(0x44, b"\xf3\x2d", False)
        data = bench.i2c.readfrom(0x44, 3)
        assert crc.with_crc(data[:2]) == data
        bench.now += 2 * MILLISECOND
        return int.from_bytes(data[:2], "big")

    assert status() == 0x8010  # after power-up
    bench.i2c.writeto(0x44, b"\x30\x41")
    assert status() == 0
    bench.i2c.writeto(0x44, b"\x30\x6d")
    assert status() == 0x2000
    bench.i2c.writeto(0x44, b"\x30\x66")
    assert status() == 0
    bench.i2c.writeto(0x44, b"\x30\xa2")
    with pytest.raises(OSError, match="does not acknowledge"):
        bench.i2c.writeto(0x44, b"\x24\x00")
    assert status() == 0x8010


def test_the_model_wants_a_millisecond_between_commands_and_knows_no_others(bench):
    bench.i2c.writeto(0x44, b"\x24\x00")
    with pytest.raises(OSError, match="does not acknowledge"):
        bench.i2c.writeto(0x44, b"\x24\x00")
    bench.now += 20 * MILLISECOND
    with pytest.raises(OSError, match="does not acknowledge"):
        bench.i2c.writeto(0x44, b"\x12\x34")
    bench.now += 20 * MILLISECOND
    assert bench.i2c.scan() == [0x44]


def test_a_disturbed_word_is_named_by_its_checksum(bench):
    driver = bench.driver()
    bench.model.fault = Fault.CORRUPT
    with pytest.raises(OSError, match="the bus is disturbed"):
        bench.measure(driver)
