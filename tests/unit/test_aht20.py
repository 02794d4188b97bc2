# SPDX-License-Identifier: GPL-3.0-or-later
"""aht20: a real chip's answer, busy and calibration bits, the model's commands. What all share is in test_chips."""

import errno

import pytest

from ganglion.sim.aht20 import ChipModel
from ganglion.sim.i2c import SimulatedI2C
from ganglion_micro.drivers.aht20 import AHT20
from ganglion_micro.drivers.crc8 import crc8
from support.chips import Answering, Bench

MILLISECOND = 1_000_000

#: What a chip on a desk once answered, with what its publisher made of it: 31.67 °C, 23.19 %.
REAL = bytes.fromhex("1c 3b 5e 86 88 b2 d2")


@pytest.fixture
def bench():
    return Bench("aht20")


def driver_that_reads(data):
    """Ready to sample, with the status before it that lets a measurement begin."""
    driver = AHT20(Answering(lambda count: b"\x18" if count == 1 else data))
    assert driver.start() == 80
    return driver


def test_a_real_chips_answer_is_read_as_it_was_meant():
    assert crc8(REAL[:6]) == REAL[6]
    values = driver_that_reads(REAL).sample()
    assert values == pytest.approx({"temperature": 31.674576, "humidity": 23.191071}, abs=1e-6)


@pytest.mark.parametrize(
    ("data", "celsius", "percent"),
    [("18 80 00 08 00 00", 50.0, 50.0), ("18 00 00 04 00 00", 0.0, 0.0), ("18 40 00 06 00 00", 25.0, 25.0)],
)
def test_twenty_bits_become_units_by_the_data_sheets_formulas(data, celsius, percent):
    """RH = S / 2^20 * 100 %, T = S / 2^20 * 200 - 50."""
    data = bytes.fromhex(data)
    values = driver_that_reads(data + bytes([crc8(data)])).sample()
    assert values == {"temperature": celsius, "humidity": percent}


@pytest.mark.parametrize(
    ("data", "number", "says"),
    [
        ("9c 3b 5e 86 88 b2", errno.EAGAIN, "still measuring"),
        ("14 3b 5e 86 88 b2", errno.EIO, "has no calibration"),
        ("1c 3b 5e 80 00 00", errno.EIO, "Cel is outside the chip's range of -40 to 85"),
        ("1c 3b 5e 8f ff ff", errno.EIO, "Cel is outside the chip's range of -40 to 85"),
    ],
)
def test_what_is_no_measurement_is_refused_though_its_checksum_is_right(data, number, says):
    data = bytes.fromhex(data)
    with pytest.raises(OSError, match=says) as caught:
        driver_that_reads(data + bytes([crc8(data)])).sample()
    assert caught.value.errno == number


def test_every_bit_that_is_turned_is_found_out():
    for place in range(56):
        data = bytearray(REAL)
        data[place // 8] ^= 1 << place % 8
        with pytest.raises(OSError, match=r"CRC|still measuring|no calibration"):
            driver_that_reads(bytes(data)).sample()


def test_a_chip_without_calibration_loads_it_before_it_measures():
    now = 0
    chip = ChipModel(now=lambda: now, calibrated=False)
    driver = AHT20(SimulatedI2C({0x38: chip}))
    assert driver.start() == 10
    now += 10 * MILLISECOND
    assert driver.sample() == {}
    assert driver.start() == 80
    now += 80 * MILLISECOND
    assert driver.sample()["temperature"] == pytest.approx(20, abs=0.001)


def test_a_calibration_that_does_not_load_is_an_error():
    driver = AHT20(Answering(lambda count: b"\x10" * count))
    assert driver.start() == 10
    with pytest.raises(OSError, match="has no calibration"):
        driver.sample()


def test_the_model_keeps_its_result_until_the_next_and_forgets_it_at_a_reset(bench):
    driver = bench.driver()
    first = bench.measure(driver)
    bench.model.set(celsius=30)
    assert driver.sample() == first
    bench.i2c.writeto(0x38, b"\xba")
    with pytest.raises(OSError, match="does not acknowledge"):
        driver.sample()
    bench.now += 20 * MILLISECOND
    with pytest.raises(OSError, match="outside"):
        driver.sample()
    assert bench.measure(driver)["temperature"] == pytest.approx(30, abs=0.001)


def test_the_model_does_not_begin_again_while_it_measures_and_knows_no_other_commands(bench):
    bench.i2c.writeto(0x38, b"\xac\x33\x00")
    bench.now += 79 * MILLISECOND
    bench.i2c.writeto(0x38, b"\xac\x33\x00")
    assert bench.i2c.readfrom(0x38, 1)[0] & 0x80
    bench.now += MILLISECOND
    assert not bench.i2c.readfrom(0x38, 1)[0] & 0x80
    with pytest.raises(OSError, match="does not acknowledge"):
        bench.i2c.writeto(0x38, b"\x71")
    assert bench.i2c.scan() == [0x38]
