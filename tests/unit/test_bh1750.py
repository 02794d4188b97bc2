# SPDX-License-Identifier: GPL-3.0-or-later
"""bh1750: the data sheet's worked example, sensitivity, the model's instructions. What all share is in test_chips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro.drivers.bh1750 import BH1750
from support.chips import Answering, Bench

MILLISECOND = 1_000_000


@pytest.fixture
def bench():
    return Bench("bh1750")


def test_counts_become_lux_as_in_the_data_sheets_worked_example():
    """High byte 1000_0011, low byte 1001_0000: 28067 lx."""
    driver = BH1750(Answering(lambda count: bytes([0b10000011, 0b10010000])))
    assert round(driver.sample()["illuminance"]) == 28067


@pytest.mark.parametrize(("sensitivity", "most", "wait"), [(31, 121557, 81), (69, 54612, 181), (254, 14835, 663)])
def test_sensitivity_moves_the_range_and_the_time(sensitivity, most, wait):
    """Counts and times grow with the measurement time register, of which 69 is usual."""
    driver = BH1750(Answering(lambda count: b"\xff\xfe"), 0x23, sensitivity)
    assert driver.start() == wait
    assert driver.sample()["illuminance"] == pytest.approx(most, abs=3)


def test_light_beyond_the_chip_is_an_error_that_says_what_to_do(bench):
    bench.model.set(lux=54_613)
    with pytest.raises(OSError, match="it is brighter than 54612 lx; lower the sensitivity"):
        bench.measure(bench.driver())
    bright = Bench("bh1750", sensitivity=31)
    bright.model.set(lux=100_000)
    assert bright.measure(bright.driver())["illuminance"] == pytest.approx(100_000, abs=1)


@given(sensitivity=st.integers(31, 254), share=st.floats(0, 0.999))
def test_every_sensitivity_reads_its_whole_range(sensitivity, share):
    bench = Bench("bh1750", sensitivity=sensitivity)
    step = 69 / (1.2 * sensitivity)
    lux = share * 65535 * step
    bench.model.set(lux=lux)
    assert bench.measure(bench.driver())["illuminance"] == pytest.approx(lux, abs=step / 2 + 1e-6)


def test_darkness_is_a_value(bench):
    bench.model.set(lux=0)
    assert bench.measure(bench.driver()) == {"illuminance": 0}


def instruct(bench, *instructions):
    for instruction in instructions:
        bench.i2c.writeto(0x23, bytes([instruction]))


def data(bench):
    return int.from_bytes(bench.i2c.readfrom(0x23, 2), "big")


def test_the_model_measures_once_and_powers_down_or_goes_on(bench):
    instruct(bench, 0x20)
    bench.now += 119 * MILLISECOND
    assert data(bench) == 0
    bench.now += MILLISECOND
    assert data(bench) == 360  # 300 lx at 1.2 counts each
    bench.model.set(lux=100)
    bench.now += 200 * MILLISECOND
    assert data(bench) == 360
    instruct(bench, 0x10)
    for lux in (100, 50):
        bench.model.set(lux=lux)
        bench.now += 120 * MILLISECOND
        assert data(bench) == round(lux * 1.2)


def test_the_models_modes_differ_in_step_and_time(bench):
    bench.model.set(lux=101)
    for instruction, time, counts in ((0x21, 120, 242), (0x23, 16, 120)):
        instruct(bench, instruction)
        bench.now += time * MILLISECOND
        assert data(bench) == counts


def test_a_reset_clears_the_data_only_while_the_model_is_on(bench):
    instruct(bench, 0x20)
    bench.now += 120 * MILLISECOND
    instruct(bench, 0x07)
    assert data(bench) == 360
    instruct(bench, 0x01, 0x07)
    assert data(bench) == 0
    instruct(bench, 0x20, 0x00)  # power down ends a measurement
    bench.now += 500 * MILLISECOND
    assert data(bench) == 0


def test_the_model_takes_one_instruction_a_transfer_and_knows_no_others(bench):
    for wrong in (b"\x01\x20", b"\x80", b"\x30"):
        with pytest.raises(OSError, match="does not acknowledge"):
            bench.i2c.writeto(0x23, wrong)
    assert bench.i2c.scan() == [0x23]
