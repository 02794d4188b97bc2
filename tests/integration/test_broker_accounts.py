# SPDX-License-Identifier: GPL-3.0-or-later
"""tools.admission on real brokers: an account does what the mesh needs of it, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.member import Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_micro import gl1
from ganglion_tools.admission.book import Member
from support.admission import Admission, admitted
from support.mesh import enrolled, running
from support.transports import Counted, Inbox
from support.transports import running as connected
from support.waiting import until

KINDS = ("nats", "mosquitto")


@pytest.fixture(params=KINDS)
async def admission(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Admission]:
    """A mesh whose broker knows the nodes `fridge` and `room`."""
    async with admitted(request.param, tmp_path, "fridge", "room") as admission:
        yield admission


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mesh_lives_on_accounts_of_its_own(kind: str, tmp_path: Path) -> None:
    """What the core of the mesh's tests asks for, with TLS, from joining to a death by the will."""
    async with admitted(kind, tmp_path, "fridge", "room", tls=True) as admission:
        gateway = admission.gateway
        fridge, room = gateway.node("fridge", heartbeat=0, follow=["+"]), gateway.node("room", follow=["+"])

        async def led(params: dict[str, Any], peer: Peer) -> Any:
            return [peer.name, params["on"]]

        async def think(params: dict[str, Any], peer: Peer) -> Any:
            return peer.name

        fridge.on_request("led", led, roles=["gateway", "node"])
        gateway.client.on_request("think", think)
        async with running(gateway.client):
            async with running(room):
                task = asyncio.create_task(fridge.run())
                await enrolled(fridge, room)
                stored: list[str] = []
                fridge.on_stored = stored.append
                event = fridge.publish_event("alert", {"value": 8.5})
                await until(lambda: stored == [event], what="the event stored and acknowledged")
                fridge.publish_reading("fridge/temperature", 4.5, 1)
                await until(lambda: gateway.store.readings, what="the reading")
                assert await gateway.client.request("led", {"on": True}, to="fridge", timeout=60) == ["gateway", True]
                assert await fridge.request("think", {}, timeout=60) == "fridge"
                assert await room.request("led", {"on": False}, to="fridge", timeout=60) == ["room", False]
                transport: Any = fridge._transport
                transport._client._transport.abort()
                dead = fridge.identity.node_id
                await until(lambda: [death.node_id for death in gateway.store.deaths] == [dead], what="the will")
                await until(lambda: gateway.store.births[-1].node_id == dead, what="the birth after it")
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            again = gateway.node("fridge")
            async with running(again):
                await until(lambda: gateway.store.births[-1].epoch == again.member.epoch, what="the second boot")
        for client in (fridge, room, gateway.client):
            statistics = client._transport.statistics()
            assert (statistics.refused, statistics.overflowed) == (0, 0), "nothing that the mesh asks for is refused"


async def test_a_node_cannot_speak_as_another_nor_for_the_authority(admission: Admission) -> None:
    mesh = admission.book.mesh
    other, own = admission.identity("fridge").node_id, admission.identity("room").node_id
    witness = MqttTransport(admission.url("gateway"), backoff=Counted())
    thief = MqttTransport(admission.url_of("room"), backoff=Counted())
    thief.set_will(f"gl1/{mesh}/n/{other}/death", b"forged", qos=1)
    inbox = Inbox(witness)
    witness.subscribe(f"gl1/{mesh}/#", 1)
    async with connected(witness):
        await until(lambda: witness.connected, what="the witness connected")
        witness.publish(gl1.bundle_topic(mesh), b"true", qos=1, retain=True)
        await until(lambda: inbox.messages, what="the witness hears")
        task = asyncio.create_task(thief.run())
        await until(lambda: thief.connected, what="the thief connected")
        parts = ("e/alert", "d/batch", "birth", "death", "enrol", "credential", "s")
        for topic in [f"gl1/{mesh}/n/{other}/{part}" for part in parts]:
            thief.publish(topic, b"forged", qos=1, retain=True)
        for topic in (gl1.bundle_topic(mesh), gl1.gateway_topic(mesh, own), f"gl1/{mesh}/c/revoked", "other", "$SYS/x"):
            thief.publish(topic, b"forged", qos=1, retain=True)
        for topic in (f"gl1/{mesh}/n/{own}/e/alert", f"gl1/{mesh}/n/{other}/q", f"gl1/{mesh}/l/{other}"):
            thief.publish(topic, b"honest", qos=1)
        await until(lambda: inbox.payloads.count(b"honest") >= 3, what="what it may say")
        client: Any = thief._client
        client._transport.abort()  # and its will in another's name
        await until(lambda: thief.statistics().connections == 2, what="connected again")
        thief.publish(f"gl1/{mesh}/n/{own}/e/alert", b"marker", qos=1)
        await until(lambda: b"marker" in inbox.payloads, what="the marker behind all of it")
        newcomer = MqttTransport(admission.url_of("fridge"), backoff=Counted())
        kept = Inbox(newcomer)
        newcomer.subscribe(f"gl1/{mesh}/c/#", 1)
        async with connected(newcomer):
            await until(lambda: kept.messages, what="what is retained")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert b"forged" not in inbox.payloads
    assert set(kept.payloads) == {b"true"}


@pytest.mark.parametrize("who", ["room", "enrol"])
async def test_nobody_listens_to_everything_or_reads_anothers_inbox(admission: Admission, who: str) -> None:
    mesh = admission.book.mesh
    other, own = admission.identity("fridge").node_id, admission.identity("room").node_id
    spy = MqttTransport(admission.url(own if who == "room" else "enrol"), backoff=Counted())
    heard = Inbox(spy)
    own_inbox = f"gl1/{mesh}/n/{own}/{'q' if who == 'room' else 'credential'}"
    greedy = ["#", "+/#", "gl1/#", f"gl1/{mesh}/#", f"gl1/{mesh}/n/+/q", f"gl1/{mesh}/n/{other}/r", "$SYS/#"]
    for filter in [*greedy, f"gl1/{mesh}/n/+/e/+", f"gl1/{mesh}/l/{other}", f"gl1/{mesh}/c/key/+", own_inbox]:
        spy.subscribe(filter, 1)
    speaker = MqttTransport(admission.url("gateway"), backoff=Counted())
    reader = MqttTransport(admission.url_of("fridge"), backoff=Counted())
    read = Inbox(reader)
    reader.subscribe(f"gl1/{mesh}/n/{other}/q", 1)
    async with connected(spy, speaker, reader):
        await until(lambda: spy.connected and speaker.connected and reader.connected, what="all connected")
        secret = [f"gl1/{mesh}/n/{other}/{part}" for part in ("r", "e/alert", "d/batch", "q")]
        while not (read.messages and any(message.payload == b"for it" for message in heard.messages)):
            for topic in [*secret, f"gl1/{mesh}/l/{other}"]:
                speaker.publish(topic, b"secret", qos=1)
            speaker.publish(own_inbox, b"for it", qos=1)
            await asyncio.sleep(0.02)
    assert {message.topic for message in heard.messages} == {own_inbox}
    assert set(read.payloads) == {b"secret"}


async def test_a_node_joins_by_the_enrol_account_and_is_told_apart_from_then_on(admission: Admission) -> None:
    gateway = admission.gateway
    async with running(gateway.client):
        async with running(node := gateway.node("new", user="enrol")):
            await enrolled(node)
            assert not gateway.store.births, "it may not be born before it has an account"
            event = node.publish_event("alert", {"value": 1})
            await node.saved()
        change = admission.update("fridge", "room", "new")
        assert list(change.passwords) == [node.identity.node_id]
        async with running(node := gateway.node("new")):
            await until(lambda: gateway.store.values == [1], what=f"the event {event} from before")
            await until(lambda: [birth.node_id for birth in gateway.store.births] == [node.identity.node_id])


async def test_a_node_goes_on_under_another_key_once_the_broker_knows_of_it(admission: Admission) -> None:
    gateway = admission.gateway
    fridge = gateway.node("fridge")
    before = fridge.identity.node_id
    async with running(gateway.client, fridge):
        await until(lambda: gateway.store.births, what="the birth under the first key")
        new = (await gateway.client.request("identity.rotate", {}, to="fridge", timeout=60))["node"]
        await until(lambda: gateway.reissued == [(before, new)], what="the gateway tells who will be born")
        change = admission.update("room", others=[Member(id=before, name="fridge", next=(new,))])
        assert not change.passwords
        assert not change.removed
        await until(lambda: gateway.store.births[-1].node_id == new, within=60, what="the birth under the second")
        fridge.publish_event("alert", {"value": 1})
        await until(lambda: gateway.store.values == [1], within=60, what="an event under the second")


async def test_an_update_ends_the_connections_of_who_is_gone_and_no_others(admission: Admission) -> None:
    stays = [MqttTransport(admission.url(user), backoff=Counted()) for user in ("gateway", "enrol")]
    stays.append(MqttTransport(admission.url_of("room"), backoff=Counted()))
    account = (admission.folder.path / "accounts" / admission.identity("fridge").node_id).read_text()
    copy = admission.folder.path.parent / "carried"
    copy.write_text(account)
    goes = MqttTransport(f"{admission.broker.url}?account={copy}", backoff=Counted())
    async with connected(*stays, goes):
        await until(lambda: all(each.connected for each in (*stays, goes)), what="all connected")
        change = admission.update("room", "new")
        assert [gone.name for gone in change.removed] == ["fridge"]
        await until(lambda: not goes.connected, what="the one that is gone is cut off")
        newcomer = MqttTransport(admission.url_of("new"), backoff=Counted())
        async with connected(newcomer):
            await until(lambda: newcomer.connected, what="the new one is let in")
            assert not goes.connected
        assert [each.statistics().connections for each in stays] == [1, 1, 1]
        assert not (admission.folder.path / "accounts" / admission.identity("fridge").node_id).exists()
        await admission.broker.kill()
        await admission.broker.start()
        await until(lambda: all(each.connected for each in stays), what="all of them after a crash of the broker")


async def test_what_is_too_large_or_has_no_name_is_kept_out(
    admission: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    mesh, own = admission.book.mesh, admission.identity("room").node_id
    witness = MqttTransport(admission.url("gateway"), backoff=Counted())
    inbox = Inbox(witness)
    witness.subscribe(f"gl1/{mesh}/#", 1)
    anonymous = MqttTransport(admission.broker.url, backoff=Counted())
    giant = MqttTransport(admission.url_of("room"), backoff=Counted())
    async with connected(witness, anonymous, giant):
        await until(lambda: witness.connected and giant.connected, what="connected")
        witness.publish(f"gl1/{mesh}/ready", b"", qos=1)
        await until(lambda: inbox.messages, what="the witness hears")
        inbox.messages.clear()
        giant.publish(f"gl1/{mesh}/n/{own}/d/batch", bytes(64 * 1024), qos=0)
        await until(lambda: inbox.messages, what="as large as an envelope may be")
        giant.publish(f"gl1/{mesh}/n/{own}/d/batch", bytes(200 * 1024), qos=0)
        await until(lambda: giant.statistics().connections == 2, what="hung up on and come back")
        await until(lambda: "return code" in caplog.text, what="nobody without a name")
        assert not anonymous.connected
    assert [len(payload) for payload in inbox.payloads] == [64 * 1024]
