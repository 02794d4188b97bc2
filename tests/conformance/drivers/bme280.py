# SPDX-License-Identifier: GPL-3.0-or-later
"""The BME280's driver in cold, warm and wet air, at each oversampling, and with each fault."""

from ganglion_micro.drivers.bme280 import BME280, BMP280, compensate_pressure, fine_temperature
from support.exercise import replay

# The worked example of BST-BMP280-DS001 section 3.12
EXAMPLE = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)

PLACES = [
    {"celsius": -31.4, "percent": 12.0, "hectopascal": 870.5},
    {"celsius": 4.25, "percent": 55.5, "hectopascal": 1013.25},
    {"celsius": 61.7, "percent": 99.0, "hectopascal": 1084.0},
]


def exercise(bench):
    fine = fine_temperature(519888, EXAMPLE)
    bench.say("the example", fine / 5120, compensate_pressure(415148, fine, EXAMPLE) / 256)
    bench.sensor(lambda: BME280(bench.i2c), PLACES)
    for oversampling in (1, 2, 4, 8, 16, 3):
        driver = bench.attempt(BME280, bench.i2c, 0x76, oversampling)
        if driver:
            bench.measure(driver)
    bench.attempt(BMP280, bench.i2c)


if __name__ == "__main__":
    replay(exercise)
