# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench bus`: what an event costs, native and twin, beside pyee, blinker and paho's matcher in the same run.

L1 is a call from Python; L2 and L3 are the core alone, an event of a batch. The goals are those of the table in
shared/design/bus.md, and from "the NeuroGraph scenarios" three times what its Rust core did with one subscriber, and a
hundred times what it did with a thousand.
"""

from collections.abc import Callable
from importlib.util import find_spec

from ganglion.bus.backend import BACKENDS
from ganglion_tools.bench import bus_ours as ours
from ganglion_tools.bench import bus_peers as peers
from ganglion_tools.bench import bus_scale as scale
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.progress import begins
from ganglion_tools.bench.timing import ROUNDS, Contestant, nanoseconds

#: How many times a peer's rate; for the native core, the twin informs.
PYEE_GOAL, BLINKER_GOAL, PAHO_GOAL = 1.5, 3.0, 7.0
#: Subscribers of exact topics, and ns for one event with one of them and with the most.
SUBSCRIBERS = (1, 10, 100, 1000)
ONE_GOAL, MOST_GOAL = 110.0, 1e9 / (100 * 46_000)
FLAT = 1.5
FEW, MANY = 10, 100_000


def figures() -> list[Figure]:
    """All of them; takes a minute.

    Raises:
        GanglionError: a contestant lost or invented an event.
    """
    return [
        *_costs("L1: emit by name, a vector, priority, clock, no subscriber", ours.unheard, goal=450.0),
        *_costs("emit of a float by handle, no subscriber fires", ours.quiet, goal=165.0),
        *_costs("L2: an event of a batch, no subscriber", ours.silent, goal=80.0, rounds=10 * ROUNDS),
        *_subscribers(),
        *_costs("L3: a wildcard with a priority, into its queue", ours.urgent, goal=ONE_GOAL),
        *_costs(
            "L3: 100 wildcards, half of them hit, into their queues", ours.wildcards, goal=4742 / 5, rounds=ROUNDS // 10
        ),
        *_deliver(),
        *_batch(),
        *_match("known", ours.known, goal=PAHO_GOAL),
        *_match("new", ours.new, goal=None),
        *_growth("known", is_new=False, goal=2.0),
        *_growth("new", is_new=True, goal=5.0),  # as the logarithm grows
        *_with_both(
            "an event of another thread to its callback on the loop, 99th percentile",
            "us",
            scale.microseconds,
            goal=200.0,
        ),
        *_with_both(f"memory of {scale.SUBSCRIPTIONS:,} subscriptions", "MiB", scale.mebibytes, goal=4.0),
    ]


def _goal(name: str, goal: float | None) -> float | None:
    return goal if name == "native" else None


def _costs(name: str, make: Callable[[str], Contestant], *, goal: float, rounds: int = ROUNDS) -> list[Figure]:
    begins("bus", name)
    costs = nanoseconds([make(backend) for backend in BACKENDS], rounds=rounds)
    return [_cost(f"{name}, {backend}", cost, _goal(backend, goal)) for backend, cost in costs.items()]


def _cost(name: str, value: float, goal: float | None) -> Figure:
    return figure(name=name, unit="ns", value=value, more_is_better=False, goal=goal)


def _subscribers() -> list[Figure]:
    """The cost is to stay what it is with one."""
    begins("bus", f"L3: {SUBSCRIBERS[0]:,} to {SUBSCRIBERS[-1]:,} subscribers of exact topics")
    found, ones = [], dict[str, float]()
    for count in SUBSCRIBERS:
        costs = nanoseconds([ours.exact(backend, count) for backend in BACKENDS])
        ones = ones or costs
        for backend, cost in costs.items():
            goal = ONE_GOAL if count == 1 else FLAT * ones[backend]
            if count == SUBSCRIBERS[-1]:
                goal = min(goal, MOST_GOAL)
            name = f"L3: {count:,} subscriber{'s' * (count > 1)} of exact topics, one hit, into its queue, {backend}"
            found.append(_cost(name, cost, _goal(backend, goal)))
    return found


def _batch() -> list[Figure]:
    name = f"batch from buffers, {ours.FILTERS:,} filters standing, one predicate, one queue"
    begins("bus", name)
    costs = nanoseconds([ours.batches(backend) for backend in BACKENDS], rounds=10 * ROUNDS)
    return [
        figure(name=f"{name}, {each}", unit="1/s", value=1e9 / cost, more_is_better=True, goal=_goal(each, 30e6))
        for each, cost in costs.items()
    ]


def _deliver() -> list[Figure]:
    begins("bus", "L4: deliver to a Python callback")
    goals = {"pyee": PYEE_GOAL, "blinker": BLINKER_GOAL}
    makers = {"pyee": peers.pyee, "blinker": peers.blinker}
    mine = [ours.delivering(backend) for backend in BACKENDS]
    costs = nanoseconds([*mine, *[makers[peer]() for peer in goals if find_spec(peer)]])
    return [
        _rate(f"L4: deliver to a Python callback, {each.name}", costs, each.name, peer, goal)
        for each in mine
        for peer, goal in goals.items()
    ]


def _match(which: str, make: Callable[[str], Contestant], *, goal: float | None) -> list[Figure]:
    name = f"match a {which} topic against {ours.FILTERS:,} wildcard filters"
    begins("bus", name)
    mine = [make(backend) for backend in BACKENDS]
    costs = nanoseconds([*mine, *([peers.paho(which)] if find_spec("paho") else [])], rounds=ROUNDS // 10)
    return [_rate(f"{name}, {each.name}", costs, each.name, "paho.mqtt.matcher", goal) for each in mine]


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


def _growth(which: str, *, is_new: bool, goal: float) -> list[Figure]:
    begins("bus", f"cost of a {which} topic among {MANY:,} filters beside that among {FEW}")
    found = []
    for backend in BACKENDS:
        few, many = (
            nanoseconds([ours.among(backend, count, is_new=is_new)], rounds=ROUNDS // 10)[backend]
            for count in (FEW, MANY)
        )
        name = f"cost of a {which} topic among {MANY:,} filters beside that among {FEW}, {backend}"
        found.append(
            figure(name=name, unit="x", value=many / few, more_is_better=False, goal=_goal(backend, goal)),
        )
    return found


def _with_both(name: str, unit: str, measure: Callable[[str], float], *, goal: float) -> list[Figure]:
    begins("bus", name)
    return [
        figure(
            name=f"{name}, {backend}",
            unit=unit,
            value=measure(backend),
            more_is_better=False,
            goal=_goal(backend, goal),
        )
        for backend in BACKENDS
    ]
