# SPDX-License-Identifier: GPL-3.0-or-later
"""The DS18B20's driver at each resolution, where it is cold and hot, and with each fault of its line."""

from ganglion_micro.drivers.ds18b20 import DS18B20
from support.exercise import replay


def exercise(bench):
    (rom,) = bench.onewire.scan()
    for resolution in (9, 10, 11, 12):
        chip = DS18B20(bench.onewire, rom, resolution)
        for celsius in (-55.0, -10.125, 0.0, 25.0625, 80.0, 85.0, 125.0):
            bench.world.set(celsius)
            bench.measure(chip)
    bench.measure(DS18B20(bench.onewire, rom))
    for fault in ("absent", "low", "damaged", "starved"):
        bench.world.fault(fault)
        bench.measure(chip)
        bench.attempt(DS18B20, bench.onewire, rom)
        bench.world.fault(None)
    bench.attempt(DS18B20, bench.onewire, rom[:7] + b"\x00")
    bench.attempt(DS18B20, bench.onewire, rom, 13)


if __name__ == "__main__":
    replay(exercise)
