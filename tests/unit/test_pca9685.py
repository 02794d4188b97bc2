# SPDX-License-Identifier: GPL-3.0-or-later
"""pca9685: the driver against the data sheet's numbers and against a model of the chip and its outputs."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.pca9685 import ChipModel
from ganglion_micro.drivers.pca9685 import PCA9685, prescale
from support.chips import OneAnswer

MILLISECOND = 1_000_000


class Bench:
    """A chip on a bus, and the time they live in."""

    def __init__(self):
        self.now = 0
        self.chip = ChipModel(now=lambda: self.now)
        self.i2c = SimulatedI2C({0x40: self.chip})

    def driver(self, **options):
        """One whose outputs run."""
        driver = PCA9685(self.i2c, **options)
        self.wake(driver)
        return driver

    def wake(self, driver):
        self.now += driver.start() * MILLISECOND

    @property
    def duties(self):
        return [round(4096 * self.chip.duty(channel)) for channel in range(16)]


@pytest.fixture
def bench():
    return Bench()


def test_the_prescale_is_the_data_sheets_worked_example():
    """7.3.5: 200 Hz with the 25 MHz oscillator is 30, 0x1E."""
    assert prescale(200) == 0x1E


@pytest.mark.parametrize(("frequency", "value"), [(24, 0xFD), (50, 121), (60, 101), (1000, 5), (1526, 3)])
def test_the_prescale_covers_the_chips_frequencies(frequency, value):
    """Its ends are about 24 Hz and 1526 Hz, 0xFF and 0x03 [7.3.5]."""
    assert prescale(frequency) == value


@pytest.mark.parametrize("frequency", [0, -50, 23.9, 1527, float("nan"), float("inf")])
def test_a_frequency_that_the_chip_has_not_is_refused_before_a_word_is_said(frequency):
    with pytest.raises(ValueError, match="must be 24 to 1526 Hz"):
        PCA9685(SimulatedI2C({}), frequency=frequency)


@given(frequency=st.floats(24, 1526))
def test_a_frequency_reads_back_within_half_a_step_of_the_prescale(frequency):
    bench = Bench()
    driver = PCA9685(bench.i2c, frequency=frequency)
    assert driver.frequency == pytest.approx(bench.chip.frequency)
    steps = 25e6 / 4096 / frequency
    assert abs(25e6 / 4096 / bench.chip.frequency - steps) <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("registers", "on", "off"),
    [("99 01 cc 04", 410, 1229), ("65 0e cb 0c", 3686, 3276)],
)
def test_the_models_outputs_are_the_data_sheets_worked_examples(bench, registers, on, off):
    """7.3.3, examples 1 and 2: a delay of 10 % and 20 % on, a delay of 90 % and 90 % on; its counts are from 0."""
    bench.driver()
    bench.i2c.writeto_mem(0x40, 0x06, bytes.fromhex(registers))
    high = bench.chip.high(0)
    assert high[on - 1]
    assert not high[on - 2]
    assert high[off - 2]
    assert not high[off - 1]
    assert sum(high) == (off - on) % 4096


def test_all_outputs_are_off_from_the_first_word_on(bench):
    bench.driver().set(3, 2000)
    PCA9685(bench.i2c)
    assert bench.duties == [0] * 16
    bench.now += MILLISECOND
    assert bench.duties == [0] * 16


def test_nothing_but_its_own_address_is_answered_to(bench):
    """After power-on the chip is at 0x70 too, where other chips are [7.1.2]."""
    bench.driver()
    assert not bench.i2c.readfrom_mem(0x40, 0x00, 1)[0] & 0x01


@given(channel=st.integers(0, 15), duty=st.integers(0, 4096))
def test_a_duty_is_what_the_output_does_and_what_reads_back(channel, duty):
    bench = Bench()
    driver = bench.driver()
    driver.set(channel, duty)
    assert bench.duties == [duty if each == channel else 0 for each in range(16)]
    assert driver.get(channel) == duty


@given(
    frequency=st.floats(24, 400),
    pulses=st.lists(st.tuples(st.integers(0, 15), st.floats(0, 2400)), min_size=1, max_size=4),
)
def test_a_pulse_is_as_long_as_it_is_told_within_a_count(frequency, pulses):
    bench = Bench()
    driver = bench.driver(frequency=frequency)
    count = 1e6 / bench.chip.frequency / 4096
    for channel, microseconds in pulses:
        driver.pulse(channel, microseconds)
        assert bench.chip.pulse(channel) == pytest.approx(microseconds, abs=count / 2 + 1e-6)


@pytest.mark.parametrize(("microseconds", "duty"), [(0, 0), (1500, 307), (1000, 205), (19988, 4096)])
def test_a_servos_pulse_at_50_hz_is_in_counts_of_4_88_us(bench, microseconds, duty):
    driver = bench.driver(frequency=50)
    driver.pulse(7, microseconds)
    assert driver.get(7) == duty


@pytest.mark.parametrize("microseconds", [-1, 19_990, 1e9, float("nan"), float("inf")])
def test_a_pulse_longer_than_its_period_is_refused(bench, microseconds):
    driver = bench.driver(frequency=50)
    with pytest.raises(ValueError, match="a pulse must be 0 to 19988 us"):
        driver.pulse(0, microseconds)
    assert bench.duties == [0] * 16


def test_outputs_rest_in_sleep_and_go_on_after_a_restart(bench):
    """7.3.1.1: RESTART is set by a sleep that comes while an output is modulated."""
    driver = bench.driver()
    driver.set(2, 1024)
    driver.set(9, 4096)
    driver.sleep()
    assert bench.duties == [0] * 16
    bench.wake(driver)
    assert bench.chip.duty(2) == 0
    driver.restart()
    assert [bench.duties[2], bench.duties[9]] == [1024, 4096]
    driver.restart()  # nothing waits any more
    assert bench.duties[2] == 1024


def test_a_restart_of_a_chip_that_sleeps_is_refused(bench):
    driver = bench.driver()
    driver.set(2, 1024)
    driver.sleep()
    with pytest.raises(OSError, match="start it first") as caught:
        driver.restart()
    assert caught.value.errno == errno.EAGAIN


def test_all_are_off_at_once(bench):
    driver = bench.driver()
    for channel in range(16):
        driver.set(channel, 4096 - channel)
    driver.off()
    assert bench.duties == [0] * 16
    assert driver.get(15) == 0
    driver.set(1, 7)
    assert bench.duties[1] == 7


def test_the_prescale_of_a_chip_that_runs_is_changed_by_a_new_driver(bench):
    bench.driver(frequency=50)
    bench.driver(frequency=1000)
    assert bench.chip.frequency == pytest.approx(1017, abs=1)


def test_a_chip_that_lost_its_power_is_found_out_by_the_next_duty(bench):
    driver = bench.driver()
    bench.chip.power_cycle()
    for duty in (0, 1, 0x101, 4095, 4096):
        with pytest.raises(OSError, match="channel 3 of 0x40 was not taken") as caught:
            driver.set(3, duty)
        assert caught.value.errno == errno.EIO


def test_a_chip_that_runs_is_kept_as_it_is(bench):
    bench.driver().set(3, 1000)
    kept = PCA9685(bench.i2c, keep=True)
    assert bench.duties[3] == kept.get(3) == 1000
    kept.set(4, 7)
    assert bench.duties[3:5] == [1000, 7]


@pytest.mark.parametrize("spoil", [lambda chip: chip.power_cycle(), lambda chip: chip.write(b"\x00\x30")])
def test_a_chip_that_does_not_run_is_begun_anew_though_it_was_to_be_kept(bench, spoil):
    bench.driver(frequency=50).set(3, 1000)
    spoil(bench.chip)
    driver = bench.driver(frequency=50, keep=True)
    assert (bench.duties, driver.get(3)) == ([0] * 16, 0)
    driver.set(3, 1000)
    assert (bench.duties[3], round(bench.chip.frequency)) == (1000, 50)


def test_a_chip_that_is_to_be_kept_is_not_switched_off_because_it_cannot_be_read(bench):
    bench.driver().set(3, 1000)
    bench.chip.fault = Fault.STUCK
    with pytest.raises(OSError, match="nothing but ones"):
        PCA9685(bench.i2c, keep=True)
    assert bench.duties[3] == 1000


def test_a_silent_address_is_an_error_of_the_bus(bench):
    with pytest.raises(OSError, match="nothing acknowledges address 0x41") as caught:
        PCA9685(bench.i2c, 0x41)
    assert caught.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.NACK, "does not acknowledge"), (Fault.STUCK, "not take|not all off"), (Fault.SHORT, "0 bytes of 1")],
)
def test_a_fault_at_the_start_is_an_error_of_the_bus(bench, fault, says):
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says):
        PCA9685(bench.i2c)


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.NACK, "does not acknowledge"), (Fault.STUCK, "was not taken"), (Fault.SHORT, "3 bytes of 4")],
)
def test_a_fault_is_an_error_of_the_bus_and_passes(bench, fault, says):
    driver = bench.driver()
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says):
        driver.set(0, 100)
    bench.chip.fault = None
    driver.set(0, 100)
    assert bench.duties[0] == 100


def test_outputs_that_do_not_go_off_are_said(bench):
    driver = bench.driver()
    driver._i2c = OneAnswer(bench.i2c, 0x45, b"\x00")
    with pytest.raises(OSError, match="are not all off"):
        driver.off()


@given(st.binary(min_size=4, max_size=4))
def test_no_registers_do_worse_than_an_error_of_the_bus(data):
    driver = Bench().driver()
    driver._i2c = OneAnswer(driver._i2c, 0x06, data)
    try:
        assert 0 <= driver.get(0) <= 4096
    except OSError as error:
        assert error.errno == errno.EIO


@pytest.mark.parametrize(("channel", "duty"), [(-1, 0), (16, 0), (0, -1), (0, 4097)])
def test_a_channel_or_duty_that_is_not_there_is_refused(bench, channel, duty):
    driver = bench.driver()
    with pytest.raises(ValueError, match="must be 0 to"):
        driver.set(channel, duty)
    assert bench.duties == [0] * 16
