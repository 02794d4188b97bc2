# SPDX-License-Identifier: GPL-3.0-or-later
"""Ticks that wrap, their sums and differences, and dates."""

import time

import utime

print(utime.ticks_ms is not None, time.ticks_us() < 1 << 30, time.ticks_cpu() < 1 << 30)
LAST = time.ticks_add(0, -1)
print(LAST, time.ticks_add(LAST, 1), time.ticks_add(LAST, 100), time.ticks_add(5, -10))
for end, start in [
    (0, LAST),
    (LAST, 0),
    (10, 3),
    (3, 10),
    (LAST // 2, 0),
    (LAST // 2 + 1, 0),
    (0, LAST // 2 + 1),
    (7, 7),
]:
    print(end, start, time.ticks_diff(end, start))
for delta in (LAST // 2, LAST // 2 + 1, -(LAST // 2), -(LAST // 2) - 1, -(LAST // 2) - 2):
    try:
        print(delta, time.ticks_add(0, delta))
    except OverflowError as error:
        print(delta, "OverflowError", error)
before = time.ticks_ms()
time.sleep_ms(2)
time.sleep_us(100)
time.sleep_ms(-5)
time.sleep(0)
print(2 <= time.ticks_diff(time.ticks_ms(), before) < 1000)
print(time.gmtime(0)[:8], time.gmtime(1_700_000_000)[:8], time.gmtime(951_782_400)[:8])
print(time.mktime(time.localtime(1_600_000_000)) - 1_600_000_000)
print(time.time_ns() // 1_000_000_000 - int(time.time()) in (0, 1))
try:
    time.mktime((2000, 1, 1))
except TypeError as error:
    print("TypeError")
