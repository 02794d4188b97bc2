# SPDX-License-Identifier: GPL-3.0-or-later
"""Events from node to node through a real gateway: `publish` with `to`, to nodes that are there, away, or another."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import InvalidError, RefusedError
from ganglion.guardian import Actuators
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.node.ports import NodePorts
from ganglion.node.relayed import MAX_TOPICS, Relayed
from ganglion.sensors import Sensors
from ganglion.units import SECOND
from ganglion_gateway.fleet import Node
from ganglion_gateway.relay import reached
from ganglion_gateway.rows import Batch
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import events, relays
from ganglion_gateway.store.database import Database
from support.brokers import Broker
from support.gateway import Here, here, process
from support.mesh import NOW, enrolled, running
from support.node import node
from support.transports import Counted
from support.waiting import until, until_answered

CONFIG = """
[node]
name = "{name}"
scripts = ["{name}.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
"""
KITCHEN = """
version: "2.2"
dialect: edge/1
name: kitchen
triggers: [{id: up, start: true, run: main}]
protocols:
  - {name: main, steps: [{id: tell, action: publish, to: hall, topic: alert/heat, value: {celsius: 31}}]}
"""
HALL = """
version: "2.2"
dialect: edge/1
name: hall
triggers: [{id: heard, event: from/kitchen/alert/heat, run: main}]
protocols:
  - {name: main, steps: [{id: note, action: publish, topic: note/heard, value: "{event.source} {event.value.celsius}"}]}
"""


async def test_a_script_speaks_to_a_node_that_comes_later(broker: Broker, tmp_path: Path) -> None:
    async with process(tmp_path / "gateway", broker.url) as gateway:
        for name, script in (("kitchen", KITCHEN), ("hall", HALL)):
            (tmp_path / name).mkdir()
            (tmp_path / name / f"{name}.yaml").write_text(script)
            key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
            (tmp_path / name / "enrol.key").write_text(key)

        async def events(cls: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await gateway.http.get("/api/v1/events", params={"class": cls})).json()[
                "events"
            ]
            return found

        async def trace() -> str:
            command = [sys.executable, "-m", "ganglion", "trace", "--last"]
            environment = {**os.environ, "GANGLION_GATEWAY": gateway.url, "GANGLION_TOKEN": gateway.token}
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60
            )
            return done.stdout

        async with node(tmp_path / "kitchen", CONFIG.format(name="kitchen", broker=broker.url)) as kitchen:
            await kitchen.ready()
            await until_answered(lambda: events("alert"), what="the alert stored")
            assert "hall: waits for one node of that name or id to be there" in await trace()
            async with node(tmp_path / "hall", CONFIG.format(name="hall", broker=broker.url)) as hall:
                await hall.ready()
                await until_answered(lambda: events("note"), what="what the hall has heard")
                [note] = await events("note")
                [alert] = await events("alert")
                assert note["value"] == f"node:{alert['node']} 31"
                await until_answered(lambda: _contains(trace, "hall took it"), what="the trace")


async def _contains(text: Any, part: str) -> bool:
    return part in await text()


class Fleet:
    """A gateway, a node that speaks and nodes that hear."""

    def __init__(self, folder: Path, broker: str, here: Here) -> None:
        self._folder = folder
        self._broker = broker
        self.here = here
        self.heard: list[tuple[str, Any]] = []

    async def node(self, name: str, *, hears: bool = True, folder: str = "") -> MeshClient:
        state = self._folder / (folder or name)
        known = (state / "credential.cwt").exists()
        key = None if known else (await self.here.post("/enrol-keys", {}))["key"]
        transport = MqttTransport(self._broker, backoff=Counted())
        client = MeshClient(transport=transport, state=state, name=name, enrol_key=key, heartbeat=0.2)
        if hears:
            bus = Bus()
            bus.subscribe("#", lambda event: self.heard.append((event.topic, event.value)))
            client.on_request("bus.event", Relayed(bus, self.here.services.clock).take)
        return client

    async def there(self, name: str) -> None:
        fleet = self.here.services.fleet
        await until(lambda: any(each.name == name and each.online for each in fleet.nodes.values()), what=name)

    async def last(self) -> dict[str, Any]:
        """The line of the stage `node` in the trace of the last alert."""
        line: dict[str, Any] = (await self.here.get("/traces/last"))["lines"][-1]
        assert line["stage"] == "node"
        return line

    async def settled(self) -> dict[str, Any]:
        async def over() -> bool:
            return (await self.last())["status"] != "pending"

        await until(lambda: self.here.services.fleet.alerts, what="the alert")
        await until_answered(over)
        return await self.last()


def tell(client: MeshClient, value: Any, *, to: str = "hall", wait: Any = 60 * SECOND, topic: str = "alert/x") -> str:
    body = {"topic": topic, "value": value, "timestamp": 1, "source": "", "run": "", "to": to, "wait": wait}
    return client.publish_event("alert", body)


@asynccontextmanager
async def fleet(folder: Path, broker: Broker) -> AsyncIterator[Fleet]:
    async with here(folder / "state", broker.url) as started:
        await until(lambda: started.gateway.member.connected, what="the gateway connected")
        yield Fleet(folder, broker.url, started)


async def test_events_come_in_order_and_name_their_sender(broker: Broker, tmp_path: Path) -> None:
    async with fleet(tmp_path, broker) as at:
        kitchen, hall = await at.node("kitchen"), await at.node("hall")
        async with running(kitchen, hall):
            await enrolled(kitchen, hall)
            await at.there("hall")
            for i in range(100):
                tell(kitchen, i, to="hall" if i % 3 else hall.identity.node_id)
            await until(lambda: len(at.heard) == 100, what="all of them")
        assert at.heard == [("from/kitchen/alert/x", i) for i in range(100)]


async def test_a_name_that_is_no_level_of_a_topic_gives_way_to_the_id(broker: Broker, tmp_path: Path) -> None:
    async with fleet(tmp_path, broker) as at:
        sender, hall = await at.node("a/+ b", folder="odd"), await at.node("hall")
        async with running(sender, hall):
            await enrolled(sender, hall)
            tell(sender, 1)
            await until(lambda: at.heard, what="the event")
        assert at.heard == [(f"from/{sender.identity.node_id}/alert/x", 1)]


async def test_what_waited_goes_on_after_a_restart_of_the_gateway_and_of_the_node(
    broker: Broker, tmp_path: Path
) -> None:
    async with fleet(tmp_path, broker) as at:
        kitchen, hall = await at.node("kitchen"), await at.node("hall")
        async with running(hall):
            await enrolled(hall)
        async with running(kitchen):
            await enrolled(kitchen)
            stored: list[str] = []
            kitchen.on_stored = stored.append
            for i in range(3):
                tell(kitchen, i)
            await until(lambda: len(stored) == 3, what="the events stored")
    async with fleet(tmp_path, broker) as at:
        async with running(await at.node("hall")):
            await until(lambda: len(at.heard) == 3, what="the events")
        assert [value for _, value in at.heard] == [0, 1, 2]


async def test_what_no_node_takes_is_given_up_with_the_reason(broker: Broker, tmp_path: Path) -> None:
    async with fleet(tmp_path, broker) as at:
        kitchen, hall, deaf = await at.node("kitchen"), await at.node("hall"), await at.node("deaf", hears=False)
        async with running(kitchen, hall, deaf):
            await enrolled(kitchen, hall, deaf)
            tell(kitchen, 1, topic="alert/#")
            line = await at.settled()
            assert line["status"] == "failed"
            assert line["detail"].startswith("hall: given up: ")
            assert "'alert/#' is no topic of a bus" in line["detail"]

            async def becomes(detail: str) -> None:
                async def said() -> bool:
                    return (await at.last())["detail"] == detail

                await until_answered(said, what=detail)

            tell(kitchen, 2, to="deaf", wait=2 * SECOND)
            await becomes("deaf: its software takes no events of other nodes: update it")
            await becomes("deaf: given up: its software takes no events of other nodes: update it")
            tell(kitchen, 3, to="nobody", wait=1)
            await becomes("nobody: given up: its time was over")
            tell(kitchen, 4, to="nobody", wait="for ever")
            await becomes("nobody: waits for one node of that name or id to be there")
        assert at.heard == []


async def test_nobody_speaks_in_the_name_of_a_node(broker: Broker, tmp_path: Path) -> None:
    async with fleet(tmp_path, broker) as at:
        hall = await at.node("hall")
        async with running(hall):
            await enrolled(hall)
            await at.there("hall")
            body = {"method": "bus.event", "params": {"id": "x", "node": hall.identity.node_id, "topic": "a"}}
            answer = await at.here.http.post("/api/v1/nodes/hall/commands", json=body)
            assert (answer.status_code, at.heard) == (403, [])


def nodes(*known: tuple[str, str, bool]) -> list[Node]:
    return [Node(id=identity, name=name, online=online) for identity, name, online in known]


def test_of_two_with_one_name_neither_is_guessed() -> None:
    here, there = ("a", "hall", True), ("b", "hall", True)
    away = ("b", "hall", False)
    assert reached(["hall"], nodes(here), settled=False) == {"a": ["a", "hall"]}
    assert reached(["hall"], nodes(here, there), settled=True) == {}
    assert reached(["hall", "b"], nodes(here, there), settled=True) == {"b": ["b"]}
    assert reached(["hall"], nodes(here, away), settled=False) == {}
    assert reached(["hall", "a", "c"], nodes(here, away), settled=True) == {"a": ["a", "hall"]}
    assert reached(["b"], nodes(here, away), settled=True) == {}
    assert reached(["a"], nodes(here, ("b", "a", True)), settled=True) == {"a": ["a", "hall"]}


NODE = "abcdefghijklmnopqrstuvwxya"


async def test_a_copy_is_known_and_what_is_no_event_is_refused() -> None:
    bus, heard = Bus(), []
    bus.subscribe("from/#", heard.append)
    relayed = Relayed(bus, lambda: 7)
    event = {"id": "n-1-1", "node": NODE, "name": "kitchen", "topic": "a/b", "value": None}
    assert await relayed.take(event, None) == {"id": "n-1-1"}
    assert await relayed.take(event, None) == {"id": "n-1-1"}
    assert [(one.topic, one.source, one.timestamp) for one in heard] == [("from/kitchen/a/b", f"node:{NODE}", 7)]
    wrong: dict[str, tuple[Any, ...]] = {
        "id": (None, 3),
        "node": ("", "a/b", None, "kitchen", NODE + "a"),
        "topic": ("", "a/#", "+", None, "a\0", 3, "a" * 70_000),
    }
    for key, values in wrong.items():
        for value in values:
            with pytest.raises(InvalidError):
                await relayed.take({**event, "id": "other", key: value}, None)
    for i in range(1000):
        await relayed.take({**event, "id": str(i)}, None)
    assert len(relayed._known) == 256


@pytest.mark.parametrize("name", ["a/b", "", "+", "x" * 33, "b" * 25 + "a", None, 3, "кухня"])
async def test_a_name_that_cannot_stand_for_its_node_does_not(name: Any) -> None:
    bus, heard = Bus(), []
    bus.subscribe("#", heard.append)
    await Relayed(bus, lambda: 7).take({"id": "1", "node": NODE, "name": name, "topic": "a", "value": 1}, None)
    assert [one.topic for one in heard] == [f"from/{NODE}/a"]


async def test_a_sender_fills_no_memory_with_topics_of_its_own() -> None:
    bus = Bus()
    relayed = Relayed(bus, lambda: 7)
    for i in range(MAX_TOPICS):
        await relayed.take({"id": str(i), "node": NODE, "name": "a", "topic": f"t/{i}"}, None)
    with pytest.raises(RefusedError, match="64 topics"):
        await relayed.take({"id": "more", "node": NODE, "name": "a", "topic": "t/more"}, None)
    await relayed.take({"id": "again", "node": NODE, "name": "a", "topic": "t/3"}, None)
    await relayed.take({"id": "other", "node": "b" * 25 + "a", "name": "b", "topic": "t/more"}, None)


def row(seq: int, *, to: str, sender: str = NODE, expires: int = NOW + SECOND) -> Batch:
    """An event with its relay, as `event_rows` gives them."""
    identity = f"{sender}-1-{seq}"
    times = dict.fromkeys(("timestamp", "sealed", "received", "stored"), NOW)
    texts = {"topic": "note/x", "source": "", "run": ""}
    event = {"id": identity, "node": sender, "cls": "note", "epoch": 1, "seq": seq, "value": seq, **texts, **times}
    relay = {"event": identity, "sender": sender, "node": to, "expires": expires}
    return Batch(events=[event], episodes=[], refused=0, relays=[relay])


async def test_no_sender_fills_the_disk_and_what_waits_is_not_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "MAX_WAITING", 3)
    async with Database.open_(tmp_path / "gateway.db") as database:
        for i in range(5):
            await database.write(lambda connection, i=i: events.save(connection, row(i, to=f"n{i}"), NOW))
        other = row(1, to="n0", sender="b" * 25 + "a")
        for _ in range(2):  # a copy, too
            await database.write(lambda connection: events.save(connection, other, NOW))
        assert sorted(await relays.receivers(database)) == ["n0", "n1", "n2"]
        dead = await relays.of(database, f"{NODE}-1-4")
        assert dead is not None
        assert (dead["state"], dead["error"]) == (relays.DEAD, "3 events of its sender wait already")
        keep = Retention(events_count=0, events_age=0)
        await database.write(lambda connection: events.prune(connection, keep, NOW + SECOND))
        assert len(await relays.pending(database, ["n0", "n1", "n2"], NOW, limit=9)) == 4
        assert await relays.pending(database, ["n0"], NOW + 2 * SECOND, limit=9) == []
        assert await database.write(lambda connection: relays.expire(connection, NOW + 2 * SECOND)) == 4
        number = dead["number"] - 1
        settled = await database.write(
            lambda connection: relays.settle(
                connection, number, state=relays.DELIVERED, attempts=1, error="", ended=NOW
            )
        )
        assert settled is False


async def test_a_script_learns_what_cannot_be_carried() -> None:
    for topic, value, why in (
        ("note/#", 1, "must be a topic"),
        ("note/" + "x" * 256, 1, "must be a topic"),
        ("note/a", "x" * 50_000, "49152 can be carried"),
        ("note/a", [[[[[[[[[[[[[1]]]]]]]]]]]]], "cannot be carried"),
        ("episode/a", 1, "is the class of what the node tells"),
    ):
        with pytest.raises(InvalidError, match=why):
            _ports().publish(topic, value, to="hall", must_arrive=True, run="r")


def _ports() -> NodePorts:
    bus, clock = Bus(), Clock()
    mesh: Any = object()  # it is refused before the mesh is asked
    actuators = Actuators({})
    return NodePorts(bus=bus, clock=clock, sensors=Sensors(bus, clock), actuators=actuators, mesh=mesh, transport=None)
