# SPDX-License-Identifier: GPL-3.0-or-later
"""A guard of a device with interlocks and a readback, and a calendar: the same on every Python."""

from ganglion_agent.calendar import Calendar
from ganglion_agent.guard import Actuator, Guard
from ganglion_agent.interlock import Interlocks
from ganglion_agent.readback import Readback
from ganglion_micro.limits import Limits

SECOND = 10**9


class Output:
    value = False

    def write(self, value):
        self.value = value


class Relay(Readback):
    shown = False

    def __init__(self):
        self.within, self.until = SECOND, 0

    def is_on(self):
        return self.shown


guard = Guard(lambda name, reason: print("safe", name, reason))
for name in ("pump", "heater", "drain"):
    guard.actuators[name] = Actuator(Limits(), Output(), 60 * SECOND, "low", 0)
guard.interlocks = Interlocks(guard.actuators, {"heater": (["pump"], None), "drain": (None, ["pump"])})
relay = guard.actuators["pump"].readback = Relay()
now = 1000 * SECOND
for name, value in (("heater", True), ("pump", True), ("drain", True), ("heater", True)):
    print(name, guard.set(name, value, "script", now, 0))
relay.shown = True
guard.advance(now + 1, 0, 0)
print(guard.set("heater", True, "script", now + 1, 0), guard.status())
guard.release("script")
for turn in range(4):
    relay.shown = guard.actuators["pump"].output.value
    guard.advance(now + (turn + 2) * SECOND, 0, 0)
print(guard.status(), [output.output.value for output in guard.actuators.values()])
for text in ("*/7 3-5 * * MON", "0 0 29 2 *", "15 6,18 1 jan-mar/2 *"):
    calendar = Calendar([text, "", "", "", False])
    print(text, calendar.next(1767225600), calendar.next(1999999999))
print(Calendar(["", "2026-05-01T07:30:00+02:30", "", "UTC", False]).next(0))
