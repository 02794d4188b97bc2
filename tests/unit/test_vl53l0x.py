# SPDX-License-Identifier: GPL-3.0-or-later
"""vl53l0x: the driver against a model of the chip that wants to be initialised as ST's interface does it."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim import trace
from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.vl53l0x import ChipModel
from ganglion_micro.drivers.vl53l0x import VL53L0X, chosen, final_range_timeout
from support.chips import OneAnswer

MILLISECOND = 1_000_000


class Bench:
    """A chip on a bus, and the time they live in."""

    def __init__(self, **options):
        self.now = 0
        self.chip = ChipModel(now=lambda: self.now, **options)
        self.i2c = SimulatedI2C({0x29: self.chip})

    def measure(self, driver):
        self.now += driver.start() * MILLISECOND
        return driver.sample()


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture(scope="module")
def ready():
    """A chip that is initialised: that takes some hundred transfers."""
    bench = Bench()
    return bench, VL53L0X(bench.i2c)


@given(millimetres=st.floats(2001, 10_000))
def test_what_is_out_of_range_has_no_distance_and_says_so(ready, millimetres):
    bench, driver = ready
    bench.chip.set(millimetres=millimetres)
    assert bench.measure(driver) == {"target": False}


def test_a_distance_follows_what_moves():
    bench = Bench(trace=trace.parse("seconds,millimetres\n0,2500\n10,500\n"))
    driver = VL53L0X(bench.i2c)
    bench.now = 1_000 * MILLISECOND
    assert bench.measure(driver) == {"target": False}
    bench.now = 5_000 * MILLISECOND
    assert bench.measure(driver)["distance"] == pytest.approx(1493, abs=5)


@pytest.mark.parametrize("budget", [20, 33, 50, 100, 200, 500])
def test_a_measurement_takes_its_budget_and_the_wait_is_longer(bench, budget):
    driver = VL53L0X(bench.i2c, budget=budget)
    assert bench.chip.measuring_time == pytest.approx(budget, rel=0.01)
    assert bench.chip.measuring_time <= budget
    assert budget < driver.start() < 1.2 * budget + 5


def test_a_timeout_is_a_mantissa_and_a_power_of_two():
    """33 ms leave 403 periods of 38 us to the final range; the 151 of the pre-range are added to them."""
    exponent, mantissa = final_range_timeout(33)
    assert (mantissa << exponent) + 1 == 553


@pytest.mark.parametrize("wanted", [1, 5, 12, 30])
@pytest.mark.parametrize("aperture", [False, True])
def test_as_many_good_detectors_are_chosen_as_the_factory_says(wanted, aperture):
    bench = Bench(spads=(wanted, aperture))
    VL53L0X(bench.i2c)
    chosen = bench.chip.detectors
    assert len(chosen) == wanted
    assert all(ChipModel.GOOD[bit // 8] >> bit % 8 & 1 for bit in chosen)
    assert min(chosen) == (12 if aperture else 0)
    between = range(min(chosen), max(chosen) + 1)
    assert [bit for bit in between if ChipModel.GOOD[bit // 8] >> bit % 8 & 1] == chosen


def test_more_detectors_than_there_are_are_all(bench):
    assert chosen(b"\xff\x0f", 4, 99) == b"\xf0\x0f"


def test_the_stop_variable_is_the_chips_own_before_each_measurement(bench):
    driver = VL53L0X(bench.i2c)
    bench.i2c.writeto_mem(0x29, 0xFF, b"\x01")
    bench.i2c.writeto_mem(0x29, 0x91, b"\x00")
    bench.i2c.writeto_mem(0x29, 0xFF, b"\x00")
    driver.start()
    bench.i2c.writeto_mem(0x29, 0xFF, b"\x01")
    assert bench.i2c.readfrom_mem(0x29, 0x91, 1)[0] == ChipModel.STOP


def test_the_chip_is_left_on_its_first_page(bench):
    driver = VL53L0X(bench.i2c)
    assert bench.i2c.readfrom_mem(0x29, 0xFF, 1) == b"\x00"
    driver.start()
    assert bench.i2c.readfrom_mem(0x29, 0xFF, 1) == b"\x00"


def test_a_sample_before_its_time_is_refused_and_a_later_one_not(bench):
    driver = VL53L0X(bench.i2c)
    driver.start()
    bench.now += 10 * MILLISECOND
    with pytest.raises(OSError, match="still measuring") as caught:
        driver.sample()
    assert caught.value.errno == errno.EAGAIN
    bench.now += 30 * MILLISECOND
    assert driver.sample()["distance"] == 500
    with pytest.raises(OSError, match="still measuring"):
        driver.sample()  # each is read once


@pytest.mark.parametrize("error", [4, 6, 9])
def test_light_that_does_not_come_back_is_no_target(ready, error):
    bench, driver = ready
    bench.chip.failure = error
    assert bench.measure(driver) == {"target": False}
    bench.chip.failure = None


@pytest.mark.parametrize("error", [0, 5, 7, 8, 10, 12, 13, 14])
def test_a_measurement_that_is_not_to_be_trusted_is_no_value(ready, error):
    bench, driver = ready
    bench.chip.failure = error
    assert bench.measure(driver) == {}
    bench.chip.failure = None


@pytest.mark.parametrize(("error", "says"), [(1, "interrupted"), (2, "watchdog"), (3, "not calibrated")])
def test_a_chip_that_failed_is_an_error(ready, error, says):
    bench, driver = ready
    bench.chip.failure = error
    with pytest.raises(OSError, match=says) as caught:
        bench.measure(driver)
    assert caught.value.errno == errno.EIO
    bench.chip.failure = None


def test_the_model_measures_nothing_before_it_is_calibrated(bench):
    """So that the tests above can fail."""
    for register, value in ((0x0A, 4), (0x50, 6), (0x70, 4), (0x00, 1)):
        bench.i2c.writeto_mem(0x29, register, bytes([value]))
    bench.now += 1000 * MILLISECOND
    assert bench.i2c.readfrom_mem(0x29, 0x13, 2) == bytes([4, 3 << 3])


def test_a_chip_that_was_reset_is_found_out_and_set_up_by_a_new_driver(bench):
    driver = VL53L0X(bench.i2c)
    bench.chip.power_cycle()
    with pytest.raises(OSError, match="does not acknowledge"):
        driver.start()
    bench.now += 2 * MILLISECOND
    with pytest.raises(OSError, match="was reset") as caught:
        driver.start()
    assert caught.value.errno == errno.EIO
    assert bench.measure(VL53L0X(bench.i2c))["distance"] == 500


@pytest.mark.parametrize("page", [1, 6, 7])
def test_a_chip_whose_initialisation_was_cut_off_is_initialised_again(bench, page):
    bench.i2c.writeto_mem(0x29, 0xFF, bytes([page]))
    assert bench.measure(VL53L0X(bench.i2c))["distance"] == 500


def test_a_chip_that_another_program_set_up_is_set_up_again(bench):
    VL53L0X(bench.i2c).start()
    assert bench.measure(VL53L0X(bench.i2c, budget=100))["distance"] == 500


def test_another_chip_is_refused_by_its_id(bench):
    with pytest.raises(OSError, match=r"0x29 answers as chip 0xeacc, not 0xeeaa \(VL53L0X\)") as caught:
        VL53L0X(OneAnswer(bench.i2c, 0xC0, b"\xea\xcc"))
    assert caught.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    ("register", "answer", "what"),
    [(0x83, b"\x00", "reading its factory's settings"), (0x13, b"\x00", "calibrating its voltage")],
)
def test_a_step_that_does_not_end_is_given_up(bench, register, answer, what):
    with pytest.raises(OSError, match=f"0x29 does not finish {what}") as caught:
        VL53L0X(OneAnswer(bench.i2c, register, answer))
    assert caught.value.errno == errno.ETIMEDOUT


def test_each_step_has_five_times_as_long_as_it_takes(bench):
    """Time passes on the model's bus only: 40 ms is what UM2039 gives both calibrations together."""
    driver = VL53L0X(bench.i2c)
    assert bench.now == 0
    bench.chip.fault = Fault.BUSY
    before = bench.chip._bus
    with pytest.raises(OSError, match="does not finish"):
        driver._await(0x13, 7, "it")
    assert bench.chip._bus - before > 80 * MILLISECOND


@given(st.binary(min_size=13, max_size=13))
def test_no_registers_do_worse_than_an_error_of_the_bus(ready, data):
    bench, whole = ready
    whole._i2c, kept = OneAnswer(bench.i2c, 0x13, data), whole._i2c
    try:
        values = whole.sample()
    except OSError:
        return
    finally:
        whole._i2c = kept
    assert 0 <= values.get("distance", 0) <= 2000
    assert values.get("target", False) is ("distance" in values)


@pytest.mark.parametrize("budget", [19, 501])
def test_a_budget_that_the_chip_cannot_keep_is_refused(bench, budget):
    with pytest.raises(ValueError, match=f"must be 20 to 500 ms, not {budget}"):
        VL53L0X(bench.i2c, budget=budget)


def test_the_model_refuses_what_no_room_has(bench):
    with pytest.raises(ValueError, match="a VL53L0X has no lux"):
        bench.chip.set(lux=1)
    with pytest.raises(ValueError, match="millimetres must be 0 to 10000"):
        bench.chip.set(millimetres=-1)
