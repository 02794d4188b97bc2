# SPDX-License-Identifier: GPL-3.0-or-later
"""The DHT22's driver in cold, warm and wet air, and with each fault of its line; and its bits out of pulses."""

from ganglion_micro.drivers.dht22 import DHT22, bits
from support.exercise import replay


def exercise(bench):
    chip = DHT22(lambda pin, buf: pin.readinto(None, buf), bench.line)
    for place in ({"celsius": -40.0, "percent": 0.0}, {"celsius": -0.1, "percent": 99.9}, {"celsius": 35.1}):
        bench.world.set(**place)
        for _ in range(2):  # it says what it measured when it was asked before
            bench.sleep_ms(2000)
            bench.measure(chip)
    bench.measure(chip)  # too early
    for fault in ("silent", "noise", "cut"):
        bench.sleep_ms(2000)
        bench.world.fault(fault)
        bench.measure(chip)
        bench.world.fault(None)
    bench.say(bits([80] + [26, 70, 28, 68] * 10))
    bench.attempt(bits, [26] * 39)
    bench.attempt(bits, [26] * 39 + [200])


if __name__ == "__main__":
    replay(exercise)
