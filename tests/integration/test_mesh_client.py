# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.client: a gateway and nodes on real brokers, from the enrol key to the acknowledged event."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import InvalidError, LocalProtocolError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.enrol import EnrolKey, EnrolRecord
from ganglion.mesh.member import Cause, Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.progress import Progress, report
from ganglion.units import SECOND
from support.brokers import Broker, on_every_broker
from support.mesh import Gateway, enrolled, running
from support.waiting import until


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Gateway:
    return Gateway(tmp_path, broker.url)


@on_every_broker
async def test_a_node_enrols_by_key_and_its_event_is_stored_and_acknowledged(gateway: Gateway) -> None:
    node = gateway.node("fridge", birth=lambda: {"board": "linux", "sw": "1.0"})
    stored: list[str] = []
    node.on_stored = stored.append
    async with running(gateway.client, node):
        await enrolled(node)
        event = node.publish_event("alert", {"topic": "alert/fridge", "value": 8.5})
        await until(lambda: stored == [event], what="the acknowledgement")
        assert gateway.store.values == [8.5]
        birth = gateway.store.births[0]
        assert (birth.body["name"], birth.body["board"], birth.peer and birth.peer.name) == (
            "fridge",
            "linux",
            "fridge",
        )
        statistics = node.statistics()
        assert (statistics.connected, statistics.delivery.spooled, statistics.delivery.acknowledged) == (True, 0, 1)
        assert not set(statistics.rejected) - {Cause.REPLAYED}, "NATS may deliver twice at QoS 1"


@on_every_broker
async def test_readings_are_gathered_into_one_signed_frame(gateway: Gateway) -> None:
    node = gateway.node("fridge", heartbeat=0)
    async with running(gateway.client, node):
        await enrolled(node)
        await until(lambda: gateway.store.births, what="the birth")
        for i in range(10):
            node.publish_reading("fridge/temperature", 20 + i / 2, 1000 + i)
        await until(lambda: len(gateway.store.readings) == 10, what="ten readings")
        assert gateway.store.readings == [["fridge/temperature", 1000 + i, 20 + i / 2] for i in range(10)]
        assert node.statistics().frames == 1


async def test_readings_before_there_is_a_broker_are_dropped_and_counted(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    node.publish_reading("x", 1, 1)
    node.flush()
    assert node.statistics().readings_dropped == 1
    with pytest.raises(InvalidError, match="x: the reading cannot be sent"):
        node.publish_reading("x", object(), 1)


async def test_the_gateway_hears_a_heartbeat(gateway: Gateway) -> None:
    node = gateway.node("fridge", heartbeat=0.05)
    async with running(gateway.client, node):
        await enrolled(node)
        await until(lambda: len(gateway.store.frames) >= 3, what="three heartbeats")
        assert {reading[0] for frame in gateway.store.frames for reading in frame.body} == {"system/uptime"}


@on_every_broker
async def test_a_restarted_node_needs_no_key_and_has_the_next_epoch(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client):
        async with running(node):
            await enrolled(node)
            await until(lambda: len(gateway.store.births) == 1, what="the first birth")
        await until(lambda: len(gateway.store.deaths) == 1, what="the goodbye")
        again = gateway.node("fridge")
        assert again.credential is not None
        async with running(again):
            await until(lambda: len(gateway.store.births) == 2, what="the second birth")
    assert [(birth.node_id, birth.epoch) for birth in gateway.store.births] == [
        (node.identity.node_id, 1),
        (node.identity.node_id, 2),
    ]


@on_every_broker
async def test_a_node_that_vanishes_dies_by_its_will(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client):
        task = asyncio.create_task(node.run())
        await until(lambda: gateway.store.births, what="the birth")
        transport: Any = node._transport
        transport._client._transport.abort()  # the cable is cut; what follows is a reconnect
        await until(lambda: gateway.store.deaths, what="the will")
        assert gateway.store.deaths[0].node_id == node.identity.node_id
        await until(lambda: len(gateway.store.births) > 1, what="the birth after it")
        assert gateway.store.births[-1].epoch == gateway.store.deaths[0].epoch
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# Enrolment


@pytest.mark.parametrize("why", ["unknown", "was revoked", "has expired", "is used up"])
async def test_a_refused_enrolment_is_said_with_the_remedy_and_tried_again(
    gateway: Gateway, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = gateway.keys
    match why:
        case "unknown":
            key = EnrolKey.create(gateway.authority)
        case "was revoked":
            key = keys.create()
            keys.revoke(key)
        case "has expired":
            key = keys.create(expires=1)
        case _:
            key = keys.create(uses=0)
    node = gateway.node("fridge", key=key)
    async with running(gateway.client, node):
        await until(lambda: node.statistics().refusal, what="the refusal")
        assert why in node.statistics().refusal
        assert f"refuses this node: the enrol key {key.key_id.hex()}" in caplog.text
        assert "ganglion enrol-key create" in caplog.text
        assert key.text not in caplog.text
        assert not node.statistics().enrolled
        keys.records[key.key_id] = EnrolRecord(key_id=key.key_id, mac_key=key.mac_key, expires=2**62)
        keys.uses[key.key_id] = 1
        await until(lambda: node.statistics().enrolled, within=60, what="enrolled after all")
        assert node.statistics().refusal == ""


async def test_one_use_enrols_one_of_two_nodes(gateway: Gateway) -> None:
    key = gateway.keys.create(uses=1)
    nodes = [gateway.node(name, key=key) for name in ("a", "b")]
    async with running(gateway.client, *nodes):
        await until(lambda: sum(node.statistics().enrolled for node in nodes) == 1, what="one enrolled")
        await until(lambda: sum(bool(node.statistics().refusal) for node in nodes) == 1, what="one refused")
    assert gateway.keys.uses[key.key_id] == 0


async def test_a_node_waits_for_a_gateway_that_comes_later(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    async with running(node):
        await until(lambda: node.statistics().connected, what="connected")
        event = node.publish_event("alert", {"value": 1})
        async with running(gateway.client):
            await enrolled(node)
            await until(lambda: gateway.store.values == [1], what="the event from before")
    assert event.startswith(node.identity.node_id)


async def test_a_node_of_another_mesh_does_not_join_this_one(gateway: Gateway, tmp_path: Path, broker: Broker) -> None:
    other = Gateway(tmp_path / "other", broker.url)
    node = gateway.node("fridge", key=other.keys.create())
    here = gateway.node("room")
    async with running(gateway.client, node, here):
        await enrolled(here)
        assert not node.statistics().enrolled
        assert node.mesh == other.authority.mesh_id


def test_a_node_without_key_or_credential_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"mesh.enrol_key: .*ganglion enrol-key create"):
        MeshClient(transport=MqttTransport("mqtt://127.0.0.1:1"), state=tmp_path, name="x")


async def test_a_state_of_another_mesh_is_named(gateway: Gateway, tmp_path: Path, broker: Broker) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
    other = Gateway(tmp_path / "other", broker.url)
    with pytest.raises(InvalidError, match="use another state folder"):
        gateway.node("fridge", key=other.keys.create())
    with pytest.raises(InvalidError, match="another"):
        gateway.node("fridge", mesh=other.authority.mesh_id)


async def test_a_credential_is_renewed_at_two_thirds_of_its_time(tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url, lifetime=3 * SECOND)
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
        first = node.credential
        assert first is not None
        await until(lambda: node.credential is not first, what="the next credential")
        second = node.credential
        assert second is not None
        assert (second.name, second.public) == (first.name, first.public)
        assert second.expires > first.expires
        known = gateway.client.member.peers[node.identity.kid]
        await until(lambda: known.credential.data == second.data, what="the gateway has heard of it")
        assert node.statistics().enrolled


# Requests


@on_every_broker
async def test_the_gateway_asks_a_node_and_a_node_the_gateway(gateway: Gateway) -> None:
    node = gateway.node("fridge")

    async def led(params: dict[str, Any], peer: Peer) -> Any:
        return {"was": params["on"], "by": peer.is_gateway}

    async def think(params: dict[str, Any], peer: Peer) -> Any:
        return [peer.name, params]

    node.on_request("led", led)
    gateway.client.on_request("think", think)
    async with running(gateway.client, node):
        await enrolled(node)
        asked = await gateway.client.request("led", {"on": True}, to="fridge", timeout=60)
        assert asked == {"was": True, "by": True}
        assert await gateway.client.request("led", {"on": 1}, to=node.identity.node_id, timeout=60)
        assert await node.request("think", {"a": 1}, timeout=60) == ["fridge", {"a": 1}]


async def test_errors_come_back_as_what_they_are(gateway: Gateway) -> None:
    node = gateway.node("fridge")

    async def no(params: dict[str, Any], peer: Peer) -> Any:
        raise RefusedError("the limit is 30 s")

    async def broken(params: dict[str, Any], peer: Peer) -> Any:
        raise KeyError("x")

    async def unsendable(params: dict[str, Any], peer: Peer) -> Any:
        return object()

    for name, handler in (("no", no), ("broken", broken), ("unsendable", unsendable)):
        node.on_request(name, handler)
    async with running(gateway.client, node):
        await enrolled(node)
        ask = gateway.client.request
        with pytest.raises(RefusedError, match="fridge: the limit is 30 s"):
            await ask("no", {}, to="fridge", timeout=60)
        with pytest.raises(
            NotFoundError,
            match=r"no method 'dance'; known are broken, identity\.rotate, mesh\.peers, ",
        ):
            await ask("dance", {}, to="fridge", timeout=60)
        with pytest.raises(Exception, match="'broken' failed; the log of"):
            await ask("broken", {}, to="fridge", timeout=60)
        with pytest.raises(Exception, match="cannot be sent"):
            await ask("unsendable", {}, to="fridge", timeout=60)
        with pytest.raises(
            UnreachableError, match=r"nobody does not answer 'no' within 0.2 s: it has not been heard of"
        ):
            await ask("no", {}, to="nobody", timeout=0.2)
        assert node.statistics().requests_failed == 1


async def test_a_node_obeys_gateways_alone_unless_it_says_otherwise(gateway: Gateway) -> None:
    fridge, room = gateway.node("fridge", follow=["+"]), gateway.node("room", follow=["+"])

    async def answer(params: dict[str, Any], peer: Peer) -> Any:
        return peer.name

    fridge.on_request("command", answer)
    fridge.on_request("hello", answer, roles=["node"])
    async with running(gateway.client, fridge, room):
        await enrolled(fridge, room)
        assert await room.request("hello", {}, to="fridge", timeout=60) == "room"
        with pytest.raises(RefusedError, match="'command' is refused to room: no rule lets it call command"):
            await room.request("command", {}, to="fridge", timeout=60)


async def test_a_request_is_served_once_however_often_it_is_sent(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    served: list[int] = []
    go = asyncio.Event()

    async def slow(params: dict[str, Any], peer: Peer) -> Any:
        served.append(params["n"])
        await go.wait()
        return len(served)

    node.on_request("slow", slow)
    async with running(gateway.client, node):
        await enrolled(node)
        task = asyncio.create_task(gateway.client.request("slow", {"n": 1}, to="fridge", timeout=60))
        await until(lambda: served, what="it is being served")
        for _ in range(3):
            gateway.client._calls.changed()  # as after a reconnect: sent again, under the same id
            await asyncio.sleep(0)
        heard = node.member.peers[gateway.client.identity.kid]._strict.window
        await until(lambda: heard.bits.bit_count() >= 3, what="the copies arrived")
        go.set()
        assert await task == 1
        assert served == [1]


async def test_a_request_to_a_restarted_node_is_asked_again_with_the_new_nonce(gateway: Gateway) -> None:
    node = gateway.node("fridge")

    async def ping(params: dict[str, Any], peer: Peer) -> Any:
        return "pong"

    node.on_request("ping", ping)
    async with running(gateway.client, node):
        await enrolled(node)
        await until(lambda: gateway.client.member.find("fridge"), what="known")
        peer = gateway.client.member.find("fridge")
        assert peer is not None
        peer.nonce = bytes(8)  # what the gateway would hold if the birth of the new boot had not come yet
        assert await gateway.client.request("ping", {}, to="fridge", timeout=60) == "pong"
        assert node.statistics().rejected[Cause.STALE] == 1
        assert peer.nonce == node.member.nonce


async def test_a_request_has_a_deadline_on_the_other_side_too(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    ended = asyncio.Event()

    async def forever(params: dict[str, Any], peer: Peer) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    node.on_request("forever", forever)
    async with running(gateway.client, node):
        await enrolled(node)
        with pytest.raises(UnreachableError):
            await gateway.client.request("forever", {}, to="fridge", timeout=1.0)
        await asyncio.wait_for(ended.wait(), 60)


async def test_progress_comes_before_the_answer(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    heard: list[Progress] = []
    go = asyncio.Event()

    async def work(params: dict[str, Any], peer: Peer) -> Any:
        report(1, total=2, text="half of it")
        await go.wait()
        return "done"

    node.on_request("work", work)
    async with running(gateway.client, node):
        await enrolled(node)
        call = asyncio.create_task(
            gateway.client.request("work", {}, to="fridge", timeout=20, on_progress=heard.append)
        )
        await until(lambda: heard, what="the progress")
        assert heard == [Progress(1, 2, "half of it")]
        go.set()
        assert await call == "done"


async def test_a_call_that_is_cancelled_is_ended_on_the_other_side(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    begun, ended = asyncio.Event(), asyncio.Event()

    async def forever(params: dict[str, Any], peer: Peer) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    node.on_request("forever", forever)
    async with running(gateway.client, node):
        await enrolled(node)
        call = asyncio.create_task(gateway.client.request("forever", {}, to="fridge", timeout=60))
        await asyncio.wait_for(begun.wait(), 60)
        call.cancel()
        await asyncio.wait_for(ended.wait(), 60)
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_command_that_a_restart_may_have_cut_off_is_not_done_again(gateway: Gateway) -> None:
    done: list[int] = []

    async def dose(params: dict[str, Any], peer: Peer) -> Any:
        done.append(params["ml"])
        await asyncio.Event().wait()

    first = gateway.node("pump")
    first.on_request("dose", dose)
    async with running(gateway.client):
        life = asyncio.create_task(first.run())
        await enrolled(first)
        call = asyncio.create_task(gateway.client.request("dose", {"ml": 5}, to="pump", timeout=60))
        await until(lambda: done, what="the dose is given")
        transport: Any = first._transport
        transport._client._transport.abort()
        first._methods._publish = lambda sealed: None  # what is killed says nothing
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        again = gateway.node("pump")
        again.on_request("dose", dose)
        async with running(again):
            with pytest.raises(
                UnreachableError, match="pump has restarted since it was asked: whether 'dose' was done"
            ):
                await call
    assert done == [5]


async def test_a_gateway_publishes_no_events(gateway: Gateway) -> None:
    with pytest.raises(LocalProtocolError, match="stores its events itself"):
        gateway.client.publish_event("alert", {})


async def test_an_event_that_cannot_be_sent_is_refused_where_it_enters(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    for cls, body in (("a.b", {}), ("alert", {"value": object()}), ("alert", {"value": bytes(70000)})):
        with pytest.raises(InvalidError, match="the event cannot be sent"):
            node.publish_event(cls, body)
