# SPDX-License-Identifier: GPL-3.0-or-later
"""bme280: the driver against the data sheet's numbers and against a model of the chip that shares no line with it."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim.bme280 import TRIM, BMP280Model, ChipModel, _fine, _percent, _search
from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion_micro.drivers.bme280 import (
    BME280,
    BMP280,
    compensate_humidity,
    compensate_pressure,
    fine_temperature,
)
from support.chips import OneAnswer

# BST-BMP280-DS001 section 3.12, "Calculating pressure and temperature": calibration, readings, results
EXAMPLE = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
MILLISECOND = 1_000_000


class Bench:
    """A chip on a bus, and the time they live in."""

    def __init__(self):
        self.now = 0
        self.chip = ChipModel(now=lambda: self.now)
        self.i2c = SimulatedI2C({0x76: self.chip})

    def measure(self, driver):
        self.now += driver.start() * MILLISECOND
        return driver.sample()


@pytest.fixture
def bench():
    return Bench()


def test_compensation_is_the_data_sheets_worked_example():
    fine = fine_temperature(519888, EXAMPLE)
    assert fine == 128422
    assert (fine * 5 + 128) >> 8 == 2508  # "25.08 °C"
    assert compensate_pressure(415148, fine, EXAMPLE) / 256 == pytest.approx(100653.27, abs=0.05)


def test_pressure_that_would_divide_by_zero_is_zero():
    assert compensate_pressure(415148, 128422, EXAMPLE[:3] + (0,) * 9) == 0


def test_humidity_stays_between_nothing_and_everything():
    fine = fine_temperature(519888, EXAMPLE)
    assert compensate_humidity(0, fine, TRIM.h) == 0
    assert compensate_humidity(0xFFFF, fine, TRIM.h) == 100 * 1024


@given(
    celsius=st.floats(-39.9, 84.9),
    percent=st.floats(0, 100),
    hectopascal=st.floats(301, 1099),
    times=st.sampled_from([1, 2, 4, 8, 16]),
)
def test_what_the_air_is_reads_back_within_the_chips_resolution(celsius, percent, hectopascal, times):
    bench = Bench()
    driver = BME280(bench.i2c, oversampling=times)
    bench.chip.set(celsius=celsius, percent=percent, hectopascal=hectopascal)
    values = bench.measure(driver)
    # 16 to 20 bits of temperature are 0.005 °C and less; 4.2.3 itself drops three of the 20
    assert values["temperature"] == pytest.approx(celsius, abs=0.006)
    assert values["pressure"] == pytest.approx(hectopascal, abs=0.03)
    assert values["humidity"] == pytest.approx(percent, abs=0.02)


def test_units_are_given_for_every_channel(bench):
    assert set(bench.measure(BME280(bench.i2c))) == set(BME280.channels)
    assert BMP280.channels == {"temperature": "Cel", "pressure": "hPa"}


@pytest.mark.parametrize(("times", "longest"), [(1, 10), (2, 17), (4, 30), (8, 58), (16, 113)])
def test_the_wait_is_the_data_sheets_longest_measuring_time(bench, times, longest):
    """9.1: 1.25 + 2.3 t + (2.3 p + 0.575) + (2.3 h + 0.575), rounded up to whole milliseconds."""
    assert BME280(bench.i2c, oversampling=times).start() == longest


def test_a_sample_before_its_time_is_refused_and_a_later_one_not(bench):
    driver = BME280(bench.i2c)
    driver.start()
    bench.now += MILLISECOND
    with pytest.raises(OSError, match="still measuring") as caught:
        driver.sample()
    assert caught.value.errno == errno.EAGAIN
    bench.now += 10 * MILLISECOND
    assert driver.sample()["temperature"] == pytest.approx(20, abs=0.01)


def test_a_silent_address_is_an_error_of_the_bus(bench):
    with pytest.raises(OSError, match="nothing acknowledges address 0x77") as caught:
        BME280(bench.i2c, 0x77)
    assert caught.value.errno == errno.ENODEV


def test_another_chip_is_refused_by_its_id(bench):
    with pytest.raises(OSError, match=r"0x76 answers as chip 0x60, not 0x58 \(BMP280\)") as caught:
        BMP280(bench.i2c)
    assert caught.value.errno == errno.ENODEV


def test_a_bmp280_is_read_without_humidity(bench):
    chip = BMP280Model(now=lambda: bench.now)
    chip.set(celsius=4.5, hectopascal=990)
    assert bench.measure(BMP280(SimulatedI2C({0x76: chip}))) == pytest.approx(
        {"temperature": 4.5, "pressure": 990}, abs=0.02
    )


@pytest.mark.parametrize("register", [0xD0, 0x88, 0xA1, 0xE1])
def test_a_short_read_at_the_start_is_an_error(bench, register):
    with pytest.raises(OSError, match=f"0 bytes of .* from register 0x{register:02x}"):
        BME280(OneAnswer(bench.i2c, register, b""))


def test_a_short_read_of_the_data_is_an_error(bench):
    driver = BME280(OneAnswer(bench.i2c, 0xF3, bytes(11)))
    with pytest.raises(OSError, match="11 bytes of 12 from register 0xf3"):
        driver.sample()


@pytest.mark.parametrize("after", ["construction", "start"])
def test_a_chip_that_vanishes_is_an_error_wherever_it_does(bench, after):
    driver = BME280(bench.i2c)
    if after == "start":
        driver.start()
        bench.now += 20 * MILLISECOND
    bench.chip.fault = Fault.NACK
    with pytest.raises(OSError, match="does not acknowledge"):
        bench.measure(driver)
    bench.chip.fault = None
    assert bench.measure(driver)


def test_a_line_that_is_stuck_high_is_found_out(bench):
    bench.chip.fault = Fault.STUCK
    with pytest.raises(OSError, match="answers as chip 0xff"):
        BME280(bench.i2c)
    bench.chip.fault = None
    driver = BME280(bench.i2c)
    bench.chip.fault = Fault.STUCK
    with pytest.raises(OSError, match="still measuring"):
        bench.measure(driver)


def test_a_measurement_that_never_ends_is_an_error(bench):
    driver = BME280(bench.i2c)
    bench.chip.fault = Fault.BUSY
    with pytest.raises(OSError, match="still measuring"):
        bench.measure(driver)


def test_a_reset_between_start_and_sample_is_found_out(bench):
    driver = BME280(bench.i2c)
    bench.now += driver.start() * MILLISECOND
    bench.i2c.writeto_mem(0x76, 0xE0, b"\xb6")
    bench.now += 5 * MILLISECOND
    with pytest.raises(OSError, match="it was reset"):
        driver.sample()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("80 00 00 7e ed 00 76 20", "skipped the measurement"),
        ("65 5a c0 80 00 00 76 20", "skipped the measurement"),
        ("65 5a c0 7e ed 00 80 00", "skipped humidity"),
        ("65 5a c0 ff ff f0 76 20", "Cel is outside the chip's range of -40 to 85"),
        ("ff ff f0 7e ed 00 76 20", "hPa is outside the chip's range of 300 to 1100"),
    ],
)
def test_what_the_chip_cannot_have_measured_is_refused(bench, data, says):
    """0x80000 and 0x8000 mark a channel that was skipped [5.4.7 to 5.4.9]."""
    status = bytes([0x00, 0x24, 0x00, 0x00])
    driver = BME280(OneAnswer(bench.i2c, 0xF3, status + bytes.fromhex(data)))
    with pytest.raises(OSError, match=says) as caught:
        driver.sample()
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize("celsius", [4.0, 7.56, 21.0])
def test_what_is_measured_is_never_what_marks_a_channel_that_was_skipped(bench, celsius):
    raw = _search(lambda raw: _fine(raw, TRIM) / 5120, celsius, 1 << 20)
    marked = _percent(0x8000, _fine((raw + 8) >> 4 << 4, TRIM), TRIM)
    driver = BME280(bench.i2c)
    for step in range(-20, 21):
        bench.chip.set(celsius=celsius, percent=marked + step * 1e-4)
        assert bench.measure(driver)["humidity"] == pytest.approx(marked, abs=0.01)
    middle = _fine(0x80000, TRIM) / 5120
    bench.chip.set(celsius=middle)
    assert bench.measure(driver)["temperature"] == pytest.approx(middle, abs=0.02)


@given(st.binary(min_size=12, max_size=12))
def test_no_registers_do_worse_than_an_error_of_the_bus(data):
    driver = BME280(OneAnswer(Bench().i2c, 0xF3, data))
    try:
        values = driver.sample()
    except OSError:
        return
    assert -40 <= values["temperature"] <= 85
    assert 300 <= values["pressure"] <= 1100
    assert 0 <= values["humidity"] <= 100


def test_an_oversampling_that_the_chip_has_not_is_refused(bench):
    with pytest.raises(ValueError, match="must be 1, 2, 4, 8 or 16, not 3"):
        BME280(bench.i2c, oversampling=3)
