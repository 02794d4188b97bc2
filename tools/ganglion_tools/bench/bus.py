# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench bus`: what an event costs, native and twin, beside pyee, blinker and paho's matcher in the same run.

Contestants take turns, so that a machine that slows down slows all of them. The correctness gate comes first: every
contestant counts what it delivered or matched, and where a count is not what was asked for there is no figure.
"""

import statistics
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import repeat
from typing import Any

from ganglion.bus import Bus, Filter, Op, Where
from ganglion.bus.backend import BACKENDS
from ganglion.errors import GanglionError
from ganglion_tools.bench.figure import Figure, figure

REPEATS = 7
ROUNDS = 20_000
FILTERS = 1_000

#: bus.md, "What it must reach": nanoseconds, and how many times a peer's rate. For the native core; the twin informs.
EMIT_GOAL = 165.0
PYEE_GOAL, BLINKER_GOAL, PAHO_GOAL = 1.5, 3.0, 7.0
BATCH_GOAL = 30e6
#: Events in one call of `emit_many`.
BATCH = 1000

_NEVER_TRUE = Where(op=Op.ABOVE, low=1e300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to do a thing.

    Attributes:
        name: `native`, `python`, or the peer's name.
        run: Does it so many times, and returns how many deliveries or matches it counted.
        expected: What it must count in one time.
    """

    name: str
    run: Callable[[int], int]
    expected: int


def figures() -> list[Figure]:
    """All of them; takes some seconds.

    Raises:
        GanglionError: a contestant lost or invented an event.
    """
    return [
        *_emit([_quiet(backend) for backend in BACKENDS]),
        *_deliver([_delivering(backend) for backend in BACKENDS]),
        *_batch([_batches(backend) for backend in BACKENDS]),
        *_match("known", [_known(backend) for backend in BACKENDS], goal=PAHO_GOAL),
        *_match("new", [_new(backend) for backend in BACKENDS], goal=None),
    ]


def nanoseconds(contestants: Iterable[Contestant], *, rounds: int = ROUNDS) -> dict[str, float]:
    """The median cost of one time, for each by name.

    Raises:
        GanglionError: a count is not what was expected.
    """
    contestants = list(contestants)
    taken: dict[str, list[float]] = {each.name: [] for each in contestants}
    for _ in range(REPEATS):
        for each in contestants:
            started = time.perf_counter_ns()
            counted = each.run(rounds)
            elapsed = time.perf_counter_ns() - started
            if counted != each.expected * rounds:
                raise GanglionError(
                    f"bench bus: {each.name} counted {counted} of {each.expected * rounds} events, so it has no figure"
                )
            taken[each.name].append(elapsed / rounds)
    return {name: statistics.median(costs) for name, costs in taken.items()}


def _goal(name: str, goal: float | None) -> float | None:
    return goal if name == "native" else None


def _emit(ours: list[Contestant]) -> list[Figure]:
    return [
        figure(
            name=f"emit of a float, no subscriber fires, {name}",
            unit="ns",
            value=cost,
            more_is_better=False,
            goal=_goal(name, EMIT_GOAL),
        )
        for name, cost in nanoseconds(ours).items()
    ]


def _batch(ours: list[Contestant]) -> list[Figure]:
    return [
        figure(
            name=f"batch from buffers, {FILTERS:,} filters standing, one predicate, {name}",
            unit="1/s",
            value=1e9 / cost,
            more_is_better=True,
            goal=_goal(name, BATCH_GOAL),
        )
        for name, cost in nanoseconds(ours, rounds=10 * ROUNDS).items()
    ]


def _deliver(ours: list[Contestant]) -> list[Figure]:
    peers = {"pyee": PYEE_GOAL, "blinker": BLINKER_GOAL}
    makers = {"pyee": _pyee, "blinker": _blinker}
    costs = nanoseconds([*ours, *[makers[peer]() for peer in peers if find_spec(peer)]])
    return [
        _rate(f"deliver to a Python callback, {each.name}", costs, each.name, peer, goal)
        for each in ours
        for peer, goal in peers.items()
    ]


def _match(which: str, ours: list[Contestant], *, goal: float | None) -> list[Figure]:
    costs = nanoseconds([*ours, *([_paho(which)] if find_spec("paho") else [])], rounds=ROUNDS // 10)
    name = f"match a {which} topic against {FILTERS:,} wildcard filters"
    return [_rate(f"{name}, {each.name}", costs, each.name, "paho.mqtt.matcher", goal) for each in ours]


def _rate(name: str, costs: dict[str, float], mine: str, peer: str, goal: float | None) -> Figure:
    theirs = costs.get(peer)
    return figure(
        name=name,
        unit="1/s",
        value=1e9 / costs[mine],
        more_is_better=True,
        peer=peer,
        peer_value=1e9 / theirs if theirs else None,
        goal=_goal(mine, goal),
    )


def _quiet(backend: str) -> Contestant:
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


def _batches(backend: str) -> Contestant:
    """Four topics take turns, of which one has a subscriber, whose predicate is false."""
    bus = _standing(backend)
    bus.subscribe("sensor/kitchen/temperature", lambda event: None, matching=Filter({"value": {"$gt": 1e9}}))
    names = ["sensor/kitchen/temperature", "sensor/hall/temperature", "site/7/device/500/x", "sensor/kitchen/humidity"]
    handles = array("i", [bus.topic(name) for name in names] * (BATCH // len(names)))
    values, times = array("d", range(BATCH)), array("q", range(BATCH))

    def run(rounds: int) -> int:
        before = bus.statistics().emitted
        for _ in repeat(None, rounds // BATCH):
            bus.emit_many(handles, values, times)
        return bus.statistics().emitted - before if not bus.statistics().delivered else -1

    return Contestant(name=backend, run=run, expected=1)


def _delivering(backend: str) -> Contestant:
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


def _pyee() -> Contestant:
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


def _blinker() -> Contestant:
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


def _filters() -> list[str]:
    return [f"site/+/device/{i}/#" for i in range(FILTERS)]


def _standing(backend: str) -> Bus:
    """A bus with the filters, none of which fires: what is timed is finding who matches."""
    bus = Bus(backend=backend)
    for each in _filters():
        bus.subscribe(each, lambda event: None, where=_NEVER_TRUE)
    return bus


def _known(backend: str) -> Contestant:
    bus = _standing(backend)
    topic = bus.topic("site/7/device/500/temperature")

    def run(rounds: int) -> int:
        matched = 0
        emit = bus.emit
        for _ in repeat(None, rounds):
            matched += emit(topic, 21.5, timestamp=1).matched
        return matched

    return Contestant(name=backend, run=run, expected=1)


def _new(backend: str) -> Contestant:
    """Every topic is one that was never seen."""
    bus = _standing(backend)
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


def _paho(which: str) -> Contestant:
    """It keeps nothing of a topic, so known ones cost what new ones do; it gets the same names as we do."""
    from paho.mqtt.matcher import MQTTMatcher

    matcher: Any = MQTTMatcher()  # type: ignore[no-untyped-call]
    for each in _filters():
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
