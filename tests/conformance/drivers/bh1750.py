# SPDX-License-Identifier: GPL-3.0-or-later
"""The BH1750's driver in the dark, at a window and in the sun, at each end of its sensitivity, and with each fault."""

from ganglion_micro.drivers.bh1750 import BH1750
from support.exercise import replay


def exercise(bench):
    bench.sensor(lambda: BH1750(bench.i2c), [{"lux": 0.0}, {"lux": 812.5}, {"lux": 54000.0}, {"lux": 60000.0}])
    for sensitivity in (31, 254):
        bench.world.set(lux=4321.0)
        bench.measure(BH1750(bench.i2c, 0x23, sensitivity))
    for wrong in (30, 255):
        bench.attempt(BH1750, bench.i2c, 0x23, wrong)


if __name__ == "__main__":
    replay(exercise)
