# SPDX-License-Identifier: GPL-3.0-or-later
"""The BME280's driver against a transcript of the bus, so that it asks for the same registers and finds the same.

Each line of the file is an exchange: `read REGISTER DATA`, `write REGISTER DATA`, or `= CHANNEL VALUE` for a result.
"""

import errno
import sys

from ganglion_micro.drivers.bme280 import BME280, compensate_pressure, fine_temperature

# The worked example of BST-BMP280-DS001 section 3.12
EXAMPLE = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
fine = fine_temperature(519888, EXAMPLE)
assert f"{fine / 5120:.2f}" == "25.08", fine
assert abs(compensate_pressure(415148, fine, EXAMPLE) / 256 - 100653.27) < 0.05


class Transcript:
    """A bus on which everything has been said already."""

    def __init__(self, lines):
        self.lines = [line.split() for line in lines]

    def next(self, *words):
        said = self.lines.pop(0)
        assert tuple(said[: len(words)]) == words, (said, words)
        return said[len(words)]

    def readfrom_mem(self, address, register, count):
        data = bytes.fromhex(self.next("read", str(register)))
        assert len(data) == count
        return data

    def writeto_mem(self, address, register, data):
        assert bytes.fromhex(self.next("write", str(register))) == data


with open(sys.argv[1]) as lines:
    bus = Transcript(lines.read().splitlines())
chip = BME280(bus, 0x76)
while bus.lines:
    assert chip.start() > 0
    values = chip.sample()
    for channel in sorted(values):
        assert bus.next("=", channel) == f"{values[channel]:.6f}", channel
        print(channel, f"{values[channel]:.6f}")


class Deaf:
    """A bus that nobody answers on."""

    def readfrom_mem(self, address, register, count):
        raise OSError(errno.ENODEV, "no such device")


try:
    BME280(Deaf(), 0x76)
except OSError as error:
    print(error.args[0] == errno.ENODEV)
