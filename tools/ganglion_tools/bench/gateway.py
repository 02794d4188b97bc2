# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench gateway`: a real gateway, broker, receiver, browser and simulated nodes, in processes of their own.

The goals are those of "What it must reach" of shared/design/gateway.md. An event that is lost ends it with an error.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from ganglion.errors import GanglionError, UnreachableError, UsageError
from ganglion_tools.bench import gateway_dashboard, gateway_events, gateway_memory, gateway_rollout, gateway_sockets
from ganglion_tools.bench import gateway_webhooks as webhooks
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.gateway_site import Site, site
from ganglion_tools.bench.gateway_worker import Worker
from ganglion_tools.bench.progress import begins

NODES, RATE = 1000, 1000.0
#: Events of the part that is killed: a second, and seconds.
KILLED, KILLED_SECONDS = 200.0, 8.0
#: Webhooks, and those of them that the plain loop delivers.
WEBHOOKS, PLAIN = 20_000, 5_000
CLIENTS, TOLD = 1000, 10
KNOWN = (0, 100, 1000, 10_000)
PAGES = 5
#: More than the goal, so that what is held is it: the last events of a run are under way when the sending ends.
_OFFERED = 1.02
#: Goals: cores, MiB, ms; webhooks a second into the outbox, and out of it to one endpoint.
CORES_GOAL, MEMORY_GOAL, LATE_GOAL = 1.0, 300.0, 250.0
ACCEPTED_GOAL, DELIVERED_GOAL = 20_000.0, 4_407.0
BARE, PLAIN_LOOP, PLAIN_SERVER = "sqlite3 alone", "a plain aiohttp loop", "a plain aiohttp server"


def figures(parts: Sequence[str], *, seconds: float) -> list[Figure]:
    """Those of some parts; all of them take about four minutes.

    Args:
        parts: Of `command.PARTS`.
        seconds: For which events are sent at the rate that is to be held.

    Raises:
        UsageError: an extra that this needs is not installed.
        GanglionError: an event was lost, or a part does not start.
    """
    from ganglion.cli.extras import is_installed

    for extra in ("gateway", "tools"):
        if not is_installed(extra):
            raise UsageError(f"bench gateway: needs more than is installed: pip install 'ganglion[{extra}]'")
    if not 1 <= seconds <= 3600:
        raise UsageError(f"bench gateway: --seconds {seconds:g}: from 1 to 3600")
    return asyncio.run(_measured(parts, seconds))


async def _measured(parts: Sequence[str], seconds: float) -> list[Figure]:
    """In the order of `parts`. Some have a gateway each, which begins with nothing; the others share one with nodes."""
    alone = {"webhooks": _webhooks, "memory": _memory}
    found = {part: await _part(part, measure) for part, measure in alone.items() if part in parts}
    if set(parts) - set(alone):
        begins("gateway", f"{NODES:,} nodes, until they have joined")
        async with site() as place:
            await place.start()
            workers = await gateway_events.populate(place, NODES)
            together: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
                "events": lambda: _events(place, workers, seconds),
                "sockets": lambda: _sockets(place, workers[0]),
                "dashboard": lambda: _dashboard(place, workers[0]),
                "rollout": lambda: _rollout(place, workers),
            }
            found |= {part: await _part(part, measure) for part, measure in together.items() if part in parts}
    return [each for part in dict.fromkeys(parts) for each in found[part]]


async def _part(name: str, measure: Callable[[], Awaitable[list[Figure]]]) -> list[Figure]:
    begins("gateway", name)
    return await measure()


async def _events(place: Site, workers: list[Worker], seconds: float) -> list[Figure]:
    held = await gateway_events.hold(place, workers, rate=RATE * _OFFERED, seconds=seconds)
    killed = await gateway_events.killed(place, workers, rate=KILLED, seconds=KILLED_SECONDS)
    name = f"events of {NODES:,} nodes"
    return [
        figure(name=f"{name}, held a second", unit="1/s", value=held.rate, more_is_better=True, goal=RATE),
        _arrived(f"{name}, at the receiver", held.sent, held.arrived),
        figure(name=f"{name}, gateway", unit="cores", value=held.cores, more_is_better=False, goal=CORES_GOAL),
        _each(f"{name}, gateway", held.each),
        figure(name=f"{name}, memory", unit="MiB", value=held.weight.resident, more_is_better=False, goal=MEMORY_GOAL),
        figure(name=f"{name}, node to webhook, p50", unit="ms", value=held.p50, more_is_better=False),
        figure(name=f"{name}, node to webhook, p99", unit="ms", value=held.p99, more_is_better=False, goal=LATE_GOAL),
        *_killed(name, *killed),
    ]


def _each(name: str, microseconds: float) -> Figure:
    """Processor time: of all figures the one that says most on a machine that others use too."""
    name = f"{name}, processor time for each"
    return figure(name=name, unit="us", value=microseconds, more_is_better=False)


def _arrived(name: str, sent: int, arrived: int) -> Figure:
    """Counted by their ids; copies are none."""
    return figure(name=name, unit="events", value=arrived, more_is_better=True, goal=sent)


def _killed(name: str, sent: int, arrived: int, copies: int) -> list[Figure]:
    again = f"{name}, sent to the receiver again after it"
    return [
        _arrived(f"{name}, at the receiver through a kill -9", sent, arrived),
        figure(name=again, unit="events", value=copies, more_is_better=False),
    ]


async def _webhooks() -> list[Figure]:
    found = await webhooks.measure(events=WEBHOOKS, plain=PLAIN)
    accepted, delivered = "webhook events accepted into the outbox", "webhooks signed, delivered and noted"
    return [
        figure(name=accepted, unit="1/s", value=found.accepted, more_is_better=True, goal=ACCEPTED_GOAL),
        figure(name=accepted, unit="1/s", value=found.accepted, more_is_better=True, peer=BARE, peer_value=found.bare),
        _each(accepted, found.accepting),
        figure(name=delivered, unit="1/s", value=found.delivered, more_is_better=True, goal=DELIVERED_GOAL),
        figure(
            name=delivered,
            unit="1/s",
            value=found.delivered,
            more_is_better=True,
            peer=PLAIN_LOOP,
            peer_value=found.plain,
            goal=1.0,
        ),
        _each(delivered, found.delivering),
        *_killed("webhooks", WEBHOOKS, found.arrived, found.copies),
    ]


async def _sockets(place: Site, node: Worker) -> list[Figure]:
    ours, theirs = await gateway_sockets.measure(place, node, clients=CLIENTS, events=TOLD)
    lines = (
        ("until all follow", "s", ours.seconds, theirs.seconds),
        ("an event to each, p50", "ms", ours.p50, theirs.p50),
        ("an event to each, p99", "ms", ours.p99, theirs.p99),
        ("memory of the server for each", "KiB", ours.weight, theirs.weight),
    )
    name = f"{CLIENTS:,} WebSocket clients"
    return [
        figure(
            name=f"{name}, {what}",
            unit=unit,
            value=value,
            more_is_better=False,
            peer=PLAIN_SERVER,
            peer_value=beside,
        )
        for what, unit, value, beside in lines
    ]


async def _memory() -> list[Figure]:
    found = []
    for known in await gateway_memory.measure(KNOWN):
        name, weight = f"memory with {known.nodes:,} nodes", known.weight
        goal = MEMORY_GOAL if known.nodes == NODES else None
        found += [
            figure(name=name, unit="MiB", value=weight.resident, more_is_better=False, goal=goal),
            figure(name=f"{name}, proportional", unit="MiB", value=weight.proportional, more_is_better=False),
        ]
    return found


async def _dashboard(place: Site, node: Worker) -> list[Figure]:
    try:
        seen = await gateway_dashboard.measure(place, node, pages=PAGES)
    except (UsageError, UnreachableError) as error:
        print(f"bench gateway: the dashboard is unavailable: {error}", file=sys.stderr)
        return []
    return [
        figure(name=f"dashboard, {what}", unit="ms", value=value, more_is_better=False)
        for what, value in (
            ("opened until its first paint", seen.paint),
            ("opened until a sensor's value is on it", seen.value),
            ("a reading at its node until it is on an open page", seen.change),
        )
    ]


async def _rollout(place: Site, workers: list[Worker]) -> list[Figure]:
    found = await gateway_rollout.measure(place, workers)
    if found.state != "aborted":
        raise GanglionError(f"bench gateway: a rollout of a release that no node can run is {found.state}")
    name = f"a bad release to {NODES:,} nodes"
    outside = f"{name}, those told outside its first cohort of {found.cohort}"
    return [
        figure(name=f"{name}, those ever told to run it", unit="nodes", value=found.tried, more_is_better=False),
        figure(name=outside, unit="nodes", value=found.outside, more_is_better=False, goal=0),
        figure(name=f"{name}, until it is aborted", unit="s", value=found.seconds, more_is_better=False),
    ]
