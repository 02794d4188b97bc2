# SPDX-License-Identifier: GPL-3.0-or-later
"""What others need for the same."""

from itertools import repeat
from typing import Any

from ganglion_tools.bench.bus_ours import FILTERS, filters
from ganglion_tools.bench.timing import Contestant


def pyee() -> Contestant:
    from pyee.base import EventEmitter

    emitter = EventEmitter()
    heard = 0

    def hear(value: float) -> None:
        nonlocal heard
        heard += 1

    emitter.on("sensor/kitchen/temperature", hear)

    def run(rounds: int) -> int:
        before = heard
        emit = emitter.emit
        for _ in repeat(None, rounds):
            emit("sensor/kitchen/temperature", 21.5)
        return heard - before

    return Contestant(name="pyee", run=run, expected=1)


def blinker() -> Contestant:
    from blinker import Signal

    signal = Signal()
    heard = 0

    def hear(sender: Any, value: float) -> None:
        nonlocal heard
        heard += 1

    signal.connect(hear, weak=False)

    def run(rounds: int) -> int:
        before = heard
        send = signal.send
        for _ in repeat(None, rounds):
            send(None, value=21.5)
        return heard - before

    return Contestant(name="blinker", run=run, expected=1)


def paho(which: str) -> Contestant:
    """It keeps nothing of a topic, so known ones cost what new ones do; it gets the same names as we do."""
    from paho.mqtt.matcher import MQTTMatcher

    matcher: Any = MQTTMatcher()  # type: ignore[no-untyped-call]
    for each in filters():
        matcher[each] = each
    known = "site/7/device/500/temperature"

    def run(rounds: int) -> int:
        matched = 0
        match = matcher.iter_match
        if which == "known":
            for _ in repeat(None, rounds):
                for _ in match(known):
                    matched += 1
        else:
            for i in range(rounds):
                for _ in match(f"site/{i}/device/{i % FILTERS}/temperature"):
                    matched += 1
        return matched

    return Contestant(name="paho.mqtt.matcher", run=run, expected=1)
