# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever owns the broker, against a gateway and a node: nothing it says is believed, and all of it is counted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh import credential
from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Member, Peer
from ganglion.units import SECOND
from ganglion_micro import cose, gl1
from support.brokers import Broker, on_every_broker
from support.mesh import Attacker, Gateway, enrolled, running
from support.waiting import until


@dataclass
class Siege:
    """A mesh at work and an attacker at its broker."""

    gateway: Gateway
    node: MeshClient
    other: MeshClient
    attacker: Attacker
    obeyed: list[dict[str, Any]]

    def rejected(self, cause: Cause) -> int:
        """What the gateway dropped for this cause."""
        return self.gateway.client.member.rejected[cause]

    async def event(self, value: Any) -> tuple[str, bytes]:
        """An event of the node as it went over the broker, when it is stored."""
        before = len(self.attacker.on("/e/alert"))
        acknowledged = self.node.statistics().delivery.acknowledged
        self.node.publish_event("alert", {"value": value})
        await until(lambda: self.node.statistics().delivery.acknowledged > acknowledged, what="the acknowledgement")
        assert value in self.gateway.store.values
        await until(lambda: len(self.attacker.on("/e/alert")) > before, what="the attacker has it")
        message = self.attacker.on("/e/alert")[-1]
        return message.topic, message.payload

    async def nothing_new(self) -> None:
        """An honest event still comes through, and behind it nothing of the attacker's did."""
        count = len(self.gateway.store.values)
        await self.event(f"honest {count}")
        assert len(self.gateway.store.values) == count + 1


@pytest.fixture
async def siege(tmp_path: Path, broker: Broker) -> AsyncIterator[Siege]:
    gateway = Gateway(tmp_path, broker.url)
    node, other = gateway.node("fridge", heartbeat=0), gateway.node("room", heartbeat=0)
    obeyed: list[dict[str, Any]] = []

    async def obey(params: dict[str, Any], peer: Peer) -> Any:
        obeyed.append(params)
        return len(obeyed)

    node.on_request("led", obey)
    attacker = Attacker(broker.url, gateway.authority.mesh_id)
    async with attacker.running(), running(gateway.client, node, other):
        await enrolled(node, other)
        await until(
            lambda: {birth.node_id for birth in gateway.store.births} == {node.identity.node_id, other.identity.node_id}
        )
        yield Siege(gateway, node, other, attacker, obeyed)


async def test_a_forged_event_is_dropped_and_counted(siege: Siege) -> None:
    topic, payload = await siege.event(1)
    thief = Identity.create()
    body = {"class": "alert", "value": "forged"}
    message = gl1.MSG(gl1.EVENT, None, 1, 9999, siege.node._parts.clock(), body).pack()
    forged = cose.sign1(message, siege.node.identity.kid, gl1.aad(siege.gateway.authority.mesh), thief.sign)
    await siege.attacker.says(topic, forged)
    await until(lambda: siege.rejected(Cause.FORGED) == 1, what="counted as forged")
    await siege.attacker.says(topic, payload[:-64] + bytes(64))
    await until(lambda: siege.rejected(Cause.FORGED) == 2, what="counted as forged")
    await siege.nothing_new()


async def test_an_altered_event_is_dropped_and_counted(siege: Siege) -> None:
    topic, payload = await siege.event("value 1")
    altered = payload.replace(b"value 1", b"value 2")
    assert altered != payload
    await siege.attacker.says(topic, altered)
    await until(lambda: siege.rejected(Cause.FORGED) == 1, what="counted as forged")
    await siege.nothing_new()


async def test_a_replayed_event_is_counted_and_not_stored_again(siege: Siege) -> None:
    topic, payload = await siege.event(1)
    batches = len(siege.gateway.store.batches)
    acknowledged = siege.node.statistics().delivery.acknowledged
    known = siege.rejected(Cause.REPLAYED)  # brokers deliver twice at QoS 1 now and then, that counts too
    for _ in range(3):
        await siege.attacker.says(topic, payload)
    await until(lambda: siege.rejected(Cause.REPLAYED) >= known + 3, what="counted as replayed")
    assert len(siege.gateway.store.batches) == batches, "the database is not even asked"
    assert siege.node.statistics().delivery.acknowledged == acknowledged
    await siege.nothing_new()


async def test_a_replayed_frame_is_dropped_and_counted(siege: Siege) -> None:
    siege.node.publish_reading("fridge/temperature", 4.5, 1)
    await until(lambda: siege.gateway.store.readings, what="the reading")
    await until(lambda: siege.attacker.on("/d/batch"), what="the attacker has it")
    message = siege.attacker.on("/d/batch")[-1]
    known = siege.rejected(Cause.REPLAYED)
    await siege.attacker.says(message.topic, message.payload)
    await until(lambda: siege.rejected(Cause.REPLAYED) >= known + 1, what="counted as replayed")
    await siege.nothing_new()
    assert siege.gateway.store.readings == [["fridge/temperature", 1, 4.5]]


@on_every_broker
async def test_a_replayed_command_is_dropped_and_counted(siege: Siege) -> None:
    assert await siege.gateway.client.request("led", {"on": True}, to="fridge", timeout=60) == 1
    await until(lambda: siege.attacker.on("/q"), what="the attacker has it")
    command = siege.attacker.on("/q")[0]
    for _ in range(2):
        await siege.attacker.says(command.topic, command.payload)
    await until(lambda: siege.node.member.rejected[Cause.REPLAYED] >= 2, what="counted as replayed")
    assert siege.obeyed == [{"on": True}]


async def test_a_command_kept_for_the_next_boot_is_stale_and_not_obeyed(siege: Siege, tmp_path: Path) -> None:
    await siege.gateway.client.request("led", {"on": True}, to="fridge", timeout=60)
    await until(lambda: siege.attacker.on("/q"), what="the attacker has it")
    command = siege.attacker.on("/q")[0]
    rebooted = siege.gateway.node("fridge")
    obeyed: list[Any] = []

    async def obey(params: dict[str, Any], peer: Peer) -> Any:
        obeyed.append(params)

    rebooted.on_request("led", obey)
    async with running(rebooted):
        await until(lambda: rebooted.member.gateway, what="it knows the gateway again")
        await siege.attacker.says(command.topic, command.payload)
        await until(lambda: rebooted.member.rejected[Cause.STALE] == 1, what="counted as stale")
    assert not obeyed


@pytest.mark.parametrize("part", ["e/episode", "other"])
async def test_an_event_moved_to_another_topic_is_dropped_and_counted(siege: Siege, part: str) -> None:
    topic, payload = await siege.event(1)
    if part == "other":
        moved = topic.replace(siege.node.identity.node_id, siege.other.identity.node_id)
    else:
        moved = topic.replace("e/alert", part)
    await siege.attacker.says(moved, payload)
    await until(lambda: siege.rejected(Cause.MISADDRESSED) == 1, what="counted as misaddressed")
    await siege.nothing_new()


async def test_a_command_moved_to_another_node_is_dropped_and_counted(siege: Siege) -> None:
    await siege.gateway.client.request("led", {"on": True}, to="fridge", timeout=60)
    await until(lambda: siege.attacker.on("/q"), what="the attacker has it")
    command = siege.attacker.on("/q")[0]
    moved = command.topic.replace(siege.node.identity.node_id, siege.other.identity.node_id)
    await siege.attacker.says(moved, command.payload)
    await until(lambda: siege.other.member.rejected[Cause.MISADDRESSED] == 1, what="counted as misaddressed")


async def test_a_stranger_with_a_key_of_its_own_is_dropped_and_counted(siege: Siege) -> None:
    stranger = Member(Identity.create(), mesh=siege.gateway.authority.mesh_id, epoch=1)
    sealed = stranger.seal(gl1.EVENT, {"class": "alert", "value": "x"}, now=siege.node._parts.clock(), name="alert")
    await siege.attacker.says(sealed.topic, sealed.payload)
    await until(lambda: siege.rejected(Cause.UNENROLLED) == 1, what="counted as unenrolled")
    await siege.nothing_new()


async def test_a_gateway_of_its_own_making_commands_nobody(siege: Siege, tmp_path: Path) -> None:
    mesh = siege.gateway.authority.mesh_id
    fake = Authority.open(tmp_path / "fake", now=siege.node._parts.clock())
    identity, now = Identity.create(), siege.node._parts.clock()
    member = Member(identity, mesh=mesh, epoch=1)
    issuer = Identity.load(tmp_path / "fake" / "issuer")
    made = credential.issue(
        issuer,
        mesh=mesh,
        public=identity.public,
        name="gateway",
        roles=["gateway"],
        tags=[],
        now=now,
        lifetime=SECOND * 900,
    )
    body = {"name": "gateway", "nonce": member.nonce, "epoch": 1, "credential": made}
    birth = member.seal(gl1.BIRTH, body, now=now)
    await siege.attacker.says(gl1.bundle_topic(mesh), fake.bundle(now=now), retain=True)
    await siege.attacker.says(gl1.gateway_topic(mesh, identity.node_id), birth.payload, retain=True)
    await until(lambda: siege.node.member.rejected[Cause.FORGED] == 1, what="its birth is counted as forged")
    command = {"id": "1", "method": "led", "params": {}, "nonce": siege.node.member.nonce, "deadline": now + 9 * SECOND}
    sealed = member.seal(gl1.REQUEST, command, now=now, to=siege.node.identity.node_id)
    await siege.attacker.says(sealed.topic, sealed.payload)
    await until(lambda: siege.node.member.rejected[Cause.UNENROLLED] == 1, what="its command is counted")
    assert not siege.obeyed
    assert siege.node.member.trust is not None
    assert siege.node.member.trust.root == Identity.load(tmp_path / "authority" / "root").public
    newcomer = siege.gateway.node("newcomer")
    async with running(newcomer):
        await until(lambda: newcomer.statistics().connected, what="connected")
        # The real bundle is overwritten on the broker; a gateway that comes back puts it there again.
        siege.gateway.client.announce()
        await enrolled(newcomer)


async def test_a_member_acknowledges_nothing_in_the_gateways_place(siege: Siege) -> None:
    store = siege.gateway.store
    store.broken = True
    follower = siege.gateway.node("watch", follow=["+"], heartbeat=0)
    async with running(follower):
        await enrolled(follower)
        await until(lambda: follower.member.find("room"), what="it has heard the other node")
        follower.publish_event("alert", {"value": "kept"})
        sealed = siege.other.member.seal(
            gl1.REPLY,
            {"stored": [[1, seq] for seq in range(1, 20)]},
            now=siege.other._parts.clock(),
            to=follower.identity.node_id,
        )
        await siege.attacker.says(sealed.topic, sealed.payload)
        await until(lambda: follower.member.rejected[Cause.UNAUTHORISED] == 1, what="counted as unauthorised")
        await follower.saved()
        assert follower.statistics().delivery.spooled == 1
        store.broken = False
        await until(lambda: "kept" in store.values, within=60, what="the event after all")


async def test_a_death_that_somebody_replays_is_answered_with_a_birth(siege: Siege) -> None:
    transport: Any = siege.node._transport
    will = transport._will
    births = len(siege.gateway.store.births)
    await siege.attacker.says(will.topic, will.payload)
    await until(lambda: siege.gateway.store.deaths, what="the gateway takes it for dead")
    await until(lambda: len(siege.gateway.store.births) > births, what="it says that it lives")
    assert siege.gateway.store.births[-1].node_id == siege.node.identity.node_id
    await siege.nothing_new()


async def test_an_old_retained_birth_does_not_roll_a_node_back(siege: Siege) -> None:
    births = f"{siege.node.identity.node_id}/birth"
    await until(lambda: siege.attacker.on(births), what="the attacker has it")
    old = siege.attacker.on(births)[0]
    rebooted = siege.gateway.node("fridge")
    async with running(rebooted):
        await until(lambda: siege.gateway.store.births[-1].epoch == 2, what="the second boot")
        await siege.attacker.says(old.topic, old.payload, retain=True)
        await until(lambda: siege.rejected(Cause.STALE) >= 1, what="counted as stale")
    peer = siege.gateway.client.member.peers[siege.node.identity.kid]
    assert (peer.epoch, peer.nonce) == (2, rebooted.member.nonce)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"junk", b"\xd2\x84" + bytes(100), bytes(20_000)])
async def test_noise_is_dropped_and_counted(siege: Siege, payload: bytes) -> None:
    node = siege.node.identity.node_id
    for part in ("e/alert", "birth", "death", "enrol", "d/batch"):
        await siege.attacker.says(f"gl1/{siege.gateway.authority.mesh_id}/n/{node}/{part}", payload)
    await until(lambda: siege.rejected(Cause.MALFORMED) == 5, what="five counted as malformed")
    await siege.nothing_new()
