# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCA9685's driver: frequencies, duties, pulses, sleep and restart, and each fault."""

from ganglion_micro.drivers.pca9685 import PCA9685, prescale
from support.exercise import replay


def exercise(bench):
    for frequency in (24, 50, 60.5, 200, 1000, 1526):
        bench.say(frequency, "Hz", prescale(frequency))
    bench.attempt(prescale, 1527)
    outputs = PCA9685(bench.i2c, 0x40, 50)
    bench.say(outputs.frequency, outputs.start())
    bench.sleep_ms(1)
    for channel, duty in ((0, 0), (1, 1), (7, 2048), (14, 4095), (15, 4096), (16, 0), (0, 4097)):
        bench.attempt(outputs.set, channel, duty)
        bench.say(bench.attempt(outputs.get, channel))
    for microseconds in (0, 1000, 1500.5, 2000, 19988, 19989):
        bench.attempt(outputs.pulse, 3, microseconds)
        bench.say(outputs.get(3))
    outputs.sleep()
    bench.attempt(outputs.restart)
    bench.sleep_ms(outputs.start())
    bench.attempt(outputs.restart)
    outputs.set(5, 1234)
    bench.say(PCA9685(bench.i2c, 0x40, 50, keep=True).get(5))
    other = PCA9685(bench.i2c, 0x40, 60, keep=True)
    bench.say(other.get(5), other.start())
    outputs.off()
    for fault in ("nack", "stuck", "stuck low", "short"):
        bench.say(fault)
        bench.world.fault(fault)
        bench.attempt(outputs.set, 1, 1000)
        bench.attempt(outputs.get, 1)
        bench.attempt(outputs.off)
        bench.attempt(outputs.restart)
        bench.attempt(PCA9685, bench.i2c)
        bench.world.fault(None)


if __name__ == "__main__":
    replay(exercise)
