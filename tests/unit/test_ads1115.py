# SPDX-License-Identifier: GPL-3.0-or-later
"""ads1115: the ideal codes of the data sheet, inputs in turn, clipping, the model. What all share is in test_chips."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim.device import Fault
from support.chips import Bench

MILLISECOND = 1_000_000
FULL_SCALES = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256]


@pytest.fixture
def bench():
    return Bench("ads1115")


class Code:
    """Passes a bus on, but the conversion register reads as it is told."""

    def __init__(self, i2c, code):
        self._i2c, self._code = i2c, code
        self.writeto_mem = i2c.writeto_mem

    def readfrom_mem(self, addr, memaddr, nbytes):
        return self._code.to_bytes(2, "big") if memaddr == 0 else self._i2c.readfrom_mem(addr, memaddr, nbytes)


@pytest.mark.parametrize("full_scale", FULL_SCALES)
@pytest.mark.parametrize(
    ("code", "share"), [(0x0000, 0), (0x0001, 1 / 2**15), (0x7FFE, (2**15 - 2) / 2**15), (0xFFFF, -1 / 2**15)]
)
def test_codes_are_the_data_sheets_shares_of_the_full_scale(full_scale, code, share):
    """ "Data Format", input signal and ideal output code: +FS/2^15 is 0001h, -FS/2^15 is FFFFh."""
    bench = Bench("ads1115", full_scale=full_scale)
    driver = bench.driver(Code(bench.i2c, code))
    bench.now += driver.start() * MILLISECOND
    assert driver.sample() == pytest.approx({"a0": full_scale * share}, abs=1e-12)


@pytest.mark.parametrize(
    ("full_scale", "microvolts"), list(zip(FULL_SCALES, (187.5, 125, 62.5, 31.25, 15.625, 7.8125), strict=True))
)
def test_a_step_is_the_data_sheets(full_scale, microvolts):
    bench = Bench("ads1115", full_scale=full_scale)
    driver = bench.driver(Code(bench.i2c, 1))
    bench.now += driver.start() * MILLISECOND
    assert driver.sample()["a0"] * 1e6 == pytest.approx(microvolts)


@pytest.mark.parametrize("code", [0x7FFF, 0x8000, 0x8001])
def test_the_last_codes_are_clipped_and_therefore_errors(bench, code):
    driver = bench.driver(Code(bench.i2c, code))
    bench.now += driver.start() * MILLISECOND
    with pytest.raises(OSError, match=r"a0 is outside what is measured, -0.3 to 4.096 V") as caught:
        driver.sample()
    assert caught.value.errno == errno.EIO


@given(st.sampled_from(FULL_SCALES), st.floats(-0.29, 5.5))
def test_a_voltage_is_read_within_half_a_step_or_refused(full_scale, volts):
    bench = Bench("ads1115", full_scale=full_scale)
    bench.model.set(a0=volts)
    driver = bench.driver()
    bench.now += driver.start() * MILLISECOND
    step = full_scale / 32768
    try:
        value = driver.sample()["a0"]
    except OSError:
        assert volts >= full_scale - 2 * step or volts < -full_scale + step
    else:
        assert value == pytest.approx(volts, abs=step / 2 + 1e-12)


def test_inputs_take_turns_and_each_knows_its_own(bench):
    bench.model.set(a0=0.5, a1=1.5, a2=2.5, a3=3.5)
    driver = bench.driver()
    seen = []
    for _ in range(5):
        bench.now += driver.start() * MILLISECOND
        seen += driver.sample().items()
    assert [name for name, _ in seen] == ["a0", "a1", "a2", "a3", "a0"]
    assert [value for _, value in seen] == pytest.approx([0.5, 1.5, 2.5, 3.5, 0.5], abs=1e-4)


def test_an_input_that_is_clipped_does_not_keep_the_next_from_its_turn(bench):
    bench.model.set(a0=5.0, a1=1.5)
    driver = bench.driver()
    bench.now += driver.start() * MILLISECOND
    with pytest.raises(OSError, match="a0 is outside"):
        driver.sample()
    bench.now += driver.start() * MILLISECOND
    assert driver.sample() == pytest.approx({"a1": 1.5}, abs=1e-4)


@pytest.mark.parametrize("rate", [8, 16, 32, 64, 128, 250, 475, 860])
def test_the_wait_is_a_tenth_more_than_the_rate_says(rate):
    """The data rate may be 10 % low."""
    bench = Bench("ads1115", rate=rate)
    driver = bench.driver()
    wait = driver.start()
    assert 1100 / rate + 0.025 <= wait <= 1100 / rate + 2.1
    bench.now += round(1e9 / rate)  # not yet: it wakes up first
    with pytest.raises(OSError, match="still converting") as caught:
        driver.sample()
    assert caught.value.errno == errno.EAGAIN
    bench.now += MILLISECOND
    assert driver.sample()


def test_a_reset_between_start_and_sample_is_found_out(bench):
    driver = bench.driver()
    bench.now += driver.start() * MILLISECOND
    bench.model.write(b"\x01\x85\x83")  # as after a general-call reset
    with pytest.raises(OSError, match="it was reset"):
        driver.sample()


@pytest.mark.parametrize("fault", [Fault.STUCK, Fault.STUCK_LOW])
def test_a_stuck_line_is_no_adc(bench, fault):
    bench.model.fault = fault
    with pytest.raises(OSError, match="0x48 does not answer as an ADS1115") as caught:
        bench.driver()
    assert caught.value.errno == errno.ENODEV


def test_the_models_registers_are_the_data_sheets_after_a_reset(bench):
    assert [bench.i2c.readfrom_mem(0x48, register, 2).hex() for register in range(4)] == [
        "0000",
        "8583",
        "8000",
        "7fff",
    ]
    bench.i2c.writeto_mem(0x48, 2, b"\x12\x34")
    assert bench.i2c.readfrom_mem(0x48, 2, 2) == b"\x12\x34"
    bench.i2c.writeto_mem(0x48, 0, b"\x12\x34")
    assert bench.i2c.readfrom_mem(0x48, 0, 2) == b"\x00\x00"
    assert bench.i2c.scan() == [0x48]


def test_the_model_converts_on_and_on_between_two_inputs(bench):
    bench.model.set(a0=1.0, a1=1.5)
    bench.i2c.writeto_mem(0x48, 1, b"\x04\x83")  # AIN0 against AIN1, 2.048 V, continuous, 128 a second
    for volts in (1.0, 1.25):
        bench.model.set(a0=volts)
        bench.now += 8 * MILLISECOND
        code = int.from_bytes(bench.i2c.readfrom_mem(0x48, 0, 2), "big", signed=True)
        assert code == round((volts - 1.5) / 2.048 * 32768)
