# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of a mesh for tests, each a process of its own in a node of a `network`: a real client, driven by JSON lines.

This file is both the program and its face. What it is told to do is one line, what it answers another.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError
from ganglion.mesh import files
from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.credential import GATEWAY, NODE
from ganglion.mesh.group import Handover
from ganglion.mesh.identity import Identity
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.links.spec import parse
from ganglion.mesh.member import Peer, Received
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.overlay.router import GATEWAY as UPLINK
from ganglion.mesh.service import GatewayRole
from ganglion.mesh.transport import NoBroker
from ganglion_micro import gl1
from support.mesh import Keys, Store


def provision(folder: Path, authority: Authority, name: str) -> str:
    """The state of a node that has enrolled; its node id."""
    state = folder / name
    state.mkdir(parents=True)
    identity = Identity.load_or_create(state / "identity")
    now = time.time_ns()
    files.write(state / "bundle.cbor", authority.bundle(now=now))
    files.write(
        state / "credential.cwt",
        authority.issue(identity.public, name=name, roles=[NODE], now=now, lifetime=86400 * 10**9),
    )
    return identity.node_id


class MeshProcess:
    """One member, or another program that is driven the same way."""

    def __init__(
        self, name: str, command: Sequence[str], options: dict[str, Any], program: str = "support.mesh_process"
    ) -> None:
        self.name = name
        self._command = [*command, sys.executable, "-m", program, json.dumps(options)]
        self.process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**22, cwd=Path(__file__).parents[1]
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    async def crash(self) -> None:
        """Kills it, and starts it again on what is on its disk."""
        self.kill()
        await self.stop()
        await self.start()

    async def ask(self, do: str, **params: Any) -> Any:
        """What it answers.

        Raises:
            AssertionError: an error.
        """
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self._asking:
            self.process.stdin.write(json.dumps({"do": do, **params}).encode() + b"\n")
            line = await asyncio.wait_for(self.process.stdout.readline(), 110)
        assert line, f"{self.name} has ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{self.name}: {answer['error']}"
        return answer["ok"]

    async def stop(self) -> None:
        if self.process is None:
            return
        if self.process.returncode is None and self.process.stdin is not None:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), 60)
            except TimeoutError:
                self.process.kill()
        await self.process.wait()
        self.process._transport.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def members(*processes: MeshProcess) -> AsyncIterator[None]:
    """Starts them, and stops them afterwards."""
    try:
        await asyncio.gather(*(process.start() for process in processes))
        yield
    finally:
        await asyncio.gather(*(process.stop() for process in processes))


class _Program:
    """The other side."""

    def __init__(self, options: dict[str, Any]) -> None:
        state = Path(options["state"])
        broker = options.get("broker")
        self.got: list[Any] = []
        self.store: Store | None = None
        role = None
        if folder := options.get("authority"):
            authority = Authority.open(Path(folder), now=time.time_ns())
            self.store = Store()
            role = GatewayRole(
                authority=authority,
                keys=Keys(authority),
                on_events=self._events,
                on_frames=self._frames,
                on_birth=lambda received: None,
                on_death=lambda received: None,
            )
        self.frames = self.twice = 0
        self.client = MeshClient(
            transport=MqttTransport(broker) if broker else NoBroker(),
            state=state,
            name=options["name"],
            gateway=role,
            links=[parse(text) for text in options["links"]],
            follow=["+"],
            heartbeat=0,
            confidential=Confidential(group=options.get("confidential", "")),
        )
        for handover in options.get("groups", ()):
            self.client.member.groups.take(Handover.unpack(bytes.fromhex(handover)))
        self.client.on_group = self._hear
        self.client.on_request("note", self._note, roles=[NODE, GATEWAY])

    async def _events(self, events: list[Received]) -> None:
        assert self.store is not None
        stored = self.store.events
        self.twice += sum((one.node_id, one.epoch, one.seq) in stored for one in events)
        await self.store.take(events)

    def _frames(self, received: list[Received]) -> None:
        self.frames += sum(len(one.body) for one in received)

    def _hear(self, received: Received) -> None:
        self.got += [received.body["value"]] if received.kind == gl1.EVENT else [each[2] for each in received.body]

    async def _note(self, params: dict[str, Any], peer: Peer) -> Any:
        self.got.append(params["value"])
        return {"from": peer.name, "count": len(self.got)}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**22)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        life = asyncio.create_task(self.client.run())
        try:
            while line := await reader.readline():
                order = json.loads(line)
                try:
                    answer = {"ok": await getattr(self, order.pop("do"))(**order)}
                except* GanglionError as errors:
                    answer = {"error": str(errors.exceptions[0])}
                print(json.dumps(answer), flush=True)
        finally:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life

    async def send(self, to: str, first: int, count: int, wide: int = 64, timeout: float = 30) -> int:
        """Requests, so many at a time; how many were answered."""
        gate = asyncio.Semaphore(wide)

        async def one(value: int) -> None:
            async with gate:
                await self.client.request("note", {"value": value}, to=to, timeout=timeout)

        async with asyncio.TaskGroup() as tasks:
            for value in range(first, first + count):
                tasks.create_task(one(value))
        return count

    async def stream(self, to: str, first: int, count: int, every: float) -> None:
        """Requests at a rate, whether or not those before were answered; returns when all were."""
        async with asyncio.TaskGroup() as tasks:
            for value in range(first, first + count):
                tasks.create_task(self.client.request("note", {"value": value}, to=to, timeout=60))
                await asyncio.sleep(every)

    async def shout(self) -> None:
        """A birth anew: a broadcast."""
        self.client.announce()

    async def saved(self) -> None:
        await self.client.saved()

    async def events(self, first: int, count: int, every: float = 0.0) -> None:
        """Events that must arrive at the gateway."""
        for value in range(first, first + count):
            self.client.publish_event("alert", {"topic": "alert/x", "value": value})
            await asyncio.sleep(every)

    async def reading(self, value: float) -> None:
        self.client.publish_reading("sensor/x", value, time.time_ns())

    async def notes(self) -> list[Any]:
        return self.got

    async def share(self, key: str, value: Any) -> None:
        """A value that all members are to see."""
        await self.client.state.write(lambda replica, now: replica.set(key, value, now=now))

    async def shared(self) -> dict[str, Any]:
        """What this member has of what all share."""
        return {key: reading.value for key, reading in self.client.state.replica.items()}

    async def stored(self) -> dict[str, Any]:
        assert self.store is not None
        return {"values": self.store.values, "frames": self.frames, "twice": self.twice}

    async def revoke(self, node: str) -> None:
        self.client.desk.revoke(node)

    async def status(self) -> dict[str, Any]:
        client = self.client
        statistics = client.statistics()
        overlay = client.overlay
        router = None if overlay is None else overlay.router
        names = {peer.kid: peer.name for peer in client.member.peers.values()}
        names[UPLINK] = "gw"
        names[client.identity.kid] = client.member.identity.node_id

        def name(kid: bytes) -> str:
            return names.get(kid, kid.hex())

        return {
            "connected": statistics.connected,
            "enrolled": statistics.enrolled,
            "refusal": statistics.refusal,
            "spooled": statistics.delivery.spooled,
            "acknowledged": statistics.delivery.acknowledged,
            "rejected": {cause.value: count for cause, count in statistics.rejected.items()},
            "born": {peer.name: peer.born for peer in client.member.peers.values()},
            "leads": client.leads,
            "peers": sorted(peer.name for peer in client.member.peers.values()),
            "neighbours": [] if router is None else sorted((name(n.kid), n.link.name) for n in router.neighbours),
            "routes": {}
            if router is None
            else {
                name(to): [name(hop[0]), hop[1], router.metric(to)]
                for to in router.destinations
                if (hop := router.next_hop(to)) is not None
            },
            "exhausted": 0 if router is None else router.exhausted,
            "refused": {} if router is None else {cause.value: count for cause, count in router.refused.items()},
            "sizes": {} if router is None else router.sizes,
        }


if __name__ == "__main__":
    asyncio.run(_Program(json.loads(sys.argv[1])).run())
