# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker that lies: nothing false is believed, every refusal is counted, and what must arrive does, once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ganglion.errors import GanglionError
from ganglion.mesh import calls, courier
from ganglion.mesh.client import MeshClient
from ganglion.mesh.member import Cause, Peer, Received
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mqtt.packet import Message
from ganglion.units import SECOND
from ganglion_gateway.fleet import SILENCE
from ganglion_micro import gl1
from support.brokers import Broker
from support.gateway import here
from support.lying_broker import (
    Delays,
    Drops,
    Everything,
    Lie,
    LyingBroker,
    Reorders,
    Repeats,
    Swaps,
    lying_broker,
)
from support.mesh import Gateway, enrolled, running
from support.transports import Counted
from support.waiting import until

EVENTS = 60
READINGS = 40
COMMANDS = 12
MALFORMED = 10_000
DAY = 86400 * SECOND


@dataclass
class Mesh:
    """A gateway and two nodes behind a liar, and what they were made to believe."""

    liar: LyingBroker
    gateway: Gateway
    fridge: MeshClient
    room: MeshClient
    obeyed: list[int] = field(default_factory=list)
    misled: list[Any] = field(default_factory=list)
    stored: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def serve(self) -> None:
        """The fridge obeys its commands, and the room none: nobody asks it."""

        async def led(params: dict[str, Any], peer: Peer) -> Any:
            self.obeyed.append(params["n"])
            return params["n"]

        async def never(params: dict[str, Any], peer: Peer) -> Any:
            self.misled.append(params)

        self.fridge.on_request("led", led)
        self.room.on_request("led", never)
        take = self.gateway.store.take

        async def counted(events: list[Received]) -> None:
            self.stored.update((event.node_id, event.epoch, event.seq) for event in events)
            await take(events)

        service: Any = self.gateway.client._service
        service.ingest._store = counted

    def known(self, node: MeshClient) -> bool:
        """Whether the gateway has heard of this boot of a node."""
        peer = self.gateway.client.member.peers.get(node.identity.kid)
        return peer is not None and (peer.epoch, peer.nonce) == (node.member.epoch, node.member.nonce)

    def rejected(self) -> Counter[Cause]:
        """What all of them dropped, by cause, as their statistics say."""
        total: Counter[Cause] = Counter()
        for client in (self.gateway.client, self.fridge, self.room):
            total.update(client.statistics().rejected)
        return total


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not answered is said again sooner: the lies are the same."""
    monkeypatch.setattr(courier, "PATIENCE", 0.5)
    monkeypatch.setattr(calls, "RESEND", 0.3)


@asynccontextmanager
async def mesh(folder: Path, liar: LyingBroker, clock: Callable[[], int] = time.time_ns) -> AsyncIterator[Mesh]:
    """Everybody joined, by an honest broker."""
    gateway = Gateway(folder, liar.url, clock=clock)
    at = Mesh(liar, gateway, gateway.node("fridge", heartbeat=0), gateway.node("room", heartbeat=0))
    at.serve()
    async with running(gateway.client, at.fridge, at.room):
        await enrolled(at.fridge, at.room)
        await until(lambda: at.fridge.member.gateway and at.room.member.gateway, what="the gateway known")
        await until(lambda: len(gateway.client.member.peers) == 2, what="both known")
        yield at


LIES: dict[str, tuple[Callable[[], Lie], set[Cause]]] = {
    "drops": (lambda: Drops(Random(1), 0.3), set()),
    "repeats": (Repeats, {Cause.REPLAYED}),
    "reorders": (lambda: Reorders(Random(2)), set()),
    "delays": (lambda: Delays(Random(3), 0.3), set()),
    "swaps topics": (lambda: Swaps(Random(4)), {Cause.MISADDRESSED}),
    "everything": (lambda: Everything(Random(5)), {Cause.REPLAYED, Cause.MISADDRESSED}),
}


# One lie is told before one kind of broker, since it is the proxy that tells it; all of them together before both
@pytest.mark.parametrize(
    ("broker", "name"),
    [
        *zip(["nats", "mosquitto"] * 3, LIES, strict=True),
        ("nats", "everything"),
    ],
    indirect=["broker"],
)
async def test_what_is_true_arrives_once_and_what_is_false_never(broker: Broker, tmp_path: Path, name: str) -> None:
    lie, causes = LIES[name]
    async with lying_broker(broker) as liar, mesh(tmp_path, liar) as at:
        liar.lie = lie()
        answered: list[int] = []

        async def command(n: int) -> None:
            with suppress(GanglionError):  # it may be lost; it may not be done twice
                answered.append(await at.gateway.client.request("led", {"n": n}, to="fridge", timeout=2))

        asking = [asyncio.create_task(command(n)) for n in range(COMMANDS)]
        for i in range(EVENTS):
            node = (at.fridge, at.room)[i % 2]
            node.publish_event("alert", {"value": i})
            if i < READINGS:
                at.fridge.publish_reading("fridge/temperature", i / 2, 1000 + i)
                at.fridge.flush()
            await asyncio.sleep(0.002)
        await asyncio.gather(*asking)
        liar.lie = Lie()
        nodes = (at.fridge, at.room)
        await until(
            lambda: sum(node.statistics().delivery.acknowledged for node in nodes) == EVENTS, what="all acknowledged"
        )
        assert await at.gateway.client.request("led", {"n": COMMANDS}, to="fridge", timeout=60) == COMMANDS
        store = at.gateway.store
        assert sorted(store.values) == list(range(EVENTS)), "each event, and no other"
        assert set(at.stored.values()) == {1}, "each once"
        owners = {value: key[0] for key, value in zip(store.events, store.values, strict=True)}
        assert owners == {i: nodes[i % 2].identity.node_id for i in range(EVENTS)}
        said = [["fridge/temperature", 1000 + i, i / 2] for i in range(READINGS)]
        assert all(reading in said for reading in store.readings)
        assert len({reading[1] for reading in store.readings}) == len(store.readings), "no reading twice"
        assert set(Counter(at.obeyed).values()) == {1}, "no command twice"
        assert set(answered) <= set(at.obeyed) <= set(range(COMMANDS + 1))
        assert not at.misled, "no command by another node"
        assert all(at.known(node) for node in nodes)
        assert causes <= set(at.rejected())
        assert Cause.FORGED not in at.rejected(), "a liar without a key has nothing to forge with but what was said"


async def test_what_was_true_yesterday_is_not_believed_today(broker: Broker, tmp_path: Path) -> None:
    today = [0]

    def clock() -> int:
        return time.time_ns() + today[0]

    async with lying_broker(broker) as liar:
        async with mesh(tmp_path, liar, clock) as at:
            for i in range(20):
                at.fridge.publish_event("alert", {"value": i})
                at.fridge.publish_reading("fridge/temperature", i, 1000 + i)
                at.fridge.flush()
            for n in range(3):
                assert await at.gateway.client.request("led", {"n": n}, to="fridge", timeout=60) == n
            await until(lambda: at.fridge.statistics().delivery.acknowledged == 20, what="all acknowledged")
            await until(lambda: len(at.gateway.store.readings) == 20, what="all readings")
        capture = list(dict.fromkeys(liar.said))
        kinds = {message.topic.rpartition("/")[2] for message in capture}
        assert {"alert", "batch", "birth", "bundle", "credential", "death", "enrol", "q", "r"} <= kinds
        today[0] = DAY
        async with mesh(tmp_path, liar, clock) as at:
            at.fridge.publish_event("alert", {"value": "today"})
            await until(lambda: at.gateway.store.values == ["today"], what="today's event")
            await until(lambda: all(at.known(node) for node in (at.fridge, at.room)), what="today's births")
            births = [(birth.node_id, birth.epoch) for birth in at.gateway.store.births]
            before = at.rejected()
            for _ in range(2):
                for message in capture:
                    for retain in (False, True):
                        liar.tell(message._replace(retain=retain))
            at.fridge.publish_event("alert", {"value": "behind it"})
            await until(lambda: "behind it" in at.gateway.store.values, what="what is said behind it")
            assert await at.gateway.client.request("led", {"n": 7}, to="fridge", timeout=60) == 7
            assert (at.obeyed, at.misled) == ([7], []), "no command of yesterday's"
            yesterdays = {key for key in at.gateway.store.events if key[1] < at.fridge.member.epoch}
            # Authentic and late is what a spool sends after an outage: the store knows that it has them
            assert len(yesterdays) == 20
            assert [at.gateway.store.events[key]["value"] for key in sorted(yesterdays)] == list(range(20))
            assert set(at.stored.values()) == {1}
            assert at.gateway.store.readings == [], "no reading of yesterday's"
            assert at.gateway.store.deaths == [], "nobody has died"
            assert [(birth.node_id, birth.epoch) for birth in at.gateway.store.births] == births
            told = at.rejected() - before
            assert told[Cause.STALE] > 0
            assert told[Cause.REPLAYED] > 0
            for node in (at.fridge, at.room):
                assert node.credential is not None
                assert node.member.trust is not None
                assert node.statistics().enrolled


@pytest.mark.untraced
async def test_ten_thousand_malformed_frames_are_each_counted(broker: Broker, tmp_path: Path) -> None:
    rng = Random(6)
    async with lying_broker(broker) as liar, mesh(tmp_path, liar) as at:
        at.fridge.publish_event("alert", {"value": 1})
        at.fridge.publish_reading("fridge/temperature", 4.5, 1)
        assert await at.gateway.client.request("led", {"n": 1}, to="fridge", timeout=60) == 1
        await until(lambda: at.fridge.statistics().delivery.acknowledged == 1, what="acknowledged")
        await until(lambda: at.gateway.store.readings, what="the reading")
        await until(lambda: any(message.topic.endswith("/s") for message in liar.said), what="what all share")
        said = dict.fromkeys(message._replace(qos=0) for message in liar.said)
        # Nodes look at no list of gateways: theirs is that of the revoked
        capture = [message for message in said if not message.topic.endswith(f"/c/gateway/{gl1.ALL}")]
        clients = (at.gateway.client, at.fridge, at.room)
        before = [sum(client.statistics().rejected.values()) for client in clients]
        births, deaths = len(at.gateway.store.births), len(at.gateway.store.deaths)
        for i in range(MALFORMED):
            liar.tell(_damaged(rng, rng.choice(capture)))
            if i % 500 == 0:
                await asyncio.sleep(0)
        counts = lambda: [  # noqa: E731
            sum(client.statistics().rejected.values()) - known for client, known in zip(clients, before, strict=True)
        ]
        await until(lambda: min(counts()) >= MALFORMED, within=60, what="each of them counted")
        # A copy of what is honest may come behind it, as brokers do at QoS 1: it counts as replayed, and is one or two
        assert max(counts()) <= MALFORMED + 2
        assert at.rejected()[Cause.MALFORMED] > MALFORMED
        at.fridge.publish_event("alert", {"value": 2})
        await until(lambda: at.gateway.store.values == [1, 2], what="the mesh works")
        assert await at.gateway.client.request("led", {"n": 2}, to="fridge", timeout=60) == 2
        assert (at.obeyed, at.misled, len(at.gateway.store.readings)) == ([1, 2], [], 1)
        assert (len(at.gateway.store.births), len(at.gateway.store.deaths)) == (births, deaths)
        assert [client._transport.statistics().connections for client in clients] == [1, 1, 1]
        assert [client._transport.statistics().failed for client in clients] == [0, 0, 0]


def _damaged(rng: Random, message: Message) -> Message:
    """Something that is none of ours any more, where it could have been."""
    payload = bytearray(message.payload)
    match rng.randrange(6):
        case 0:
            payload = bytearray(rng.randbytes(rng.randrange(1, 300)))
        case 1:
            del payload[rng.randrange(len(payload)) :]
        case 2:
            payload[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
        case 3:
            payload += rng.randbytes(rng.randrange(1, 9))
        case 4:
            at = rng.randrange(len(payload))
            payload[at:at] = rng.randbytes(rng.randrange(1, 9))
        case _:
            payload = bytearray(b"\xd2\x84" + b"\x9f" * rng.randrange(1, 2000))
    return message._replace(payload=bytes(payload) or b"\x00", retain=rng.random() < 0.5)


async def test_a_broker_that_breaks_the_protocol_is_left_and_found_again(broker: Broker, tmp_path: Path) -> None:
    rng = Random(7)
    async with lying_broker(broker) as liar, mesh(tmp_path, liar) as at:
        for i in range(10):
            connections = at.fridge._transport.statistics().connections
            at.fridge.publish_event("alert", {"value": i})
            for link in liar.links:
                # A type that no broker sends, a QoS that does not exist, a length that never ends, half a packet
                link.tell_raw(rng.choice([b"\x10\x00", b"\x36\x02\x00\x01", b"\x30\xff\xff\xff\xff", b"\xf0\x05abc"]))
            await until(
                lambda before=connections: at.fridge._transport.statistics().connections > before, what="come back"
            )
        await until(lambda: at.fridge.statistics().delivery.acknowledged == 10, what="all acknowledged")
        assert sorted(at.gateway.store.values) == list(range(10))
        assert set(at.stored.values()) == {1}


async def test_a_death_or_a_birth_that_is_none_is_not_kept(broker: Broker, tmp_path: Path) -> None:
    """With a whole gateway, whose pages say who is there."""
    async with lying_broker(broker) as liar:

        def node(name: str, key: str | None) -> MeshClient:
            transport = MqttTransport(liar.url, backoff=Counted())
            return MeshClient(transport=transport, state=tmp_path / name, name=name, enrol_key=key, heartbeat=0.2)

        async with here(tmp_path / "state", liar.url) as at:
            await until(lambda: at.gateway.member.connected, what="the gateway connected")
            fleet = at.services.fleet
            keys = [(await at.post("/enrol-keys", {}))["key"] for _ in range(2)]
            gone, stays = node("gone", keys[0]), node("stays", keys[1])
            task = asyncio.create_task(stays.run())
            async with running(gone):
                await enrolled(gone, stays)
                await until(lambda: fleet.online == 2, what="both there")
                gone.publish_event("alert", {"topic": "alert/x", "value": 1})
                await until(lambda: gone.statistics().delivery.acknowledged == 1, what="acknowledged")
            await until(lambda: not fleet.find("gone").online, what="one has said goodbye")
            capture = [message for message in liar.said if gone.identity.node_id in message.topic]
            will: Any = stays._transport
            for _ in range(3):
                for message in capture:
                    liar.tell(message)
                liar.tell(Message(will._will.topic, will._will.payload))
            epoch = stays.member.epoch
            known = at.gateway.member.client.member.peers[stays.identity.kid]
            await until(lambda: known.died != (0, 0), what="the will was heard")
            await until(lambda: fleet.find("stays").online, what="the one that lives says so")
            assert not fleet.find("gone").online, "what was said before the goodbye brings nobody back"
            assert fleet.find("stays").epoch == epoch
            assert len((await at.get("/events"))["events"]) == 1
        # A gateway that has restarted cannot tell a replayed birth from a node that is there, until it is silent
        async with here(tmp_path / "state", liar.url) as at:
            fleet = at.services.fleet
            await until(lambda: fleet.find("stays").online, what="the one that lives is there")
            for message in capture:
                liar.tell(message._replace(retain=False))
            await until(lambda: fleet.find("stays").last_seen > fleet.find("gone").last_seen, what="a heartbeat")
            fleet.silence(fleet.find("gone").last_seen + SILENCE + 1)
            assert not fleet.find("gone").online
            assert len((await at.get("/events"))["events"]) == 1, "its alert is stored once"
            assert fleet.find("gone").epoch == gone.member.epoch
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
