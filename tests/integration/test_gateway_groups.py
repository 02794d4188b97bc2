# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups through the gateway's API, and docs/mesh.md on them: who is in one, and what becomes of its keys."""

import asyncio
import json
import os
import re
import shlex
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ganglion import config
from ganglion.mesh.client import MeshClient
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.units import SECOND
from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import restore_keys
from ganglion_gateway.groups import WEEK
from ganglion_gateway.store import groups as store
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.url import DatabaseUrl
from support.brokers import Broker, nats_broker
from support.gateway import Here, here, process
from support.mesh import Attacker, enrolled, running
from support.node import node as started
from support.postgres import PostgresServer
from support.rollout_crew import Crew
from support.transports import Counted
from support.waiting import until, until_answered

SECTION = re.search(
    r"^## Confidential topics\n(.*?)(?=^## |\Z)",
    (Path(__file__).parents[2] / "docs" / "mesh.md").read_text(),
    re.DOTALL | re.MULTILINE,
).group(1)  # type: ignore[union-attr]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()]
SECRET = "the back door is open"


def node(folder: Path, broker: Broker, name: str, key: str) -> MeshClient:
    return MeshClient(
        transport=MqttTransport(broker.url, backoff=Counted()),
        state=folder / name,
        name=name,
        enrol_key=key,
        confidential=Confidential(group="hall"),
        heartbeat=0.2,
    )


async def key_for(site: Here, *tags: str) -> str:
    made = await site.post("/enrol-keys", {"uses": 9, "tags": list(tags)})
    return str(made["key"])


async def group(site: Here) -> dict[str, Any]:
    told: dict[str, Any] = await site.get("/groups/hall")
    return told


def names(told: dict[str, Any]) -> set[str]:
    return {member["name"] for member in told["members"]}


def number(client: MeshClient) -> int:
    return int(client.statistics().confidential["keys"].get("hall", 0))


async def known(site: Here, *nodes: MeshClient) -> None:
    await enrolled(*nodes)
    for each in nodes:
        await until(lambda each=each: each.identity.node_id in site.services.fleet.nodes, what="in the inventory")


async def test_members_by_name_and_by_tag_come_and_go_and_each_time_there_is_a_new_key(
    broker: Broker, tmp_path: Path
) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        plain, tagged = await key_for(site), await key_for(site, "upstairs")
        door, lamp = node(tmp_path, broker, "door", plain), node(tmp_path, broker, "lamp", plain)
        bath = node(tmp_path, broker, "bath", tagged)
        async with running(door, lamp):
            await known(site, door, lamp)
            made = await site.post("/groups", {"name": "hall", "nodes": ["door", "lamp"], "tags": ["upstairs"]})
            assert names(made) == {"door", "lamp"}
            assert all(member["can_have"] for member in made["members"])
            await until(lambda: number(door) == number(lamp) == made["number"], what="both have the key")
            assert (await site.get("/groups"))["groups"][0]["name"] == "hall"
            async with running(bath):
                await known(site, bath)  # it has the tag: it comes in by itself
                await until(lambda: number(bath), what="the newcomer has a key")
                await until(lambda: number(door) == number(bath) > made["number"], what="a new one for all")
                before = number(door)
                left = await site.post("/groups/hall/remove", {"nodes": ["lamp"]})
                assert names(left) == {"door", "bath"}
                await until(lambda: number(door) == number(bath) == left["number"] > before, what="those who stay")
                assert number(lamp) == before
                # Who is revoked is out at once
                await site.post("/nodes/bath/revoke", {})
                assert names(await group(site)) == {"door"}
                await until(lambda: number(door) > left["number"], what="a new key without it")
                assert number(bath) == left["number"]
            last = number(door)
            rotated = await site.post("/groups/hall/rotate", {})
            assert rotated["number"] > last
            await until(lambda: number(door) == rotated["number"], what="the new key")
            waits = site.gateway.member.client.desk.keys.waits
            await until(lambda: not waits("hall", door.identity.node_id), what="it has said so")
            assert (await group(site))["members"][0]["has_key"]
        audit = (await site.get("/audit"))["entries"]
        assert {"group.create", "group.remove", "group.rotate"} <= {entry["action"] for entry in audit}


async def test_a_gateway_that_restarts_goes_on_with_its_keys_and_reads_what_was_sealed_before(
    broker: Broker, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    async with here(state, broker.url) as site:
        door = node(tmp_path, broker, "door", await key_for(site))
        async with running(door):
            await known(site, door)
            made = await site.post("/groups", {"name": "hall", "nodes": ["door"]})
            await until(lambda: number(door) == made["number"], what="the key")
            await site.post("/groups/hall/rotate", {})
            await until(lambda: number(door) > made["number"], what="the next one")
            [(first, key), (second, _)] = door.member.groups.keys("hall")
    door = node(tmp_path, broker, "door", "")
    listener = Attacker(broker.url, door.mesh)
    async with listener.running(), running(door):
        door.publish_event("alert", {"topic": "alert/door", "value": SECRET})
        await door.saved()
        async with here(state, broker.url) as site:
            assert (await group(site))["number"] == second
            assert [n for n, _ in site.gateway.member.client.member.groups.keys("hall")] == [first, second]

            async def stored() -> bool:
                return SECRET in [event["value"] for event in (await site.get("/events"))["events"]]

            await until_answered(stored, what="what was sealed while it was away")
            await asyncio.sleep(0)
            assert (await group(site))["number"] == second  # no new key for no reason
    assert not any(SECRET.encode() in message.payload for message in listener.heard)
    data = b"".join(path.read_bytes() for path in state.glob("gateway.db*"))
    assert key not in data, "a key of a group in the clear"


async def test_a_key_is_the_newest_for_a_week(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        door = node(tmp_path, broker, "door", await key_for(site))
        async with running(door):
            await known(site, door)
            made = await site.post("/groups", {"name": "hall", "nodes": [door.identity.node_id]})
            register = site.services.groups
            await register.look()
            assert register.find("hall").number == made["number"]
            register.find("hall").made = time.time_ns() - WEEK - SECOND
            await register.look()
            assert register.find("hall").number > made["number"]


async def test_what_is_confidential_is_carried_to_nobody_outside(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        key = await key_for(site)
        door, lamp = node(tmp_path, broker, "door", key), node(tmp_path, broker, "lamp", key)
        asked: list[dict[str, Any]] = []

        async def take(params: dict[str, Any], peer: object) -> dict[str, Any]:
            asked.append(params)
            return {"id": params["id"]}

        lamp.on_request("bus.event", take)
        listener = Attacker(broker.url, site.gateway.mesh_id)
        async with listener.running(), running(door, lamp):
            await known(site, door, lamp)
            await site.post("/groups", {"name": "hall", "nodes": ["door"]})
            await until(lambda: number(door), what="the key")
            body = {"topic": "alert/door", "value": SECRET, "to": "lamp", "wait": 60 * SECOND}
            door.publish_event("alert", body)

            async def given_up() -> bool:
                [row] = read(tmp_path / "state" / "gateway.db", "SELECT state, error FROM relays") or [("", "")]
                return row[0] == "dead" and "for the group hall alone" in row[1]

            await until_answered(given_up, what="it is not carried")
            assert asked == []
            await site.post("/groups/hall/add", {"nodes": ["lamp"]})
            await until(lambda: number(lamp) == number(door), what="now it is a member")
            door.publish_event("alert", body)
            await until(lambda: asked, what="it is carried")
            assert asked[0]["value"] == SECRET
        assert not any(SECRET.encode() in message.payload for message in listener.heard)


def read(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/groups", {"name": "a/b"}, 422, "1 to 32"),
        ("/groups", {"name": "hall"}, 403, "already"),
        ("/groups", {"name": "x", "nodes": ["nobody"]}, 404, "no node is called 'nobody'"),
        ("/groups/other/rotate", {}, 404, "no group is called 'other'"),
        ("/groups/hall/remove", {"nodes": ["a" * 26]}, 404, "not in it"),
        ("/groups/hall/remove", {"tags": ["x"]}, 404, "no members by the tag 'x'"),
    ],
)
async def test_what_cannot_be_is_said(tmp_path: Path, path: str, body: dict[str, Any], status: int, says: str) -> None:
    async with here(tmp_path / "state") as site:
        await site.post("/groups", {"name": "hall"})
        answer = await site.http.post(f"/api/v1{path}", json=body)
        assert (answer.status_code, says in answer.text) == (status, True), answer.text


async def test_the_page_is_done_as_it_says(tmp_path: Path) -> None:
    async with nats_broker(tmp_path / "nats") as broker, process(tmp_path / "gateway", broker.url) as gateway:
        made = (await gateway.http.post("/api/v1/enrol-keys", json={"uses": 9})).json()["key"]
        nodes = [node(tmp_path, broker, name, made) for name in ("door", "lamp", "window")]
        door, lamp, window = nodes
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GANGLION_")}
        environment = {
            **kept,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GANGLION_GATEWAY": gateway.url,
            "GANGLION_TOKEN": gateway.token,
        }
        left = list(COMMANDS)

        async def types(words: str, *more: str) -> str:
            line = next(line for line in COMMANDS if line.startswith(words))
            if line in left:
                left.remove(line)
            asked = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *shlex.split(line), *more), env=environment, stdout=asyncio.subprocess.PIPE
            )
            out, _ = await asyncio.wait_for(asked.communicate(), 60)
            assert asked.returncode == 0
            return out.decode()

        async def all_known() -> bool:
            told = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
            return {"door", "lamp", "window"} <= {each["name"] for each in told}

        async with running(*nodes):
            await enrolled(*nodes)
            await until_answered(all_known, what="all in the inventory")
            said = await types("ganglion group create")
            assert "door" in said
            assert 'confidential = "hall"' in said
            assert "tag upstairs" in said
            assert "door, lamp" in await types("ganglion group list")
            await until(lambda: number(door) == number(lamp) > 0, what="both have the key")

            async def shown() -> bool:
                return (await types("ganglion group show")).count("has it") == 2

            await until_answered(shown, what="`show` says so")
            await types("ganglion group add")
            await until(lambda: number(window) == number(door) > 0, what="the window too")
            before = number(lamp)
            told = json.loads(await types("ganglion group remove", "--json"))
            assert names(told) == {"door", "window"}
            await until(lambda: number(door) == number(window) == told["number"], what="those who stay")
            rotated = json.loads(await types("ganglion group rotate", "--json"))
            await until(lambda: number(door) == rotated["number"] > told["number"], what="the newest")
            assert number(lamp) == before
        assert left == []


CONFIG = """
[node]
name = "{name}"
scripts = ["{name}.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
confidential = "hall"
"""
DOOR = """
version: "2.2"
dialect: edge/1
name: door
triggers: [{id: told, event: from/lamp/alert/hello, run: main}]
protocols:
  - {name: main, steps: [{id: tell, action: publish, topic: alert/door, value: "the back door is open"}]}
"""
LAMP = """
version: "2.2"
dialect: edge/1
name: lamp
triggers: [{id: up, every: 1s, run: hello}, {id: heard, event: from/door/alert/door, run: main}]
protocols:
  - {name: hello, steps: [{id: tell, action: publish, topic: alert/hello, value: 1}]}
  - {name: main, steps: [{id: note, action: publish, topic: note/heard, value: "{event.source}: {event.value}"}]}
"""


async def test_scripts_of_members_hear_one_another_and_the_broker_hears_nothing(tmp_path: Path) -> None:
    async with nats_broker(tmp_path / "nats") as broker, here(tmp_path / "state", broker.url) as site:
        key = await key_for(site, "hall")
        await site.post("/groups", {"name": "hall", "tags": ["hall"]})
        for name, script in (("door", DOOR), ("lamp", LAMP)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "enrol.key").write_text(key)
            (tmp_path / name / f"{name}.yaml").write_text(script)
        listener = Attacker(broker.url, site.gateway.mesh_id)
        async with (
            listener.running(),
            started(tmp_path / "door", CONFIG.format(name="door", broker=broker.url)) as door,
            started(tmp_path / "lamp", CONFIG.format(name="lamp", broker=broker.url)) as lamp,
        ):
            await door.ready()
            await lamp.ready()

            async def noted() -> bool:
                values = [event["value"] for event in (await site.get("/events", **{"class": "note"}))["events"]]
                return any(isinstance(value, str) and value.endswith(f": {SECRET}") for value in values)

            await until_answered(noted, what="what the lamp noted of the door")
        assert not any(SECRET.encode() in message.payload for message in listener.heard)
        files = [path for name in ("door", "lamp") for path in (tmp_path / name).rglob("*") if path.is_file()]
        state = [path for path in files if path.suffix not in (".yaml", ".log", ".toml")]
        assert not any(SECRET.encode() in path.read_bytes() for path in state)


def test_the_configuration_of_the_page_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    (tmp_path / "node.toml").write_text(text)
    mesh = config.load(tmp_path / "node.toml").mesh
    assert mesh is not None
    said = Confidential(group=mesh.confidential, topics=mesh.confidential_topics)
    assert said.covers("sensor/door/open")
    assert said.covers("alert/door")
    assert not said.covers("sensor/lamp/on")


async def test_changes_of_two_operators_at_one_moment_both_hold(tmp_path: Path, store_url: DatabaseUrl) -> None:
    async with here(tmp_path / "state", database=store_url) as site:
        await site.post("/groups", {"name": "hall", "nodes": [], "tags": ["first"]})
        more = ["attic", "cellar", "door", "garden", "kitchen", "shed"]
        await asyncio.gather(*(site.post("/groups/hall/add", {"nodes": [], "tags": [tag]}) for tag in more))
        await asyncio.gather(*(site.post("/groups/hall/remove", {"nodes": [], "tags": [tag]}) for tag in more[3:]))
        assert set((await group(site))["tags"]) == {"first", *more[:3]}


async def test_a_group_that_another_gateway_makes_between_two_looks_ends_nothing(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.database(migrated=True)
    async with here(tmp_path / "one", database=url) as one:
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
        Crew(one, 0).bear("a" * 26)
        async with here(tmp_path / "other", database=url, name="b") as other:
            look = store.all_groups

            async def slow(database: Database) -> list[dict[str, Any]]:
                found = await look(database)
                if database is other.services.database and not made:
                    made.append(await one.post("/groups", {"name": "hall", "nodes": [], "tags": ["all"]}))
                return found

            made: list[Any] = []
            monkeypatch.setattr(store, "all_groups", slow)
            await other.services.groups.load()
            await other.services.groups.load()
            assert (await group(other))["tags"] == ["all"]
            answer = await other.http.post("/api/v1/groups", json={"name": "hall", "nodes": [], "tags": []})
            assert answer.status_code == 403
    postgres.drop(url)
