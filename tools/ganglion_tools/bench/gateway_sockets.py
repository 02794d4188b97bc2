# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients of `/ws`: how long until all are there, how fast each hears of an event, what one weighs.

Beside them, in turns, a server of aiohttp that tells as many clients the same and does nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import psutil

from ganglion_tools import broker
from ganglion_tools.bench.gateway_site import Site
from ganglion_tools.bench.gateway_worker import PATIENCE, Worker

#: Seconds between two events.
_PAUSE = 0.3
_LONG = 10 * PATIENCE


class Followed(NamedTuple):
    """Of one server.

    Attributes:
        seconds: Until the last client had subscribed.
        p50: Milliseconds from an event's timestamp to a client that hears of it.
        p99: The same.
        weight: KiB of the server for each client.
    """

    seconds: float
    p50: float
    p99: float
    weight: float


async def measure(place: Site, node: Worker, *, clients: int, events: int) -> tuple[Followed, Followed]:
    """Of the gateway, and of the plain server. Raises: GanglionError, a client missed an event.

    Args:
        node: Says the events.
    """
    plain = await place.worker("gateway_clients", "server")
    port = broker.free_port()
    await plain.ask("listen", port=port)

    async def say() -> None:
        await node.ask("one")

    async def tell() -> None:
        await plain.ask("tell")

    ours = _Server(place.process, place.gateway.url.replace("http", "ws", 1) + "/ws", place.token, say)
    theirs = _Server(psutil.Process(plain.child.pid), f"ws://127.0.0.1:{port}/ws", "", tell)
    found = []
    for server in (ours, theirs):
        many = await place.worker("gateway_clients", "clients")
        found.append(await _follow(server, many, clients=clients, events=events))
        await many.stop()
    await plain.stop()
    return found[0], found[1]


class _Server(NamedTuple):
    process: psutil.Process
    url: str
    token: str
    say: Callable[[], Awaitable[None]]


async def _follow(server: _Server, many: Worker, *, clients: int, events: int) -> Followed:
    before = server.process.memory_full_info().uss
    joined = await many.ask("connect", within=_LONG, url=server.url, token=server.token, count=clients)
    weight = (server.process.memory_full_info().uss - before) / clients / 1024
    await server.say()  # the first meets memory that was never touched
    await many.ask("heard", within=2 * PATIENCE, count=clients)
    for _ in range(events):
        await server.say()
        await asyncio.sleep(_PAUSE)
    heard = await many.ask("heard", within=2 * PATIENCE, count=clients * events)
    await many.ask("close")
    return Followed(joined["seconds"], heard["p50"], heard["p99"], weight)
