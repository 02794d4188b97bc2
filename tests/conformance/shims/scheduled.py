# SPDX-License-Identifier: GPL-3.0-or-later
"""micropython.schedule: soon, one after another, never one inside another."""

import micropython
import time

seen = []
micropython.schedule(seen.append, 1)
while not seen:
    time.sleep_ms(1)
print(seen)


def outer(depth):
    seen.append(("in", depth))
    if depth < 3:
        micropython.schedule(outer, depth + 1)
        for _ in range(50):
            time.ticks_ms()
    seen.append(("out", depth))


micropython.schedule(outer, 0)
while len(seen) < 9:
    time.sleep_ms(1)
print(seen)
full = []


def fill(_):
    try:
        for i in range(100):
            micropython.schedule(full.append, i)
    except RuntimeError as error:
        full.append(str(error))


micropython.schedule(fill, None)
while len(full) < 4:
    time.sleep_ms(1)
print(full[:4])
