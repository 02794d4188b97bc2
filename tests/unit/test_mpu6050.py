# SPDX-License-Identifier: GPL-3.0-or-later
"""mpu6050: the driver against the register map's numbers and against a model of the chip that samples by itself."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim import trace
from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.mpu6050 import ChipModel
from ganglion_micro.drivers.mpu6050 import MPU6050
from support.chips import OneAnswer

MILLISECOND = 1_000_000
RAMP = "seconds,acceleration_x,acceleration_y,acceleration_z\n0,0,0,0\n15,15,15,15\n"


class Bench:
    """A chip on a bus, and the time they live in; each byte on the bus takes `byte` ns of it."""

    def __init__(self, recording=None, byte=0):
        self.now = 0
        self.byte = byte
        self.chip = ChipModel(now=lambda: self.now, trace=recording)
        self.i2c = self
        self.bus = SimulatedI2C({0x68: self.chip})

    def readfrom_mem(self, addr, memaddr, nbytes):
        data = self.bus.readfrom_mem(addr, memaddr, nbytes)
        self.now += nbytes * self.byte
        return data

    def writeto_mem(self, addr, memaddr, buf):
        self.bus.writeto_mem(addr, memaddr, buf)
        self.now += len(buf) * self.byte

    def pass_ms(self, ms):
        self.now += round(ms * MILLISECOND)

    def measure(self, driver):
        self.pass_ms(driver.start())
        return driver.sample()

    def queueing(self, **options):
        """A driver whose queue fills from now on."""
        driver = MPU6050(self, **options)
        self.pass_ms(driver.start())
        driver.start_fifo()
        return driver


@pytest.fixture
def bench():
    return Bench()


def started(bench, **options):
    driver = MPU6050(bench.i2c, **options)
    bench.pass_ms(driver.start())
    return driver


@pytest.mark.parametrize(("scale", "per_g"), [(2, 16384), (4, 8192), (8, 4096), (16, 2048)])
def test_one_g_is_what_the_register_map_says(bench, scale, per_g):
    """Registers 59 to 64: LSB a g at each AFS_SEL."""
    driver = started(bench, acceleration=scale)
    assert bench.i2c.readfrom_mem(0x68, 0x3F, 2) == struct.pack(">h", per_g)
    driver._i2c = OneAnswer(bench.i2c, 0x3A, b"\x01" + struct.pack(">hhhhhhh", -per_g, 0, per_g, 0, 0, 0, 0))
    values = driver.sample()
    assert values["acceleration_z"] == -values["acceleration_x"] == pytest.approx(9.80665)


@pytest.mark.parametrize(("scale", "per_degree"), [(250, 131), (500, 65.5), (1000, 32.75), (2000, 16.375)])
def test_a_turn_is_what_the_register_map_says(bench, scale, per_degree):
    """Registers 67 to 72: LSB a degree a second at each FS_SEL, 131 halved and halved again."""
    driver = started(bench, rotation=scale)
    data = struct.pack(">hhhhhhh", 0, 0, 0, 0, round(100 * per_degree), 0, -round(200 * per_degree))
    driver._i2c = OneAnswer(bench.i2c, 0x3A, b"\x01" + data)
    values = driver.sample()
    assert values["rotation_x"] == pytest.approx(100, rel=1e-3)
    assert values["rotation_z"] == pytest.approx(-200, rel=1e-3)


@pytest.mark.parametrize(("raw", "celsius"), [(0, 36.53), (-521, 34.998), (-12420, 0.0), (3400, 46.53)])
def test_temperature_is_register_65s_formula(bench, raw, celsius):
    """Degrees Celsius = TEMP_OUT / 340 + 36.53; -521 is 35 degrees."""
    driver = started(bench)
    driver._i2c = OneAnswer(bench.i2c, 0x3A, b"\x01" + struct.pack(">hhhhhhh", 0, 0, 0, raw, 0, 0, 0))
    assert driver.sample()["temperature"] == pytest.approx(celsius, abs=0.01)


@given(
    acceleration=st.sampled_from([2, 4, 8, 16]),
    rotation=st.sampled_from([250, 500, 1000, 2000]),
    share=st.lists(st.floats(-0.999, 0.999), min_size=6, max_size=6),
    celsius=st.floats(-40, 85),
)
def test_what_moves_reads_back_within_the_chips_resolution(acceleration, rotation, share, celsius):
    bench = Bench()
    driver = MPU6050(bench.i2c, acceleration=acceleration, rotation=rotation)
    full = [acceleration * 9.80665] * 3 + [rotation] * 3
    motion = {name: part * end for name, part, end in zip(list(driver.channels)[:6], share, full, strict=True)}
    bench.chip.set(**motion, celsius=celsius)
    values = bench.measure(driver)
    assert values.keys() == driver.channels.keys()
    for name, end in zip(motion, full, strict=True):
        assert values[name] == pytest.approx(motion[name], abs=end / 32768)
    assert values["temperature"] == pytest.approx(celsius, abs=0.5 / 340 + 1e-6)


def test_what_is_beyond_the_scale_reads_as_its_end(bench):
    bench.chip.set(acceleration_x=-100, rotation_y=1999)
    values = bench.measure(MPU6050(bench.i2c))
    assert values["acceleration_x"] == pytest.approx(-2 * 9.80665)
    assert values["rotation_y"] == pytest.approx(250, abs=0.2)


def test_the_first_sample_waits_until_the_gyroscope_has_started(bench):
    driver = MPU6050(bench.i2c)
    assert bench.measure(driver)["rotation_x"] == pytest.approx(0, abs=0.01)
    assert driver.start() == 11  # a period and one for two clocks that differ


def test_a_new_sample_is_there_after_each_start(bench):
    for rate in (1000, 100, 4):
        driver = MPU6050(bench.i2c, rate=rate)
        for _ in range(3):
            assert bench.measure(driver)


def test_a_sample_is_read_once(bench):
    driver = started(bench)
    driver.sample()
    with pytest.raises(OSError, match="no new sample") as caught:
        driver.sample()
    assert caught.value.errno == errno.EAGAIN


def test_the_axes_of_a_sample_are_of_one_moment():
    """Read byte by byte, the ramp would have moved on between the axes."""
    bench = Bench(trace.parse(RAMP), byte=MILLISECOND)
    driver = MPU6050(bench.i2c, rate=1000)
    for _ in range(20):
        values = bench.measure(driver)
        assert values["acceleration_x"] == values["acceleration_y"] == values["acceleration_z"]
    assert values["acceleration_x"] > 0.1


def test_a_chip_that_was_reset_is_set_up_again_by_the_next_start(bench):
    driver = started(bench, acceleration=16)
    bench.chip.power_cycle()
    with pytest.raises(OSError, match="no new sample"):
        driver.sample()
    assert bench.measure(driver)["acceleration_z"] == pytest.approx(9.80665, abs=0.005)


def test_what_another_program_set_up_is_set_up_anew(bench):
    started(bench, acceleration=16, rotation=2000)
    assert bench.measure(MPU6050(bench.i2c))["acceleration_z"] == pytest.approx(9.80665, abs=0.001)


@pytest.mark.parametrize("rate", [1000, 200, 50])
def test_no_sample_of_the_queue_is_lost_or_read_twice(rate):
    bench = Bench(trace.parse(RAMP))
    driver = bench.queueing(rate=rate)
    assert driver.rate == rate
    found = []
    step = 85 * 1000 / rate / 2.3  # no whole number of samples
    while len(found) < 400:
        bench.pass_ms(step)
        found += driver.samples()
    for place, (x, y, z, *rotation) in enumerate(found):
        assert x == y == z
        # A ramp of 1 m/s2 a second: one sample lost, and all that follow would be off by more
        assert x == pytest.approx(found[0][0] + place / rate, abs=0.0007)
        assert rotation == [0, 0, 0]


def test_an_empty_queue_is_no_samples(bench):
    driver = bench.queueing(rate=10)
    assert driver.samples() == []
    bench.pass_ms(100)
    assert len(driver.samples()) == 1


@pytest.mark.parametrize(("rate", "milliseconds"), [(1000, 42), (500, 85), (100, 425)])
def test_the_queue_says_how_often_it_is_to_be_read(bench, rate, milliseconds):
    driver = started(bench, rate=rate)
    assert driver.start_fifo() == milliseconds
    for _ in range(5):
        bench.pass_ms(2 * milliseconds)  # even half as often is in time
        assert driver.samples()


def test_a_queue_that_overflowed_says_so_and_goes_on(bench):
    driver = bench.queueing(rate=1000)
    bench.pass_ms(86)
    with pytest.raises(OSError, match="samples are lost; read it every 42 ms") as caught:
        driver.samples()
    assert caught.value.errno == errno.ENOBUFS
    bench.pass_ms(40)
    found = driver.samples()
    assert len(found) == 40
    assert all(sample[2] == pytest.approx(9.80665, abs=0.001) for sample in found)


def test_an_overflow_is_not_lost_to_a_sample_in_between(bench):
    driver = bench.queueing(rate=1000)
    bench.pass_ms(500)
    driver.sample()  # reads the same status, which clears it
    with pytest.raises(OSError, match="samples are lost"):
        driver.samples()


def test_an_overflow_while_the_queue_is_read_is_said():
    bench = Bench(byte=100_000)  # 10 bytes a ms: slower than the chip fills it
    driver = bench.queueing(rate=1000)
    bench.pass_ms(80)
    with pytest.raises(OSError, match="samples are lost"):
        driver.samples()


def test_a_queue_of_a_chip_that_sleeps_is_refused(bench):
    with pytest.raises(OSError, match="start it first") as caught:
        MPU6050(bench.i2c).start_fifo()
    assert caught.value.errno == errno.EAGAIN


def test_a_chip_that_was_reset_while_it_queued_is_found_out(bench):
    driver = bench.queueing()
    bench.chip.power_cycle()
    with pytest.raises(OSError, match="was reset: start it again"):
        driver.samples()
    bench.pass_ms(driver.start())
    driver.start_fifo()
    bench.pass_ms(100)
    assert len(driver.samples()) == 10


def test_single_samples_are_measured_again_when_the_queue_is_no_longer_wanted(bench):
    driver = bench.queueing()
    bench.pass_ms(100)
    driver.samples()
    assert bench.measure(driver)["acceleration_z"] == pytest.approx(9.80665, abs=0.001)


@pytest.mark.parametrize(("rate", "taken"), [(1000, 1000), (999, 1000), (400, 500), (300, 1000 / 3), (4, 4)])
def test_a_rate_is_what_1000_hz_can_be_divided_to(bench, rate, taken):
    assert MPU6050(bench.i2c, rate=rate).rate == pytest.approx(taken)


@pytest.mark.parametrize(("rate", "code"), [(1000, 1), (368, 1), (200, 2), (100, 3), (50, 4), (20, 5), (10, 6)])
def test_the_filter_lets_through_no_more_than_half_the_rate(bench, rate, code):
    started(bench, rate=rate)
    assert bench.i2c.readfrom_mem(0x68, 0x1A, 1)[0] == code


def test_another_chip_is_refused_by_its_id(bench):
    with pytest.raises(OSError, match=r"0x68 answers as chip 0x71, not 0x68 \(MPU6050\)") as caught:
        MPU6050(OneAnswer(bench.i2c, 0x75, b"\x71"))
    assert caught.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.NACK, "does not acknowledge"), (Fault.STUCK, "holds 65535"), (Fault.SHORT, "1 bytes of 2")],
)
def test_a_fault_of_the_queue_is_an_error_of_the_bus(bench, fault, says):
    driver = bench.queueing()
    bench.pass_ms(50)
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says):
        driver.samples()


@given(st.binary(min_size=15, max_size=15))
def test_no_registers_do_worse_than_an_error_of_the_bus(data):
    driver = MPU6050(Bench().i2c)
    driver._i2c = OneAnswer(driver._i2c, 0x3A, data)
    try:
        values = driver.sample()
    except OSError:
        return
    assert all(abs(values[f"acceleration_{axis}"]) <= 2 * 9.80665 for axis in "xyz")
    assert all(abs(values[f"rotation_{axis}"]) <= 32768 / 131 for axis in "xyz")
    assert -40 <= values["temperature"] <= 85


@given(count=st.binary(min_size=2, max_size=2), data=st.binary(min_size=240, max_size=240))
def test_no_queue_does_worse_than_an_error_of_the_bus(count, data):
    bench = Bench()
    driver = bench.queueing()
    driver._i2c = OneAnswer(OneAnswer(bench.i2c, 0x74, data), 0x72, count)
    try:
        found = driver.samples()
    except OSError:
        return
    assert len(found) == int.from_bytes(count, "big") // 12
    assert all(abs(value) <= 32768 / 131 for sample in found for value in sample)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"acceleration": 3}, "must be 2, 4, 8 or 16 g, not 3"),
        ({"rotation": 100}, "must be 250, 500, 1000 or 2000 deg/s, not 100"),
        ({"rate": 3}, "must be 4 to 1000 Hz, not 3"),
        ({"rate": 1001}, "must be 4 to 1000 Hz, not 1001"),
    ],
)
def test_what_the_chip_has_not_is_refused(bench, option, says):
    with pytest.raises(ValueError, match=says):
        MPU6050(bench.i2c, **option)


def test_the_model_refuses_what_a_chip_cannot_measure(bench):
    with pytest.raises(ValueError, match="a MPU-6050 has no lux"):
        bench.chip.set(lux=1)
    with pytest.raises(ValueError, match="rotation_x must be -2000 to 2000"):
        bench.chip.set(rotation_x=3000)
