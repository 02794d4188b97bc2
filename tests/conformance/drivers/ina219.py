# SPDX-License-Identifier: GPL-3.0-or-later
"""The INA219's driver: currents forwards, backwards and beyond its shunt, other shunts, and each fault."""

from ganglion_micro.drivers.ina219 import INA219
from support.exercise import replay

PLACES = [
    {"volts": 0.0, "millivolts": 0.0},
    {"volts": 5.1, "millivolts": -123.45},
    {"volts": 26.0, "millivolts": 319.0},
    {"volts": 12.0, "millivolts": 320.0},
]


def exercise(bench):
    bench.sensor(lambda: INA219(bench.i2c), PLACES)
    # The data sheet's worked example, and a current that its register cannot hold
    for shunt, most, millivolts in ((0.002, 32.768, 20.0), (0.1, 0.3, 38.0), (0.01, 10.0, -70.0)):
        bench.world.set(volts=11.98, millivolts=millivolts)
        bench.measure(INA219(bench.i2c, 0x40, shunt, most))
    for shunt, most in ((0.1, 3.3), (0.1, 0.2), (-0.1, 1.0), (0.0, 1.0)):
        bench.attempt(INA219, bench.i2c, 0x40, shunt, most)


if __name__ == "__main__":
    replay(exercise)
