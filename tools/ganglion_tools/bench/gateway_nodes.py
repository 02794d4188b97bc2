# SPDX-License-Identifier: GPL-3.0-or-later
"""Many simulated nodes of `ganglion bench gateway` in one process, on one connection to the broker.

python -m ganglion_tools.bench.gateway_nodes BROKER AUTHORITY PREFIX
"""

import asyncio
import random
import sys
import time
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import Any

from ganglion.errors import UnreachableError
from ganglion.mesh.authority import Authority
from ganglion.mesh.member import Received, Sealed
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message
from ganglion.mqtt.outbox import Outbox
from ganglion_micro import gl1
from ganglion_tools.bench.gateway_node import SimulatedNode
from ganglion_tools.bench.gateway_worker import PATIENCE, Document, serve

#: Births on their way at once, and how many are made between two looks at the connection.
_BIRTHS, _LOT = 500, 20
#: Seconds between two lots of events.
_BEAT = 0.01


class Kind(Enum):
    """How a node does with a release that it cannot run."""

    GOOD = "good"  # tries it, and goes back
    LIES = "lies"  # says that it has committed
    DIES = "dies"  # is never heard again after it has begun
    TWICE = "twice"  # reports everything again and again


_TRIED = ("downloading", "staged", "trial", "reverted")
_SAID = {
    Kind.GOOD: _TRIED,
    Kind.LIES: ("committed",),
    Kind.DIES: _TRIED[:2],
    Kind.TWICE: tuple(state for state in _TRIED for _ in range(3)),
}


class Nodes:
    """All of them.

    Args:
        broker: Its URL.
        authority: Folder of the mesh's keys.
        prefix: Begins their names.
    """

    def __init__(self, broker: str, authority: Path, prefix: str) -> None:
        self._authority = Authority.open(authority, now=time.time_ns())
        self._transport = MqttTransport(broker, outbox=Outbox(window=200, max_messages=20_000, max_bytes=64 * 2**20))
        self._transport.on_messages = self._take
        self._prefix = prefix
        self._nodes: list[SimulatedNode] = []
        self._by_inbox: dict[str, SimulatedNode] = {}
        self._gateways: list[tuple[str, bytes]] = []
        self._kinds: dict[str, Kind] = {}
        self._serial = 0
        self._tried: set[str] = set()
        self._said: Counter[str] = Counter()

    async def run(self) -> None:
        """Connects, and reconnects."""
        self._transport.subscribe(gl1.gateway_topic(self._authority.mesh_id, "+"), 1)
        await self._transport.run()

    def _publish(self, sealed: Sealed, *, retain: bool = False, on_done: Any = None) -> None:
        self._transport.publish(sealed.topic, sealed.payload, qos=1, retain=retain, on_done=on_done)

    # What the bench asks

    async def births(self, count: int, *, listen: bool) -> Document:
        """So many more nodes are there; returns when the broker has all of it.

        Args:
            listen: They hear what the gateway says to them.
        """
        under_way = asyncio.Semaphore(_BIRTHS)
        began = time.monotonic()
        for number in range(count):
            now = time.time_ns()
            node = SimulatedNode(self._authority, f"{self._prefix}{len(self._nodes)}", now=now)
            self._nodes.append(node)
            if listen:
                for part in ("r", "q"):
                    topic = f"gl1/{self._authority.mesh_id}/n/{node.id}/{part}"
                    self._by_inbox[topic] = node
                    self._transport.subscribe(topic)
            await asyncio.wait_for(under_way.acquire(), PATIENCE)
            self._publish(node.birth(now), retain=True, on_done=under_way.release)
            if number % _LOT == 0:
                await asyncio.sleep(0)
        for _ in range(_BIRTHS):
            await asyncio.wait_for(under_way.acquire(), PATIENCE)
        return {"seconds": time.monotonic() - began, "nodes": len(self._nodes)}

    async def send(self, rate: float, seconds: float, cls: str = "alert") -> Document:
        """Events at a rate, from one node after the other; then returns when the gateway has acknowledged all of them.

        Raises:
            UnreachableError: it does not, for too long.
        """
        before = sum(node.stored for node in self._nodes)
        began, sent, late = time.monotonic(), 0, 0.0
        while (elapsed := time.monotonic() - began) < seconds:
            due = int(elapsed * rate)
            for number in range(sent, due):
                node = self._nodes[number % len(self._nodes)]
                value = {"number": number, "celsius": round(20 + number % 70 / 10, 1)}
                row = node.event(cls, value, now=time.time_ns(), at=time.monotonic())
                self._transport.publish(row.topic, row.payload, qos=1)
                if number % _LOT == 0:
                    await asyncio.sleep(0)
            late = max(late, time.monotonic() - began - elapsed)
            sent = due
            await asyncio.sleep(_BEAT)
        resent = await self._settled(before + sent, sent)
        return {"sent": sent, "seconds": time.monotonic() - began, "resent": resent, "late": late}

    async def _settled(self, stored: int, sent: int) -> int:
        """Sends again what is not acknowledged, until so much is; how often it did."""
        resent, until = 0, time.monotonic() + PATIENCE
        while sum(node.stored for node in self._nodes) < stored:
            if time.monotonic() > until:
                raise UnreachableError(f"not all of {sent} events were acknowledged within {PATIENCE:g} s")
            for node in self._nodes:
                for row in node.courier.due(time.monotonic()):
                    self._transport.publish(row.topic, row.payload, qos=1)
                    resent += 1
            await asyncio.sleep(0.05)
        return resent

    async def one(self) -> Document:
        """The first node says one event."""
        row = self._nodes[0].event("alert", {"celsius": 20.1}, now=time.time_ns(), at=time.monotonic())
        self._transport.publish(row.topic, row.payload, qos=1)
        return {}

    async def reading(self, value: float) -> Document:
        """The first node reads this."""
        now = time.time_ns()
        sealed = self._nodes[0].reading(value, now)
        self._transport.publish(sealed.topic, sealed.payload)
        return {"at": now}

    async def behave(self, seed: int) -> Document:
        """From now on what they are to run cannot run, and a part of them is hostile: how many are how."""
        dice = random.Random(seed)
        kinds = [Kind.GOOD] * 6 + [Kind.LIES, Kind.DIES, Kind.TWICE, Kind.TWICE]
        self._kinds = {node.id: dice.choice(kinds) for node in self._nodes}
        return {kind.value: sum(each is kind for each in self._kinds.values()) for kind in Kind}

    async def tried(self) -> Document:
        """The ids of those that were ever told to run a release, and how often each state was reported."""
        return {"tried": sorted(self._tried), "said": dict(self._said)}

    # What the gateway says

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            if (node := self._by_inbox.get(message.topic)) is not None:
                received = node.hear(self._gateways, message.topic, message.payload, time.time_ns())
                if received is not None and received.kind == gl1.REQUEST:
                    self._answer(node, received)
            elif "/c/gateway/" in message.topic:
                self._gateways.append((message.topic, message.payload))

    def _answer(self, node: SimulatedNode, request: Received) -> None:
        if request.stale or request.body["method"] != "release.desire":
            return
        self._publish(node.answer(request, None, now=time.time_ns()))
        wanted = request.body["params"]
        if not wanted["release"]:
            return
        self._tried.add(node.id)
        for state in _SAID[self._kinds.get(node.id, Kind.GOOD)]:
            self._serial += 1
            self._said[state] += 1
            why = "no such sensor" if state == "reverted" else ""
            report = {**wanted, "state": state, "why": why, "serial": self._serial, "at": time.time_ns()}
            self._publish(node.ask("release.report", report, now=time.time_ns()))


async def main(broker: str, authority: str, prefix: str) -> None:
    """Does what stdin asks, until it ends."""
    nodes = Nodes(broker, Path(authority), prefix)
    running = asyncio.create_task(nodes.run())
    await serve({name: getattr(nodes, name) for name in ("births", "send", "one", "reading", "behave", "tried")})
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
