# SPDX-License-Identifier: GPL-3.0-or-later
"""The DS3231's driver: temperature, the time when new, set, at the turn of years, in 12 hours, and each fault."""

from ganglion_micro.drivers.ds3231 import DS3231, days, weekday
from support.exercise import replay

TIMES = [(2000, 1, 1, 0, 0, 0), (2024, 2, 28, 23, 59, 58), (2099, 12, 31, 23, 59, 59), (2199, 7, 4, 12, 0, 30)]


def exercise(bench):
    bench.say(*(days(year, 2) for year in (2000, 2023, 2024, 2100)))
    bench.say(*(weekday(*time[:3]) for time in TIMES))
    bench.sensor(lambda: DS3231(bench.i2c), [{"celsius": celsius} for celsius in (-40, -0.3, 25.25, 85)])
    clock = DS3231(bench.i2c)
    bench.attempt(clock.time)
    for time in TIMES:
        clock.set_time(*time)
        bench.sleep_ms(1500)
        bench.say(*clock.time())
    for hours in (b"\x52", b"\x41", b"\x72", b"\x71", b"\x24", b"\x53"):
        bench.i2c.writeto_mem(0x68, 0x02, hours)
        bench.say(bench.attempt(clock.time))
    bench.attempt(clock.set_time, 2026, 2, 29, 0, 0, 0)
    bench.attempt(clock.set_time, 2026, 2, 28, 24, 0, 0)
    for fault in ("nack", "stuck", "stuck low", "short"):
        bench.world.fault(fault)
        bench.attempt(clock.time)
        bench.attempt(clock.set_time, 2026, 11, 21, 20, 50, 22)
        bench.world.fault(None)


if __name__ == "__main__":
    replay(exercise)
