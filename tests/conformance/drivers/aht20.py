# SPDX-License-Identifier: GPL-3.0-or-later
"""The AHT20's driver in cold, warm and wet air, and with each fault."""

from ganglion_micro.drivers.aht20 import AHT20
from support.exercise import replay

PLACES = [
    {"celsius": -39.5, "percent": 0.0},
    {"celsius": 4.25, "percent": 55.5},
    {"celsius": 84.9, "percent": 100.0},
]


def exercise(bench):
    bench.sensor(lambda: AHT20(bench.i2c), PLACES)
    bench.measure(AHT20(bench.i2c, 0x39))


if __name__ == "__main__":
    replay(exercise)
