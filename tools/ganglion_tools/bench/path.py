# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench path`: MQTT in, one rule, MQTT out, beside Node-RED and a plain paho script on the same broker.

Everybody is a process of its own, is started anew in each round, and takes turns with the others. Who loses or invents
an answer has no figure, and nobody else has. Rates are each contestant's best over the same windows (`load.WINDOWS`).
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from ganglion.errors import GanglionError
from ganglion.mqtt.url import BrokerUrl
from ganglion_tools import broker
from ganglion_tools.bench import node_red
from ganglion_tools.bench.contestants import GANGLION, NODE_RED, PAHO, Contestant
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.load import WINDOWS, Load, load
from ganglion_tools.bench.progress import begins
from ganglion_tools.child import Child

ROUNDS = 5
MESSAGES = 60_000
PINGS = 500
_MIB = 1024 * 1024
#: Seconds after the first answer until memory is called idle.
_SETTLE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One contestant; medians over rounds, or the values of one round.

    Attributes:
        rate: Messages a second, at the window that suits it best.
        p50: Round trip, milliseconds.
        p99: The same.
        idle: MiB resident before the load, with all its processes.
        after: MiB after one flood, the one with the smallest window; the others make Node-RED alone grow by a third.
        start: Milliseconds from exec to the first answer.
    """

    rate: float
    p50: float
    p99: float
    idle: float
    after: float
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    attribute: str
    name: str
    unit: str
    more_is_better: bool
    goal: float | None  # beside Node-RED


_LINES = (
    _Line(attribute="rate", name="events per second", unit="1/s", more_is_better=True, goal=1.5),
    _Line(attribute="p50", name="round trip, p50", unit="ms", more_is_better=False, goal=None),
    _Line(attribute="p99", name="round trip, p99", unit="ms", more_is_better=False, goal=1.0),
    _Line(attribute="idle", name="memory, idle", unit="MiB", more_is_better=False, goal=0.3),
    _Line(attribute="after", name="memory, after the load", unit="MiB", more_is_better=False, goal=0.3),
    _Line(attribute="start", name="start to first answer", unit="ms", more_is_better=False, goal=0.6),
)


def figures() -> list[Figure]:
    """All of them; takes about two minutes, and longer the first time, when npm fetches Node-RED.

    Raises:
        GanglionError: somebody lost or invented an answer, or did not start.
    """
    contestants = [GANGLION, NODE_RED, PAHO]
    begins("path", "Node-RED is looked for, or fetched")
    try:
        node_red.install()
    except GanglionError as error:
        print(f"bench path: without Node-RED: {error}", file=sys.stderr)
        contestants.remove(NODE_RED)
    return beside(asyncio.run(contest(contestants, rounds=ROUNDS, messages=MESSAGES, pings=PINGS)))


def beside(measured: dict[str, Measured]) -> list[Figure]:
    """Ours beside each peer's; a peer that was not there has no value."""
    ours = measured[GANGLION.name]
    return [
        figure(
            name=line.name,
            unit=line.unit,
            value=getattr(ours, line.attribute),
            more_is_better=line.more_is_better,
            peer=peer,
            peer_value=getattr(measured[peer], line.attribute) if peer in measured else None,
            goal=line.goal if peer == NODE_RED.name else None,
        )
        for peer in (NODE_RED.name, PAHO.name)
        for line in _LINES
    ]


async def contest(contestants: Sequence[Contestant], *, rounds: int, messages: int, pings: int) -> dict[str, Measured]:
    """Medians of each by name, all on one NATS Server.

    Raises:
        GanglionError: somebody lost or invented an answer, or did not start.
    """
    found: dict[str, list[Measured]] = {each.name: [] for each in contestants}
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as name:
        folder = Path(name)
        port = broker.free_port()
        server = await Child.start("broker", broker.command("nats", folder / "nats", port), log=folder / "nats.log")
        try:
            await broker.answers(BrokerUrl(host="127.0.0.1", port=port), timeout=10)
            for turn in range(rounds):
                for each in contestants:
                    begins("path", f"{each.name}, round {turn + 1} of {rounds}")
                    own = folder / f"{each.name}-{turn}"
                    own.mkdir()
                    try:
                        found[each.name].append(await _round(each, own, port, messages=messages, pings=pings))
                    except GanglionError as error:
                        raise GanglionError(f"bench path: {each.name}: {error}") from error
        finally:
            await server.stop()
    return {name: _median(rows) for name, rows in found.items()}


async def _round(contestant: Contestant, folder: Path, port: int, *, messages: int, pings: int) -> Measured:
    command = contestant.command(folder, port)
    async with load(port) as generator:
        began = time.perf_counter_ns()
        child = await Child.start(contestant.name, command, log=folder / "log")
        try:
            return await _while_it_lives(child, _measure(child.pid, generator, began, messages=messages, pings=pings))
        finally:
            await child.stop()


async def _measure(pid: int, generator: Load, began: int, *, messages: int, pings: int) -> Measured:
    await generator.first_answer()
    start = (time.perf_counter_ns() - began) / 1e6
    await generator.quiet()
    await asyncio.sleep(_SETTLE)
    idle = _resident(pid)
    trips = sorted(await generator.pings(pings))
    rates, resident = [], []
    for window in WINDOWS:
        rates.append(await generator.flood(messages, window=window))
        resident.append(_resident(pid))
    return Measured(
        rate=max(rates),
        p50=statistics.median(trips),
        p99=trips[len(trips) * 99 // 100],
        idle=idle,
        after=resident[0],
        start=start,
    )


async def _while_it_lives(child: Child, work: Coroutine[None, None, Measured]) -> Measured:
    """What the work returns.

    Raises:
        GanglionError: the child ended first; the end of its log is in the message.
    """
    measuring, end = asyncio.ensure_future(work), asyncio.ensure_future(child.wait())
    try:
        await asyncio.wait({measuring, end}, return_when=asyncio.FIRST_COMPLETED)
        if not measuring.done():
            raise GanglionError(child.obituary())
        return measuring.result()
    finally:
        measuring.cancel()
        end.cancel()
        await asyncio.gather(measuring, end, return_exceptions=True)


def _resident(pid: int) -> float:
    process = psutil.Process(pid)
    sizes = [each.memory_info().rss for each in (process, *process.children(recursive=True))]
    return sum(sizes) / _MIB


def _median(rows: Sequence[Measured]) -> Measured:
    return Measured(
        **{field.name: statistics.median(getattr(row, field.name) for row in rows) for field in fields(Measured)}
    )
