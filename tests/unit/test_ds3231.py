# SPDX-License-Identifier: GPL-3.0-or-later
"""ds3231: the driver against the data sheet's numbers and against a model of the chip whose clock runs."""

import datetime
import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim.device import Fault
from ganglion.sim.ds3231 import ChipModel
from ganglion.sim.i2c import SimulatedI2C
from ganglion_micro.drivers.ds3231 import DS3231, days, weekday
from support.chips import OneAnswer

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
START = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
moments = st.integers(0, 100 * 365 * 86400).map(lambda seconds: START + datetime.timedelta(seconds=seconds))


class Bench:
    """A chip on a bus, and the time they live in."""

    def __init__(self):
        self.now = 0
        self.chip = ChipModel(now=lambda: self.now)
        self.i2c = SimulatedI2C({0x68: self.chip})

    def measure(self, driver):
        self.now += driver.start() * MILLISECOND
        return driver.sample()

    def clock(self, registers):
        """A driver of a clock that shows these registers and is trusted."""
        self.i2c.writeto_mem(0x68, 0x00, bytes.fromhex(registers))
        self.i2c.writeto_mem(0x68, 0x0F, b"\x08")
        return DS3231(self.i2c)


@pytest.fixture
def bench():
    return Bench()


def fields(moment):
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)


@given(moment=moments, later=st.timedeltas(datetime.timedelta(0), datetime.timedelta(days=800)))
def test_a_clock_that_was_set_shows_the_time_and_goes_on(moment, later):
    bench = Bench()
    clock = DS3231(bench.i2c)
    clock.set_time(*fields(moment))
    assert clock.time() == fields(moment)
    bench.now += later // datetime.timedelta(microseconds=1) * 1000
    after = moment + later
    if after.year < 2100:
        assert clock.time() == fields(after)
        assert bench.i2c.readfrom_mem(0x68, 0x03, 1)[0] == after.isoweekday()


@pytest.mark.parametrize(
    ("registers", "time"),
    [
        ("00 00 00 01 01 01 00", (2000, 1, 1, 0, 0, 0)),
        ("59 59 23 07 31 12 99", (2099, 12, 31, 23, 59, 59)),
        ("30 45 52 03 17 06 24", (2024, 6, 17, 0, 45, 30)),  # 12 AM is midnight, 12 PM noon
        ("30 45 72 03 17 06 24", (2024, 6, 17, 12, 45, 30)),
        ("30 45 41 03 17 06 24", (2024, 6, 17, 1, 45, 30)),
        ("30 45 61 03 17 06 24", (2024, 6, 17, 13, 45, 30)),
        ("30 45 71 03 17 06 24", (2024, 6, 17, 23, 45, 30)),
        ("00 00 00 05 01 81 00", (2100, 1, 1, 0, 0, 0)),
        ("00 00 00 05 29 02 24", (2024, 2, 29, 0, 0, 0)),
    ],
)
def test_the_registers_are_read_as_the_data_sheets_figure_1_has_them(bench, registers, time):
    assert bench.clock(registers).time() == time


@given(moment=moments, hours=st.integers(0, 30))
def test_a_clock_of_twelve_hours_goes_on_from_morning_to_afternoon(moment, hours):
    bench = Bench()
    clock = DS3231(bench.i2c)
    clock.set_time(*fields(moment))
    half = (moment.hour + 11) % 12 + 1
    coded = 0x40 | (0x20 if moment.hour >= 12 else 0) | half // 10 << 4 | half % 10
    bench.i2c.writeto_mem(0x68, 0x02, bytes([coded]))
    bench.now += hours * 3600 * SECOND
    after = moment + datetime.timedelta(hours=hours)
    if after.year < 2100:
        assert clock.time() == fields(after)
        assert bench.i2c.readfrom_mem(0x68, 0x02, 1)[0] & 0x40


def test_the_century_changes_with_the_year_99(bench):
    clock = bench.clock("59 59 23 07 31 12 99")
    bench.now += SECOND
    assert clock.time() == (2100, 1, 1, 0, 0, 0)
    clock.set_time(2199, 12, 31, 23, 59, 59)
    assert clock.time() == (2199, 12, 31, 23, 59, 59)


def test_a_leap_day_that_only_the_chip_has_is_no_time(bench):
    """Its leap years are valid up to 2100 [data sheet, features]."""
    clock = DS3231(bench.i2c)
    clock.set_time(2100, 2, 28, 23, 59, 59)
    bench.now += SECOND
    with pytest.raises(OSError, match="0x29 as its day"):
        clock.time()


def test_a_new_clock_has_no_time_until_it_is_set(bench):
    clock = DS3231(bench.i2c)
    with pytest.raises(OSError, match="set it") as caught:
        clock.time()
    assert caught.value.errno == errno.EIO
    clock.set_time(2026, 11, 21, 20, 50, 22)
    assert clock.time() == (2026, 11, 21, 20, 50, 22)


def test_a_battery_keeps_the_time_and_an_empty_one_is_found_out(bench):
    clock = DS3231(bench.i2c)
    bench.i2c.writeto_mem(0x68, 0x0E, b"\x9c")  # EOSC: the oscillator is to stop on the battery
    clock.set_time(2026, 11, 21, 20, 50, 22)
    bench.now += 8 * SECOND
    bench.chip.power_cycle()
    assert clock.time() == (2026, 11, 21, 20, 50, 30)
    bench.chip.power_cycle(battery=False)
    with pytest.raises(OSError, match="stood still"):
        clock.time()


def test_setting_the_clock_keeps_what_else_the_chip_was_told(bench):
    bench.i2c.writeto_mem(0x68, 0x0E, b"\x1d\x00")
    DS3231(bench.i2c).set_time(2026, 11, 21, 20, 50, 22)
    assert bench.i2c.readfrom_mem(0x68, 0x0E, 2) == b"\x1d\x00"


@given(st.dates(datetime.date(2000, 1, 1), datetime.date(2199, 12, 31)))
def test_the_weekday_is_the_calendars(date):
    assert weekday(date.year, date.month, date.day) == date.isoweekday()


@pytest.mark.parametrize(("year", "month", "count"), [(2024, 2, 29), (2100, 2, 28), (2000, 2, 29), (2026, 11, 30)])
def test_a_month_has_its_days(year, month, count):
    assert days(year, month) == count


@pytest.mark.parametrize(
    "wrong",
    [
        (1999, 12, 31, 0, 0, 0),
        (2200, 1, 1, 0, 0, 0),
        (2026, 0, 1, 0, 0, 0),
        (2026, 13, 1, 0, 0, 0),
        (2026, 2, 29, 0, 0, 0),
        (2026, 1, 0, 0, 0, 0),
        (2026, 1, 1, 24, 0, 0),
        (2026, 1, 1, 0, 60, 0),
        (2026, 1, 1, 0, 0, 60),
        (2026, 1, 1, 0, 0, -1),
    ],
)
def test_what_is_no_time_is_refused_and_nothing_is_set(bench, wrong):
    with pytest.raises(ValueError, match="is no"):
        DS3231(bench.i2c).set_time(*wrong)
    assert bench.i2c.readfrom_mem(0x68, 0x00, 7) == bytes([0, 0, 0, 1, 1, 1, 0])


@pytest.mark.parametrize(
    ("registers", "what"),
    [
        ("60 00 00 01 01 01 00", "second"),
        ("0a 00 00 01 01 01 00", "second"),
        ("00 60 00 01 01 01 00", "minute"),
        ("00 00 24 01 01 01 00", "hour"),
        ("00 00 40 01 01 01 00", "hour"),
        ("00 00 53 01 01 01 00", "hour"),
        ("00 00 00 01 00 01 00", "day"),
        ("00 00 00 01 31 11 26", "day"),
        ("00 00 00 01 01 13 00", "month"),
        ("00 00 00 01 01 00 00", "month"),
        ("00 00 00 01 01 01 a0", "year"),
    ],
)
def test_registers_that_are_no_time_are_an_error(bench, registers, what):
    with pytest.raises(OSError, match=f"as its {what}"):
        bench.clock(registers).time()


@pytest.mark.parametrize(
    ("registers", "celsius"),
    [("19 40", 25.25), ("00 00", 0.0), ("ff c0", -0.25), ("d8 00", -40.0), ("55 00", 85.0), ("7f 40", None)],
)
def test_temperature_is_the_data_sheets_worked_example(bench, registers, celsius):
    """Temperature registers: 00011001 01 is 25.25 degrees."""
    driver = DS3231(bench.i2c)
    driver._i2c = OneAnswer(bench.i2c, 0x04, b"\x01" + bytes(9) + b"\x1c\x08\x00" + bytes.fromhex(registers))
    if celsius is None:
        with pytest.raises(OSError, match=r"127.25 Cel is outside the chip's range of -40 to 85"):
            driver.sample()
    else:
        assert driver.sample() == {"temperature": celsius}


def test_the_chip_converts_by_itself_and_that_is_waited_for(bench):
    driver = DS3231(bench.i2c)
    bench.chip.set(celsius=30)
    bench.now += 64 * SECOND + MILLISECOND
    assert bench.measure(driver) == {"temperature": 30}


def test_a_sample_before_its_time_is_refused_and_a_later_one_not(bench):
    driver = DS3231(bench.i2c)
    driver.start()
    bench.now += MILLISECOND
    with pytest.raises(OSError, match="still converting") as caught:
        driver.sample()
    assert caught.value.errno == errno.EAGAIN
    bench.now += 200 * MILLISECOND
    assert driver.sample() == {"temperature": 25}


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.NACK, "does not acknowledge"), (Fault.STUCK, "is no DS3231"), (Fault.SHORT, "0 bytes of 1")],
)
def test_a_fault_at_the_start_is_an_error_of_the_bus(bench, fault, says):
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says):
        DS3231(bench.i2c)


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.NACK, "does not acknowledge"), (Fault.STUCK, "stuck"), (Fault.SHORT, "15 bytes of 16")],
)
def test_a_fault_of_the_clock_is_an_error_of_the_bus_and_passes(bench, fault, says):
    clock = DS3231(bench.i2c)
    clock.set_time(2026, 11, 21, 20, 50, 22)
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says):
        clock.time()
    with pytest.raises(OSError, match=r"acknowledge|does not show|1 bytes of 2"):
        clock.set_time(2027, 1, 1, 0, 0, 0)
    bench.chip.fault = None
    clock.set_time(2027, 1, 1, 0, 0, 0)
    assert clock.time() == (2027, 1, 1, 0, 0, 0)


@given(st.binary(min_size=16, max_size=16))
def test_no_registers_of_the_clock_do_worse_than_an_error_of_the_bus(data):
    clock = DS3231(Bench().i2c)
    clock._i2c = OneAnswer(clock._i2c, 0x00, data)
    try:
        year, *rest = clock.time()
    except OSError:
        return
    assert 2000 <= year <= 2199
    datetime.datetime(year, *rest, tzinfo=datetime.UTC)  # raises where it is no time


@given(st.tuples(*[st.integers(0, 255).map(lambda byte: f"{byte % 100:02d}")] * 7))
def test_no_digits_of_the_clock_do_worse_than_an_error_of_the_bus(digits):
    """As above, but nearer to a time."""
    clock = DS3231(Bench().i2c)
    clock._i2c = OneAnswer(clock._i2c, 0x00, bytes.fromhex("".join(digits)) + bytes(9))
    try:
        datetime.datetime(*clock.time(), tzinfo=datetime.UTC)
    except OSError:
        return


def test_the_model_refuses_what_a_chip_cannot_measure(bench):
    with pytest.raises(ValueError, match="a DS3231 has no lux"):
        bench.chip.set(lux=1)
    with pytest.raises(ValueError, match="celsius must be -40 to 85"):
        bench.chip.set(celsius=86)
