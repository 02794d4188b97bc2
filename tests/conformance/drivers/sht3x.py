# SPDX-License-Identifier: GPL-3.0-or-later
"""The SHT3x's driver in cold, warm and wet air, at each repeatability, and with each fault."""

from ganglion_micro.drivers.crc8 import crc8
from ganglion_micro.drivers.sht3x import SHT3x
from support.exercise import replay

PLACES = [
    {"celsius": -39.5, "percent": 0.0},
    {"celsius": 4.25, "percent": 55.5},
    {"celsius": 124.9, "percent": 100.0},
]


def exercise(bench):
    bench.say("CRC of 0xBEEF", crc8(b"\xbe\xef"))
    bench.sensor(lambda: SHT3x(bench.i2c), PLACES)
    for repeatability in ("low", "medium"):
        bench.measure(SHT3x(bench.i2c, 0x44, repeatability))
        bench.sleep_ms(1)
    bench.attempt(SHT3x, bench.i2c, 0x44, "best")
    bench.measure(SHT3x(bench.i2c, 0x45))


if __name__ == "__main__":
    replay(exercise)
