# SPDX-License-Identifier: GPL-3.0-or-later
"""The VL53L0X's driver: near, far and beyond its range, with little and much time, and each fault."""

from ganglion_micro.drivers.vl53l0x import VL53L0X, chosen, final_range_timeout
from support.exercise import replay

PLACES = [{"millimetres": millimetres} for millimetres in (0, 37, 1249.6, 2000, 2001, 9000)]


def exercise(bench):
    for budget in (20, 33, 200, 500):
        bench.say(budget, "ms", list(final_range_timeout(budget)))
    bench.say(list(chosen(b"\xf0\x0f\xff", 6, 9)))
    bench.sensor(lambda: VL53L0X(bench.i2c), PLACES)
    bench.world.set(millimetres=700)
    for budget in (20, 200, 19):
        driver = bench.attempt(VL53L0X, bench.i2c, 0x29, budget)
        if driver:
            bench.measure(driver)
            bench.attempt(driver.start)
            bench.attempt(driver.sample)


if __name__ == "__main__":
    replay(exercise)
