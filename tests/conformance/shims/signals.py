# SPDX-License-Identifier: GPL-3.0-or-later
"""machine.Signal over a pin of one's own, and time_pulse_us."""

import machine


class Pin(machine.PinBase):
    def __init__(self):
        self.level = 0

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = int(level)


pin = Pin()
for invert in (False, True):
    signal = machine.Signal(pin, invert=invert)
    for act in (signal.on, signal.off, lambda: signal.value(1), lambda: signal.value(False), lambda: signal(1)):
        act()
        print(invert, pin.level, signal.value(), signal())


class Pulse(machine.PinBase):
    def __init__(self, levels):
        self.levels = levels

    def value(self):
        return self.levels.pop(0) if len(self.levels) > 1 else self.levels[0]


print(machine.time_pulse_us(Pulse([0, 0, 1, 1, 1, 0]), 1, 100000) >= 0)
print(machine.time_pulse_us(Pulse([0]), 1, 500), machine.time_pulse_us(Pulse([0, 1]), 1, 300000))
