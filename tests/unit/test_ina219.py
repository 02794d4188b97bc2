# SPDX-License-Identifier: GPL-3.0-or-later
"""ina219: the data sheet's worked example, calibration, overflow, the model. What all share is in test_chips."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro.drivers.ina219 import INA219
from support.chips import Bench

MILLISECOND = 1_000_000


@pytest.fixture
def bench():
    return Bench("ina219")


class OneAnswer:
    """Passes a bus on, but one register reads as it is told."""

    def __init__(self, i2c, register, value):
        self._i2c, self._register, self._value = i2c, register, value
        self.writeto_mem = i2c.writeto_mem

    def readfrom_mem(self, addr, memaddr, nbytes):
        if memaddr == self._register:
            return self._value.to_bytes(2, "big")
        return self._i2c.readfrom_mem(addr, memaddr, nbytes)


def register(bench, number):
    return int.from_bytes(bench.i2c.readfrom_mem(0x40, number, 2), "big")


def test_the_data_sheets_worked_example():
    """10 A through 2 mohm at 11.98 V, steps of 1 mA: calibration 5000h; 07D0h, 5D98h, 2710h and 1766h are read."""
    bench = Bench("ina219", shunt=0.002, max_current=32.768)
    bench.model.set(volts=11.98, millivolts=20)
    values = bench.measure(bench.driver())
    assert values == pytest.approx({"bus_voltage": 11.98, "shunt_voltage": 20, "current": 10, "power": 119.8})
    assert register(bench, 5) == 0x5000
    assert register(bench, 1) == 0x07D0
    assert register(bench, 2) & 0xFFF8 == 0x5D98
    assert register(bench, 4) == 0x2710
    assert register(bench, 3) == 0x1766


@given(
    shunt=st.floats(0.001, 10),
    product=st.floats(0.0206, 0.32),
    share=st.floats(-0.99, 0.99),
    volts=st.floats(0, 26),
)
def test_a_current_is_read_whatever_the_shunt(shunt, product, share, volts):
    bench = Bench("ina219", shunt=shunt, max_current=product / shunt)
    amperes = share * product / shunt
    bench.model.set(volts=volts, millivolts=amperes * shunt * 1000)
    try:
        values = bench.measure(bench.driver())
    except OSError:
        assert abs(share) > 0.98, "within what was asked for"
        return
    # A step of the current, and half one of the shunt voltage's 10 µV
    assert values["current"] == pytest.approx(amperes, abs=product / shunt / 32000 + 6e-6 / shunt)
    assert values["bus_voltage"] == pytest.approx(volts, abs=0.0021)
    assert values["power"] == pytest.approx(values["current"] * values["bus_voltage"])


def test_a_current_backwards_is_negative_and_its_power_too(bench):
    bench.model.set(volts=5, millivolts=-100)
    assert bench.measure(bench.driver()) == pytest.approx(
        {"bus_voltage": 5, "shunt_voltage": -100, "current": -1, "power": -5}, abs=0.001
    )


@pytest.mark.parametrize(("product", "most"), [(0.03, 40), (0.06, 80), (0.12, 160), (0.32, 320)])
def test_the_gain_is_the_finest_that_bears_the_current(product, most):
    bench = Bench("ina219", shunt=0.1, max_current=product / 0.1)
    driver = bench.driver()
    bench.model.set(millivolts=most)
    with pytest.raises(OSError, match="the current is beyond what shunt and max_current allow") as caught:
        bench.measure(driver)
    assert caught.value.errno == errno.EIO
    bench.model.set(millivolts=product * 900)
    assert bench.measure(driver)["shunt_voltage"] == pytest.approx(product * 900, abs=0.006)


def test_the_overflow_bit_is_an_error():
    """38 mV are within the gain of 40 mV, and their current is beyond 32767 steps."""
    bench = Bench("ina219", shunt=0.1, max_current=0.3)
    bench.model.set(millivolts=38)
    with pytest.raises(OSError, match="beyond"):
        bench.measure(bench.driver())
    assert register(bench, 2) & 1


@pytest.mark.parametrize(
    ("number", "value", "says"),
    [
        (2, 0x5D99, "still measuring"),
        (2, 0x5D9B, "the current is beyond"),
        (2, 6501 << 3 | 2, "26.00 V is outside the chip's range of 0 to 26"),
        (1, 0x7D00, "the current is beyond"),
        (1, 0x8300, "the current is beyond"),
        (4, 0x0000, "current and shunt voltage differ"),
        (4, 0xFFFF, "current and shunt voltage differ"),
    ],
)
def test_what_cannot_have_been_measured_is_refused(bench, number, value, says):
    driver = bench.driver(OneAnswer(bench.i2c, number, value))
    with pytest.raises(OSError, match=says):
        bench.measure(driver)


def test_a_chip_that_keeps_another_calibration_is_no_ina219(bench):
    with pytest.raises(OSError, match="0x40 does not answer as an INA219") as caught:
        INA219(OneAnswer(bench.i2c, 5, 0xFFFF))
    assert caught.value.errno == errno.ENODEV


def test_a_reset_between_start_and_sample_is_found_out(bench):
    driver = bench.driver()
    driver.start()
    bench.i2c.writeto_mem(0x40, 0, b"\x80\x00")
    bench.now += 2 * MILLISECOND
    with pytest.raises(OSError, match="the chip was reset"):
        driver.sample()


def test_the_models_registers_are_the_data_sheets_after_a_reset(bench):
    bench.i2c.writeto_mem(0x40, 5, b"\x12\x35")
    assert register(bench, 5) == 0x1234  # bit 0 cannot be written
    bench.i2c.writeto_mem(0x40, 0, b"\x80\x00")
    assert [register(bench, number) for number in (0, 5)] == [0x399F, 0]
    bench.i2c.writeto_mem(0x40, 1, b"\x12\x34")
    assert register(bench, 1) == 0
    assert bench.i2c.scan() == [0x40]


def test_a_model_that_measures_on_is_ready_until_its_power_is_read(bench):
    bench.now += 2 * MILLISECOND
    assert register(bench, 2) & 2
    register(bench, 3)
    assert not register(bench, 2) & 2
    bench.now += 2 * MILLISECOND
    assert register(bench, 2) & 2


def test_a_model_measures_the_longer_the_more_it_averages(bench):
    bench.i2c.writeto_mem(0x40, 0, (0x1FFB).to_bytes(2, "big"))  # both of 128 samples, once
    bench.now += 136 * MILLISECOND
    assert not register(bench, 2) & 2
    bench.now += MILLISECOND
    assert register(bench, 2) & 2
    bench.model.set(volts=20)
    assert register(bench, 2) >> 3 == 3000
    bench.i2c.writeto_mem(0x40, 0, (0x19A2).to_bytes(2, "big"))  # the bus alone, up to 16 V
    bench.now += MILLISECOND
    assert register(bench, 2) >> 3 == 4000
