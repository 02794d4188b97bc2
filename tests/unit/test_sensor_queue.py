# SPDX-License-Identifier: GPL-3.0-or-later
"""sensors.queue: every sample that a chip took by itself, at a thousand a second."""

import errno

import pytest

from ganglion.errors import InvalidError
from ganglion.sensors import build
from ganglion.sensors.queue import Queue
from ganglion.sim import trace
from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.mpu6050 import ChipModel
from ganglion_micro.drivers.mpu6050 import MPU6050

RAMP = "seconds,acceleration_x\n0,0\n15,15\n"


class Bench:
    """A chip whose acceleration rises by 1 m/s2 each second, and the time that it lives in."""

    def __init__(self, rate=1000):
        self.now = 0
        self.chip = ChipModel(now=lambda: self.now, trace=trace.parse(RAMP))
        self.driver = MPU6050(SimulatedI2C({0x68: self.chip}), rate=rate)

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)

    def seconds(self):
        return self.now / 1e9


@pytest.mark.parametrize("rate", [1000, 125, 4])
def test_no_sample_is_lost_or_read_twice(rate):
    bench = Bench(rate)
    queue = Queue(bench.driver, bench.sleep, bench.seconds)
    first = queue.next()
    assert list(first) == list(MPU6050.queued)
    for place in range(1, min(2000, 8 * rate)):
        # One that is lost, and all that follow would be off by more than a step of the chip
        assert queue.next()["acceleration_x"] == pytest.approx(first["acceleration_x"] + place / rate, abs=0.0007)


def test_what_is_read_late_is_said_and_the_queue_goes_on():
    bench = Bench()
    queue = Queue(bench.driver, bench.sleep, bench.seconds)
    queue.next()
    bench.sleep(1)
    with pytest.raises(OSError, match="samples are lost") as caught:
        queue.next()
    assert caught.value.errno == errno.ENOBUFS
    while queue.next()["acceleration_x"] < 1:
        pass  # what was read in time is not lost
    assert queue.next()["acceleration_x"] == pytest.approx(bench.seconds(), abs=0.1)


def test_the_chips_queue_is_emptied_in_time_though_samples_are_taken_slowly():
    bench = Bench()
    queue = Queue(bench.driver, bench.sleep, bench.seconds)
    first = queue.next()
    for place in range(1, 500):
        bench.sleep(0.003)  # three more wait for each that is taken
        assert queue.next()["acceleration_x"] == pytest.approx(first["acceleration_x"] + place / 1000, abs=0.0007)


def test_samples_that_nobody_takes_in_time_for_long_are_an_error():
    bench = Bench()
    queue = Queue(bench.driver, bench.sleep, bench.seconds)
    with pytest.raises(OSError, match="samples wait: they are taken too slowly") as caught:  # noqa: PT012
        for _ in range(1000):
            bench.sleep(0.05)
            queue.next()
    assert caught.value.errno == errno.ENOBUFS


def test_a_chip_that_vanishes_is_an_error():
    bench = Bench()
    queue = Queue(bench.driver, bench.sleep, bench.seconds)
    bench.chip.fault = Fault.NACK
    with pytest.raises(OSError, match="does not acknowledge"):
        queue.next()


def test_a_sensor_reads_its_chips_queue_and_paces_itself():
    clock = [0]

    def now():
        clock[0] += 1_000_000  # each look at the clock is a millisecond later
        return clock[0]

    sensor = build("imu", {"kind": "mpu6050", "bus": "sim", "rate": 1000, "queue": True}, now=now)
    assert sensor.every == 0
    assert set(sensor.channels) == set(MPU6050.queued)
    sensor.source.open()
    samples = [sensor.sample() for _ in range(20)]
    assert all(values["acceleration_z"] == pytest.approx(9.80665, abs=0.001) for values in samples)
    sensor.set("rotation_y", 12.5)
    while sensor.sample()["rotation_y"] == 0:
        pass
    assert sensor.sample()["rotation_y"] == pytest.approx(12.5, abs=0.01)
    sensor.source.close()


def test_a_chip_without_a_queue_has_no_such_key():
    with pytest.raises(InvalidError, match=r"sensor\.s\.queue: unknown key"):
        build("s", {"kind": "bme280", "bus": "sim", "queue": True})


@pytest.mark.parametrize("rate", [1000, 125])
def test_samples_are_as_old_as_they_are_and_as_far_apart_as_they_were_taken(rate):
    bench = Bench(rate)
    queue = Queue(bench.driver, bench.sleep, bench.seconds)
    at = []
    for _ in range(4 * rate):
        value = queue.next()["acceleration_x"]  # it rises by 1 each second
        at.append(bench.seconds() - queue.age / 1e9)
        assert at[-1] == pytest.approx(value, abs=0.03)
    apart = [after - before for before, after in zip(at[rate:], at[rate + 1 :], strict=False)]
    assert min(apart) > 0.5 / rate
    assert max(apart) < 1.5 / rate


def test_a_chips_queue_is_read_ahead_of_the_loop():
    table = {"kind": "mpu6050", "bus": "sim", "queue": True, "rate": 1000}
    assert build("s", table).source.in_rows
    assert not build("s", table | {"queue": False}).source.in_rows
