# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMP280's driver, which is the BME280's without humidity, in cold and warm air and with each fault."""

from ganglion_micro.drivers.bme280 import BME280, BMP280
from support.exercise import replay

PLACES = [{"celsius": -31.4, "hectopascal": 870.5}, {"celsius": 61.7, "hectopascal": 1084.0}]


def exercise(bench):
    bench.sensor(lambda: BMP280(bench.i2c), PLACES)
    bench.attempt(BME280, bench.i2c)


if __name__ == "__main__":
    replay(exercise)
