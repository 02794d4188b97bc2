# SPDX-License-Identifier: GPL-3.0-or-later
"""What our bus is timed at, with either core."""

from array import array
from itertools import repeat
from typing import Any

from ganglion.bus import Bus, Filter, Op, Where
from ganglion.event import Priority
from ganglion_tools.bench.timing import Contestant

FILTERS = 1_000
#: Events in one call of `emit_many`.
BATCH = 1_000

_NEVER_TRUE = Where(op=Op.ABOVE, low=1e300)


def quiet(backend: str) -> Contestant:
    """One subscriber with a condition that is false; counts the events, if nobody was told."""
    bus = Bus(backend=backend)
    topic = bus.topic("sensor/kitchen/temperature")
    bus.subscribe("sensor/+/temperature", lambda event: None, where=_NEVER_TRUE)

    def run(rounds: int) -> int:
        before = bus.statistics().emitted
        emit = bus.emit
        for _ in repeat(None, rounds):
            emit(topic, 21.5, timestamp=1)
        return bus.statistics().emitted - before if not bus.statistics().delivered else -1

    return Contestant(name=backend, run=run, expected=1)


def delivering(backend: str) -> Contestant:
    bus = Bus(backend=backend)
    topic = bus.topic("sensor/kitchen/temperature")
    heard = 0

    def hear(event: Any) -> None:
        nonlocal heard
        heard += 1

    bus.subscribe("sensor/+/temperature", hear)

    def run(rounds: int) -> int:
        before = heard
        emit = bus.emit
        for _ in repeat(None, rounds):
            emit(topic, 21.5, timestamp=1)
        return heard - before

    return Contestant(name=backend, run=run, expected=1)


def filters() -> list[str]:
    return [f"site/+/device/{i}/#" for i in range(FILTERS)]


def standing(backend: str) -> Bus:
    """A bus with the filters, none of which fires: what is timed is finding who matches."""
    bus = Bus(backend=backend)
    for each in filters():
        bus.subscribe(each, lambda event: None, where=_NEVER_TRUE)
    return bus


def known(backend: str) -> Contestant:
    bus = standing(backend)
    topic = bus.topic("site/7/device/500/temperature")

    def run(rounds: int) -> int:
        matched = 0
        emit = bus.emit
        for _ in repeat(None, rounds):
            matched += emit(topic, 21.5, timestamp=1).matched
        return matched

    return Contestant(name=backend, run=run, expected=1)


def new(backend: str) -> Contestant:
    """Every topic is one that was never seen."""
    bus = standing(backend)
    made = 0

    def run(rounds: int) -> int:
        nonlocal made
        matched = 0
        emit = bus.emit
        for i in range(made, made + rounds):
            matched += emit(f"site/{i}/device/{i % FILTERS}/temperature", 21.5, timestamp=1).matched
        made += rounds
        return matched

    return Contestant(name=backend, run=run, expected=1)


def unheard(backend: str) -> Contestant:
    """By name, a vector of eight numbers, a priority, the clock of the bus, and nobody subscribes."""
    ticks = iter(range(1 << 62))
    bus = Bus(backend=backend, clock=ticks.__next__)
    bus.topic("signal/input/external/audio/features", type="signal.input.external.audio.features")
    vector = [0.1 * i for i in range(8)]

    def run(rounds: int) -> int:
        before = bus.statistics().emitted
        emit = bus.emit
        for _ in repeat(None, rounds):
            emit("signal/input/external/audio/features", vector, priority=Priority.HIGH)
        return bus.statistics().emitted - before

    return Contestant(name=backend, run=run, expected=1)


def silent(backend: str) -> Contestant:
    """Events of a batch that nobody has subscribed to."""
    return _batch(backend, Bus(backend=backend), ["sensor/kitchen/temperature"], hits=0)


def batches(backend: str) -> Contestant:
    """A thousand filters stand; one of four topics has a queue, whose predicate holds for one event in ten."""
    bus = standing(backend)
    names = ["sensor/kitchen/temperature", "sensor/hall/temperature", "site/7/device/500/x", "sensor/kitchen/humidity"]
    bus.queue(names[0], matching=Filter({"value": {"$gt": BATCH * 0.9}}))
    return _batch(backend, bus, names, hits=sum(i > BATCH * 0.9 for i in range(0, BATCH, len(names))))


def exact(backend: str, subscribers: int) -> Contestant:
    """So many topics, each with a subscriber and its queue; events are of one of them."""
    bus = Bus(backend=backend)
    for i in range(subscribers):
        bus.queue(f"signal/input/internal/{i}", capacity=64)
    return _batch(backend, bus, [f"signal/input/internal/{subscribers // 2}"], hits=BATCH)


def urgent(backend: str) -> Contestant:
    """A wildcard for events of a high priority, which these are."""
    bus = Bus(backend=backend)
    bus.queue("signal/#", capacity=64, matching=Filter({"priority": {"$gte": Priority.HIGH}}))
    return _batch(backend, bus, ["signal/input/internal/1"], hits=BATCH)


def wildcards(backend: str) -> Contestant:
    """A hundred wildcards, of which half match."""
    bus = Bus(backend=backend)
    for i in range(100):
        bus.queue("signal/#" if i % 2 else f"other/{i}/#", capacity=64)
    return _batch(backend, bus, ["signal/input/internal/1"], hits=50 * BATCH)


def _batch(backend: str, bus: Bus, names: list[str], *, hits: int) -> Contestant:
    """Batches on these topics in turns, `hits` of each into queues."""
    handles = array("i", [bus.topic(name) for name in names] * (BATCH // len(names)))
    values, times = array("d", range(BATCH)), array("q", range(BATCH))

    def run(rounds: int) -> int:
        first, told = bus.statistics().emitted, 0
        for _ in repeat(None, rounds // BATCH):
            told += bus.emit_many(handles, values, times, priority=Priority.URGENT).delivered
        return bus.statistics().emitted - first if told == hits * (rounds // BATCH) else -1

    return Contestant(name=backend, run=run, expected=1)


def among(backend: str, count: int, *, is_new: bool) -> Contestant:
    """A topic among so many filters of which one matches: always the same, or one that was never seen."""
    bus = Bus(backend=backend)
    for i in range(count):
        bus.subscribe(f"site/+/device/{i}/#", print, where=_NEVER_TRUE)
    topic, made = bus.topic("site/7/device/3/temperature"), 0

    def run(rounds: int) -> int:
        nonlocal made
        emit, matched = bus.emit, 0
        if is_new:
            for i in range(made, made + rounds):
                matched += emit(f"site/{i}/device/{i % count}/temperature", 21.5, timestamp=1).matched
            made += rounds
        else:
            for _ in repeat(None, rounds):
                matched += emit(topic, 21.5, timestamp=1).matched
        return matched

    return Contestant(name=backend, run=run, expected=1)
