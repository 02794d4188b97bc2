# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCF8574's driver: pins that are driven, pins that are read, a pin that does not obey, and each fault."""

from ganglion_micro.drivers.pcf8574 import PCF8574
from support.exercise import replay


def exercise(bench):
    port = PCF8574(bench.i2c)
    bench.say(port.read())
    bench.world.set(p3=False)
    for latch in (0x00, 0x55, 0xFF):
        port.write(latch)
        bench.say(latch, port.read(), [port.get(pin) for pin in range(8)])
    for pin in range(8):
        bench.attempt(port.set, pin, pin % 2)
    bench.say(port.latch)
    bench.world.set(p0=True)
    bench.attempt(port.read)
    bench.world.set(p0=None, p3=None)
    for wrong in (-1, 8):
        bench.attempt(port.get, wrong)
    bench.attempt(port.write, 256)
    bench.attempt(PCF8574, bench.i2c, 0x20, -1)
    for fault in ("nack", "stuck", "stuck low", "short"):
        bench.world.fault(fault)
        bench.say(fault, bench.attempt(port.read))
        bench.attempt(port.write, 0x0F)
        bench.attempt(PCF8574, bench.i2c)
        bench.world.fault(None)


if __name__ == "__main__":
    replay(exercise)
