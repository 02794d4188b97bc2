# SPDX-License-Identifier: GPL-3.0-or-later
"""Members without a broker, enrol keys in a dict, and whole meshes on a real one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import NODE_LIFETIME, Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.enrol import EnrolKey, EnrolRecord
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member, Received, Sealed
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.pending import Approval, Waiting
from ganglion.mesh.service import GatewayRole
from ganglion.mesh.transport import Message
from ganglion.mqtt.url import Addresses
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.transports import Counted
from support.waiting import until

#: 2026-01-01, for tests whose time is an argument.
NOW = 1_767_225_600 * SECOND
HOUR = 3600 * SECOND


class Keys:
    """Enrol keys of a gateway, in memory: the smallest `KeyStore`."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.records: dict[bytes, EnrolRecord] = {}
        self.uses: dict[bytes, int] = {}
        self.users: set[tuple[bytes, str]] = set()

    def create(self, *, uses: int = 1, expires: int = 2**62, tags: tuple[str, ...] = ()) -> EnrolKey:
        key = EnrolKey.create(self._authority)
        self.records[key.key_id] = EnrolRecord(key_id=key.key_id, mac_key=key.mac_key, expires=expires, tags=tags)
        self.uses[key.key_id] = uses
        return key

    def revoke(self, key: EnrolKey) -> None:
        self.records[key.key_id] = replace(self.records[key.key_id], revoked=True)

    async def find(self, key_id: bytes) -> EnrolRecord | None:
        return self.records.get(key_id)

    async def take(self, key_id: bytes, node_id: str, now: int, *, name: str = "") -> bool:
        if (key_id, node_id) in self.users:
            return True
        if self.uses[key_id] < 1:
            return False
        self.uses[key_id] -= 1
        self.users.add((key_id, node_id))
        return True


class Desk:
    """An operator's desk in memory: the smallest `Approvals`."""

    def __init__(self) -> None:
        self.waiting = Waiting()
        self.approved: dict[str, Approval] = {}

    async def ask(self, node_id: str, public: bytes, name: str, now: int) -> Approval | None:
        if node_id not in self.approved:
            self.waiting.ask(node_id, public, name, now)
        return self.approved.get(node_id)

    def approve(self, node_id: str, name: str, *tags: str) -> None:
        self.waiting.remove(node_id)
        self.approved[node_id] = Approval(name=name, tags=tags)


class Site:
    """An authority and members that know one another, without a broker. Time is `now`, as tests set it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.authority = Authority.open(folder / "authority", now=NOW)

    def member(
        self,
        name: str,
        *,
        role: str = "node",
        epoch: int = 1,
        identity: Identity | None = None,
        credential: bytes = b"",
    ) -> "Enrolled":
        """A member with a credential, sealed and ready to be born."""
        identity = identity or Identity.create()
        member = Member(identity, mesh=self.authority.mesh_id, epoch=epoch, gateway=role == "gateway")
        member.adopt(self.authority.trust(now=self.now))
        credential = credential or self.authority.issue(
            identity.public, name=name, roles=[role], now=self.now, lifetime=24 * HOUR
        )
        return Enrolled(self, member, name, credential)


class Enrolled:
    """A member and its credential."""

    def __init__(self, site: Site, member: Member, name: str, credential: bytes) -> None:
        self.site = site
        self.member = member
        self.name = name
        self.credential = credential

    def birth(self, **changes: Any) -> Sealed:
        body = {
            "name": self.name,
            "nonce": self.member.nonce,
            "epoch": self.member.epoch,
            "credential": self.credential,
            **changes,
        }
        return self.member.seal(gl1.BIRTH, body, now=self.site.now)

    def event(self, value: Any = 1, cls: str = "alert") -> Sealed:
        body = {"class": cls, "topic": f"{cls}/x", "value": value}
        return self.member.seal(gl1.EVENT, body, now=self.site.now, name=cls)

    def frame(self, *readings: list[Any]) -> Sealed:
        return self.member.seal(gl1.BATCH, list(readings), now=self.site.now)

    def request(self, to: "Enrolled", *, nonce: bytes | None = None, identity: str = "r1") -> Sealed:
        body = {
            "id": identity,
            "method": "led",
            "params": {"on": True},
            "nonce": to.member.nonce if nonce is None else nonce,
            "deadline": self.site.now + 10 * SECOND,
        }
        return self.member.seal(gl1.REQUEST, body, now=self.site.now, to=to.member.identity.node_id)

    def hears(self, sealed: Sealed, *, topic: str = "", retained: bool = False) -> Received | None:
        return self.member.open(topic or sealed.topic, sealed.payload, now=self.site.now, retained=retained)


class Store:
    """What a gateway was told, in order; events are kept once, as a database with a unique key does."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, int, int], Any] = {}
        self.frames: list[Received] = []
        self.births: list[Received] = []
        self.deaths: list[Received] = []
        self.batches: list[int] = []
        self.broken = False

    async def take(self, events: list[Received]) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise RuntimeError("the database is away")
        self.batches.append(len(events))
        for event in events:
            self.events.setdefault((event.node_id, event.epoch, event.seq), event.body)

    @property
    def values(self) -> list[Any]:
        return [body["value"] for body in self.events.values()]

    @property
    def readings(self) -> list[list[Any]]:
        return [reading for frame in self.frames for reading in frame.body if reading[0] != "system/uptime"]


class Gateway:
    """A gateway's mesh client on a broker, with its keys and its store."""

    def __init__(
        self,
        folder: Path,
        url: Addresses,
        *,
        lifetime: int = NODE_LIFETIME,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.folder = folder
        self.url = url
        self.lifetime = lifetime
        self.clock = clock
        self.authority = Authority.open(folder / "authority", now=time.time_ns())
        self.keys = Keys(self.authority)
        self.desk = Desk()
        self.store = Store()
        self.reissued: list[tuple[str, str]] = []
        self.client = self.start()

    def start(self) -> MeshClient:
        """A new client on the same folder, as after a restart."""
        role = GatewayRole(
            authority=self.authority,
            keys=self.keys,
            on_events=self.store.take,
            on_frames=self.store.frames.extend,
            on_birth=self.store.births.append,
            on_death=self.store.deaths.append,
            on_reissued=self._reissue,
            approvals=self.desk,
            lifetime=self.lifetime,
        )
        self.client = MeshClient(
            transport=MqttTransport(self.url, backoff=Counted()),
            state=self.folder / "gateway",
            name="gateway",
            gateway=role,
            clock=self.clock,
        )
        return self.client

    async def _reissue(self, former: str, new: str) -> None:
        self.reissued.append((former, new))

    def node(self, name: str, *, key: EnrolKey | None = None, **options: Any) -> MeshClient:
        """A node with a state folder of its name; with a new enrol key unless it has been here or names the mesh."""
        state = self.folder / name
        if key is None and "mesh" not in options and not (state / "credential.cwt").exists():
            key = self.keys.create()
        return MeshClient(
            transport=MqttTransport(self.url, backoff=Counted()),
            state=state,
            name=name,
            enrol_key=key.text if key else None,
            **{"clock": self.clock, **options},
        )


@asynccontextmanager
async def running(*clients: MeshClient) -> AsyncIterator[None]:
    """Runs clients until the block ends; an error of theirs is the test's."""
    tasks = [asyncio.create_task(client.run()) for client in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def enrolled(*clients: MeshClient) -> None:
    """Waits until these are members and a gateway has heard of them."""
    for client in clients:
        await until(lambda client=client: client.statistics().enrolled, what=f"{client.identity.node_id} enrolled")


class Attacker:
    """Whoever owns the broker: hears everything and says anything, without a key."""

    def __init__(self, url: Addresses, mesh: str) -> None:
        self.transport = MqttTransport(url, backoff=Counted())
        self.heard: list[Message] = []
        self.transport.on_messages = self.heard.extend
        self.transport.subscribe(f"gl1/{mesh}/#", 1)

    def on(self, part: str) -> list[Message]:
        """What was heard on topics that end so."""
        return [message for message in self.heard if message.topic.endswith(part)]

    async def says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publishes, and returns when the broker has it."""
        done = asyncio.Event()
        self.transport.publish(topic, payload, qos=1, retain=retain, on_done=done.set)
        await asyncio.wait_for(done.wait(), 60)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Attacker"]:
        task = asyncio.create_task(self.transport.run())
        try:
            await until(lambda: self.transport.connected, what="the attacker connected")
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
