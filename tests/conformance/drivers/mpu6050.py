# SPDX-License-Identifier: GPL-3.0-or-later
"""The MPU-6050's driver: at rest and in motion, each scale, its queue in time and too late, and each fault."""

from ganglion_micro.drivers.mpu6050 import MPU6050
from support.exercise import replay

PLACES = [
    {"acceleration_x": 0.0, "acceleration_z": 9.80665, "rotation_y": 0.0, "celsius": 25.0},
    {"acceleration_x": -3.25, "acceleration_z": 25.0, "rotation_y": -123.5, "celsius": -12.0},
]


def queue(bench, driver, ms):
    bench.sleep_ms(ms)
    found = bench.attempt(driver.samples)
    if found is not None:
        bench.say(len(found), "samples")
        for sample in found[:2]:
            bench.say(*sample)


def exercise(bench):
    bench.sensor(lambda: MPU6050(bench.i2c), PLACES)
    for acceleration, rotation in ((2, 250), (4, 500), (8, 1000), (16, 2000), (3, 250), (2, 100)):
        driver = bench.attempt(MPU6050, bench.i2c, 0x68, acceleration, rotation)
        if driver:
            bench.measure(driver)
    for rate in (1000, 333, 4, 3):
        driver = bench.attempt(MPU6050, bench.i2c, 0x68, 2, 250, rate)
        if driver:
            bench.attempt(driver.start_fifo)
            bench.say(driver.rate, "Hz", driver.start(), driver.start_fifo())
            for ms in (0, 20, 42, 500, 50):
                queue(bench, driver, ms)
    for fault in ("nack", "stuck", "stuck low", "short"):
        driver = MPU6050(bench.i2c)
        driver.start()
        driver.start_fifo()
        bench.world.fault(fault)
        queue(bench, driver, 50)
        bench.world.fault(None)


if __name__ == "__main__":
    replay(exercise)
