# SPDX-License-Identifier: GPL-3.0-or-later
"""Hundreds of members in one process, for the one real node that is their neighbour: real routers, credentials, births.

A hub has the link to the node, UDP on a device, and a cable in memory to each of the others. All that these learn is
the hub and the node: five hundred members who told one another of all would be a test of this process.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import NODE
from ganglion.mesh.identity import Identity
from ganglion.mesh.links.lan import Lan
from ganglion.mesh.links.sink import Send
from ganglion.mesh.member import Member
from ganglion.mesh.overlay import frame
from ganglion.mesh.overlay.effects import Deliver, Effect, Transmit
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.reliable import Reliable
from ganglion.mesh.overlay.router import Router
from ganglion.mesh.overlay.routes import Via
from ganglion.mesh.overlay.trust import MemberTrust
from ganglion.units import SECOND
from ganglion_micro import cose, gl1
from ganglion_tools.mesh_air import Stated

#: Between keep-alives on the cables.
_INTERVAL = 60 * SECOND
_CREDENTIAL = 86400 * SECOND
#: Seconds between the hub's looks at what is due.
_TICK = 0.01
#: Requests that are on their way at a time: the node takes no more than that of all.
_AT_ONCE = 8


class _Station:
    """One member: its router, and a shell that carries frames and counts answers."""

    def __init__(self, authority: Authority, name: str) -> None:
        now = time.time_ns()
        identity = Identity.create()
        self.member = Member(identity, mesh=authority.mesh_id, epoch=1)
        self.member.adopt(authority.trust(now=now))
        credential = authority.issue(identity.public, name=name, roles=[NODE], now=now, lifetime=_CREDENTIAL)
        self.trust = MemberTrust(self.member, credential, Stated(self.member))
        self.trust.offset = now - time.monotonic_ns()
        body = {"name": name, "nonce": self.member.nonce, "epoch": 1, "credential": credential}
        self.birth = self.member.seal(gl1.BIRTH, body, now=now).payload
        self.trust.born(self.birth)
        self.router = Router(self.trust, random=random.random, entropy=os.urandom, now=time.monotonic_ns())
        self.kid = identity.kid
        self.ports: dict[str, Send] = {}
        self.answers: dict[str, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def up(self, link: Link, send: Send) -> None:
        self.ports[link.name] = send
        self.apply(self.router.link_up(link, time.monotonic_ns()))

    def down(self, name: str) -> None:
        del self.ports[name]
        self.apply(self.router.link_down(name, time.monotonic_ns()))

    def heard(self, name: str, address: Hashable | None, data: bytes) -> None:
        self.apply(self.router.receive(name, address, data, time.monotonic_ns()))

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Transmit) and effect.link in self.ports:
                self.ports[effect.link](effect.address, effect.data, effect.kid)
            elif isinstance(effect, Deliver):
                self._take(effect)
        self._plan()

    def _plan(self) -> None:
        deadline = self.router.deadline / SECOND
        if self._timer is None or deadline < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        self.apply(self.router.tick(time.monotonic_ns()))

    def _take(self, effect: Deliver) -> None:
        body = gl1.unpack(cose.parse(effect.data).payload).body
        waiting = self.answers.pop(body.get("id", ""), None) if isinstance(body, dict) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(body)

    async def ask(self, node_id: str, number: int) -> bool:
        """Whether the node has answered a request."""
        kid = gl1.kid_of(node_id)
        waiting = self.answers[f"r{number}"] = asyncio.get_running_loop().create_future()
        body = {
            "id": f"r{number}",
            "method": "note",
            "params": {"value": number},
            "nonce": self.member.peers[kid].nonce,
            "deadline": time.time_ns() + 60 * SECOND,
        }
        for _ in range(20):  # sealed anew: the same again would be a replay, and its answer may be what was lost
            sealed = self.member.seal(gl1.REQUEST, body, now=time.time_ns(), to=node_id).payload
            self.apply(self.router.send(kid, sealed, time.monotonic_ns())[1])
            done, _ = await asyncio.wait([waiting], timeout=2)
            if done:
                return bool(waiting.result()["ok"])
        return False

    def say(self, kid: bytes | None, value: int) -> None:
        """An event, to one member or to everyone."""
        event = {"class": "alert", "topic": "alert/x", "value": value}
        sealed = self.member.seal(gl1.EVENT, event, now=time.time_ns(), name="alert").payload
        now = time.monotonic_ns()
        self.apply((self.router.flood(sealed, now) if kid is None else self.router.send(kid, sealed, now))[1])


class _Hub(_Station):
    """The one with five hundred neighbours. To ask each of them at every frame what is due would take all the time."""

    def _plan(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._due)


class _Sparing(Reliable):
    """Tells neighbours on the cables of some destinations alone."""

    def __init__(self, *told: bytes) -> None:
        super().__init__()
        self._told = told

    def owe(self, via: Via, destinations: Iterable[bytes], now: int, *, urgent: bool = True) -> None:
        if not via[1].startswith("lan"):
            destinations = [each for each in destinations if each in self._told]
        super().owe(via, destinations, now, urgent=urgent)


class _Herd:
    def __init__(self, options: dict[str, Any]) -> None:
        authority = Authority.open(Path(options["authority"]), now=time.time_ns())
        self._node_id: str = options["to"]
        self._kid = gl1.kid_of(self._node_id)
        self._hub = _Hub(authority, "hub")
        self._hub.router._control.reliable = _Sparing(self._hub.kid, self._kid)
        self._others = [_Station(authority, f"m{i}") for i in range(options["count"] - 1)]
        for other in self._others:
            other.router._control.reliable = _Sparing(other.kid)
        self._lan = Lan(gl1.from_base32(authority.mesh_id), options["device"], self._hub)

    def _cable(self, other: _Station) -> None:
        """In memory. What is for all is for the node: it ends at the hub, as on a cable that loses just that.

        So do the hellos of those who have met, which would be most of what this process does.
        """
        loop, name, hub = asyncio.get_running_loop(), other.member.identity.node_id, self._hub
        met = (other.kid, name)

        def idle(data: bytes) -> bool:
            known = hub.router._adjacency.neighbours.get(met)
            return (
                frame.parse(data).kind == frame.HELLO
                and known is not None
                and known.up
                and bool(other.router.neighbours)
            )

        def down(address: Hashable | None, data: bytes, kid: bytes | None) -> None:
            if frame.parse(data).kind not in (frame.FLOOD, frame.SUMMARY, frame.SCOUT) and not idle(data):
                loop.call_soon(other.heard, "cable", None, data)

        def up(address: Hashable | None, data: bytes, kid: bytes | None) -> None:
            if not idle(data):
                loop.call_soon(hub.heard, name, None, data)

        hub.up(Link(name=name, interval=_INTERVAL), down)
        other.up(Link(name="cable", interval=_INTERVAL), up)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        lan = asyncio.create_task(self._lan.run())
        for other in self._others:
            self._cable(other)
            await asyncio.sleep(0)
        while line := await reader.readline():
            order = json.loads(line)
            print(json.dumps({"ok": await getattr(self, order.pop("do"))(**order)}), flush=True)
        lan.cancel()

    async def status(self) -> dict[str, int]:
        """How many know the node and have a way to it."""
        ready = sum(
            station.router.next_hop(self._kid) is not None and self._kid in station.member.peers
            for station in [self._hub, *self._others]
        )
        return {"ready": ready}

    async def traffic(self, first: int, count: int, requests: int, events: int, floods: int) -> dict[str, int]:
        """So much of each of some members; how many requests were answered."""
        gate = asyncio.Semaphore(_AT_ONCE)
        answered: Counter[bool] = Counter()

        async def one(station: _Station) -> None:
            async with gate:
                for number in range(requests):
                    answered[await station.ask(self._node_id, number)] += 1
                for number in range(events):
                    station.say(self._kid, number)
                for number in range(floods):
                    station.say(None, 1000 + number)
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(one(station) for station in [self._hub, *self._others][first : first + count]))
        return {"answered": answered[True], "unanswered": answered[False]}


if __name__ == "__main__":
    asyncio.run(_Herd(json.loads(sys.argv[1])).run())
