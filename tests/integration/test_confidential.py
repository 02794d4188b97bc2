# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidential topics on real brokers: who reads, who does not any more, and what the broker and the disk see."""

import stat
import time
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import RefusedError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.group import Handover, renew
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.member import Cause, Peer, Received
from ganglion.mesh.transport import Message
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from support.brokers import Broker
from support.mesh import Attacker, Gateway, enrolled, running
from support.waiting import until

SECRET = "the back door is open"
HALL = Confidential(group="hall")


class Hall:
    """A mesh with nodes whose events are for the group `hall`, a listener on the broker, and what each node heard."""

    def __init__(self, folder: Path, broker: Broker, *names: str) -> None:
        self.gateway = Gateway(folder, broker.url)
        self.nodes = {name: self.gateway.node(name, confidential=HALL, heartbeat=0.2) for name in names}
        self.listener = Attacker(broker.url, self.gateway.authority.mesh_id)
        self.heard: dict[str, list[Any]] = {}
        self.number = 0
        for name, node in self.nodes.items():
            self.listens(name, node)

    def listens(self, name: str, node: MeshClient) -> MeshClient:
        heard = self.heard.setdefault(name, [])

        def take(received: Received) -> None:
            heard.append(received.body["value"] if received.kind == gl1.EVENT else received.body)

        node.on_group = take
        return node

    def __getitem__(self, name: str) -> MeshClient:
        return self.nodes[name]

    def issue(self, *names: str) -> Handover:
        """A new key for these nodes."""
        ids = [self.nodes[name].identity.node_id for name in names]
        handover = renew("hall", ids, last=self.number, now=time.time_ns())
        self.number = handover.number
        self.gateway.client.desk.keys.issue(handover)
        return handover

    async def have(self, *names: str) -> None:
        """Returns when these have the newest key, and know one another."""
        for name in names:
            node = self.nodes[name]
            await until(lambda node=node: number(node) == self.number, what=f"{name} has the key {self.number}")
            kids = {self.nodes[other].identity.kid for other in names} - {node.identity.kid}
            await until(lambda node=node, kids=kids: kids <= node.member.peers.keys(), what=f"{name} knows the others")


def number(node: MeshClient) -> int:
    return int(node.statistics().confidential["keys"].get("hall", 0))


def alert(node: MeshClient, value: Any) -> str:
    return node.publish_event("alert", {"topic": "alert/door", "value": value})


async def test_the_members_and_the_gateway_read_and_nobody_else_does(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door", "lamp")
    other = hall.listens("other", hall.gateway.node("other", heartbeat=0.2))
    async with hall.listener.running(), running(hall.gateway.client, other, *hall.nodes.values()):
        await enrolled(other, *hall.nodes.values())
        hall.issue("door", "lamp")
        await hall.have("door", "lamp")
        alert(hall["door"], SECRET)
        hall["door"].publish_reading("door/open", SECRET, 1)
        await until(lambda: SECRET in hall.gateway.store.values, what="the alert at the gateway")
        await until(lambda: len(hall.heard["lamp"]) == 2, what="both at the other member")
        assert SECRET in hall.heard["lamp"]
        assert [["door/open", 1, SECRET]] in hall.heard["lamp"]
        await until(lambda: hall.gateway.store.readings, what="the reading at the gateway")
        await until(lambda: not hall["door"].statistics().delivery.spooled, what="the acknowledgement")

        def captured() -> list[Message]:
            return [message for message in hall.listener.heard if "/g/hall/" in message.topic]

        await until(lambda: len(captured()) == 2, what="the listener has heard both")
        sealed = captured()
        assert [gl1.unpack(cose.parse(each.payload).payload).kind for each in sealed] in ([4, 14], [14, 4])
        # Somebody of the mesh who is not in the group: the signature holds, and nothing can be read.
        for birth in hall.listener.on("/birth"):
            other.member.open(birth.topic, birth.payload, now=time.time_ns())
        for message in sealed:
            assert other.member.open(message.topic, message.payload, now=time.time_ns()) is None
        assert other.member.rejected[Cause.UNREADABLE] == 2
    assert hall.heard["other"] == []
    assert not any(SECRET.encode() in message.payload for message in hall.listener.heard)


async def test_who_is_removed_reads_no_more_and_the_others_do(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door", "lamp", "gone")
    gone = hall["gone"]
    async with hall.listener.running(), running(hall.gateway.client, *hall.nodes.values()):
        await enrolled(*hall.nodes.values())
        first = hall.issue("door", "lamp", "gone")
        await hall.have("door", "lamp", "gone")
        alert(hall["door"], "before")
        await until(lambda: hall.heard["lamp"] == hall.heard["gone"] == ["before"], what="all three read")
        hall.issue("door", "lamp")
        await hall.have("door", "lamp")
        given = len(hall.listener.on(f"{gone.identity.node_id}/key"))
        alert(hall["door"], SECRET)
        await until(lambda: SECRET in hall.heard["lamp"], what="who stays reads")
        await until(lambda: gone.member.rejected[Cause.UNREADABLE] == 1, what="who was removed cannot")
        assert hall.heard["gone"] == ["before"]
        # It says something under the key that it kept: the gateway keeps that, the others do not believe it
        alert(gone, "I am still here")
        await until(lambda: "I am still here" in hall.gateway.store.values, what="the gateway has what must arrive")
        await until(lambda: hall["lamp"].member.rejected[Cause.UNAUTHORISED] == 1, what="the members refuse it")
        assert hall.heard["lamp"] == ["before", SECRET]
        assert len(hall.listener.on(f"{gone.identity.node_id}/key")) == given
        assert number(gone) == first.number


async def test_what_waits_for_a_key_is_sealed_on_the_disk_and_arrives(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door")
    door = hall["door"]
    async with hall.listener.running(), running(hall.gateway.client):
        async with running(door):
            await enrolled(door)
            assert alert(door, f"{SECRET} 1") == ""
            await door.saved()
            door.publish_reading("door/open", SECRET, 1)
            await until(lambda: door.statistics().readings_dropped == 1, what="a reading without a key is dropped")
        assert door.statistics().confidential == {"group": "hall", "keys": {}, "held": 1, "lost": 0}
        kept = [path for path in (tmp_path / "door").rglob("*") if path.is_file()]
        assert not any(SECRET.encode() in path.read_bytes() for path in kept)
        # After a restart it still waits, and is sent when there is a key
        stored: list[str] = []
        again = hall.nodes["door"] = hall.gateway.node("door", confidential=HALL, heartbeat=0.2)
        again.on_stored = stored.append
        async with running(again):
            await enrolled(again)
            alert(again, f"{SECRET} 2")
            hall.issue("door")
            await until(lambda: len(hall.gateway.store.values) == 2, what="both at the gateway")
            assert hall.gateway.store.values == [f"{SECRET} 1", f"{SECRET} 2"]
            await until(lambda: len(stored) == 2, what="both acknowledged")
            await until(lambda: not again.statistics().confidential["held"], what="nothing waits")
    assert not any(SECRET.encode() in message.payload for message in hall.listener.heard)


async def test_a_restart_needs_no_gateway_and_an_outage_no_key_in_the_clear(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door", "lamp")
    async with running(hall.gateway.client, *hall.nodes.values()):
        await enrolled(*hall.nodes.values())
        hall.issue("door", "lamp")
        await hall.have("door", "lamp")
        await until(
            lambda: not hall.gateway.client.desk.keys.waits("hall", hall["door"].identity.node_id), what="it is kept"
        )
    [file] = (tmp_path / "door" / "groups").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for name in ("door", "lamp"):
        hall.nodes[name] = hall.listens(name, hall.gateway.node(name, confidential=HALL, heartbeat=0.2))
    door = hall["door"]
    assert number(door) == hall.number
    async with running(*hall.nodes.values()):  # no gateway: the members have one another
        await hall.have("door", "lamp")
        alert(door, SECRET)
        await until(lambda: hall.heard["lamp"] == [SECRET], what="the other member reads")
        await door.saved()
        assert door.statistics().delivery.spooled == 1
    kept = [path for path in (tmp_path / "door").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)


async def test_an_event_whose_key_the_gateway_lacks_waits_for_it(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door")
    door = hall["door"]
    async with running(hall.gateway.client, door):
        await enrolled(door)
        early = renew("hall", [door.identity.node_id], last=0, now=time.time_ns())
        door.member.groups.take(early)
        alert(door, SECRET)
        rejected = hall.gateway.client.member.rejected
        await until(lambda: rejected[Cause.UNREADABLE], what="the gateway cannot read it")
        assert door.statistics().delivery.spooled == 1
        assert hall.gateway.store.values == []
        hall.gateway.client.member.groups.take(early)
        await until(lambda: hall.gateway.store.values == [SECRET], what="it comes again", within=60)
        await until(lambda: not door.statistics().delivery.spooled, what="the acknowledgement")


async def test_who_was_away_gets_the_key_when_it_is_back_and_once(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door", "lamp")
    async with hall.listener.running(), running(hall.gateway.client):
        async with running(*hall.nodes.values()):
            await enrolled(*hall.nodes.values())
            hall.issue("door", "lamp")
            await hall.have("door", "lamp")
        hall.issue("door", "lamp")
        assert hall.gateway.client.desk.keys.waits("hall", hall["door"].identity.node_id)
        hall.nodes["door"] = hall.gateway.node("door", confidential=HALL, heartbeat=0.2)
        async with running(hall["door"]):
            await until(lambda: number(hall["door"]) == hall.number, what="the new key")
            waits = hall.gateway.client.desk.keys.waits
            await until(lambda: not waits("hall", hall["door"].identity.node_id), what="it said so")
            assert waits("hall", hall["lamp"].identity.node_id)


async def test_commands_and_answers_of_members_are_sealed_for_one_another(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door")
    door = hall["door"]

    async def unlock(params: dict[str, Any], peer: Peer) -> Any:
        return {"said": params["code"] + "!"}

    door.on_request("unlock", unlock)
    async with hall.listener.running(), running(hall.gateway.client, door):
        await enrolled(door)
        hall.issue("door")
        await hall.have("door")
        answer = await hall.gateway.client.request("unlock", {"code": SECRET}, to="door", timeout=60)
        assert answer == {"said": SECRET + "!"}
        asked = [gl1.unpack(cose.parse(each.payload).payload) for each in hall.listener.on("/q")]
        assert all(type(msg.body) is cbor.Tag for msg in asked)
        # To one who can be given no secret it says nothing, rather than in the clear
        gateway = door.member.gateway
        assert gateway is not None
        object.__setattr__(gateway.credential, "x25519", b"")
        with pytest.raises(RefusedError, match="can be told no secret"):
            await door.request("prompt", {"text": SECRET}, timeout=60)
    assert not any(SECRET.encode() in message.payload for message in hall.listener.heard)


async def test_another_key_of_the_node_is_another_key_for_secrets(broker: Broker, tmp_path: Path) -> None:
    hall = Hall(tmp_path, broker, "door")
    door = hall["door"]
    async with running(hall.gateway.client, door):
        await enrolled(door)
        before = door.identity.x25519
        await hall.gateway.client.request("identity.rotate", {}, to="door", timeout=60)
        await until(lambda: door.identity.x25519 != before, what="the new key")
        assert door.credential is not None
        assert door.credential.x25519 == door.identity.x25519
        hall.issue("door")
        await hall.have("door")


async def test_a_node_of_before_gets_a_key_for_secrets_at_its_next_start(broker: Broker, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, broker.url)
    node = gateway.node("door", confidential=HALL, heartbeat=0.2)
    folder = tmp_path / "door"
    async with running(gateway.client, node):
        await enrolled(node)
    # As it was before there were two keys
    key = cbor.decode((folder / "identity").read_bytes())
    (folder / "identity").write_bytes(cbor.encode({label: key[label] for label in key if label != "x25519"}))
    old = gateway.authority.issue(
        node.identity.public, name="door", roles=["node"], now=time.time_ns(), lifetime=3600 * SECOND
    )
    (folder / "credential.cwt").write_bytes(old)
    again = gateway.node("door", confidential=HALL, heartbeat=0.2)
    assert again.identity.node_id == node.identity.node_id
    assert again.credential is not None
    assert again.credential.x25519 == b""
    async with running(gateway.start(), again):
        await until(
            lambda: again.credential is not None and again.credential.x25519 == again.identity.x25519,
            what="the renewal",
        )
        gateway.client.desk.keys.issue(renew("hall", [again.identity.node_id], last=0, now=time.time_ns()))
        await until(lambda: number(again), what="the key of the group")
