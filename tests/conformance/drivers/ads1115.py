# SPDX-License-Identifier: GPL-3.0-or-later
"""The ADS1115's driver: its inputs in turn, each full scale and rate, voltages beyond it, and each fault."""

from ganglion_micro.drivers.ads1115 import ADS1115
from support.exercise import replay

PLACES = [
    {"a0": 0.0, "a1": 0.125, "a2": 3.3, "a3": 4.0},
    {"a0": -0.2, "a1": 5.0, "a2": 1e-4, "a3": 2.5},
]


def exercise(bench):
    bench.sensor(lambda: ADS1115(bench.i2c), PLACES, 4)
    for full_scale in (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 5):
        bench.world.set(a0=0.2)
        driver = bench.attempt(ADS1115, bench.i2c, 0x48, full_scale)
        if driver:
            bench.measure(driver)
    for rate in (8, 16, 32, 64, 128, 250, 475, 860, 100):
        driver = bench.attempt(ADS1115, bench.i2c, 0x48, 6.144, rate)
        if driver:
            bench.measure(driver)


if __name__ == "__main__":
    replay(exercise)
