# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a programme of calls on the twin of the bus's core; runs on MicroPython, as a script, and on CPython."""

import json
import struct
import sys

from ganglion_micro.dispatch import Dispatch
from ganglion_micro.match import Where


def fired(bus):
    """Who was told, with the bits of the numbers: their digits are each interpreter's own."""
    return [[handle, struct.pack(">d", number).hex(), is_kept] for handle, number, is_kept in bus.fired]


def play(programme):
    """What each call of `[name, *arguments]` returned, with the deadline after it, as JSON texts."""
    bus = Dispatch()
    standing = []
    lines = []
    for name, *arguments in programme:
        if name == "subscribe":
            filter, priority, condition = arguments
            standing.append(bus.subscribe(filter, priority, Where(*condition)))
            result = standing[-1]
        elif name == "unsubscribe":
            result = bus.unsubscribe(standing.pop(arguments[0] % len(standing))) if standing else None
        elif name == "emit":
            topic, number, now = arguments
            result = [bus.emit(bus.topic(topic), float(number), now), bus.matched, fired(bus)]
        elif name == "emit_symbol":
            topic, symbol, changed, now = arguments
            result = [bus.emit_symbol(bus.topic(topic), symbol, changed, now), bus.matched, fired(bus)]
        else:
            result = bus.take_due(arguments[0])
        lines.append(json.dumps([result, bus.deadline]))
    return lines


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        for line in play(json.load(file)):
            print(line)
