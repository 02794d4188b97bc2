# SPDX-License-Identifier: GPL-3.0-or-later
"""Letting nodes in and putting them out through the gateway's API, with real nodes on real brokers."""

import time
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import Identity, fingerprint
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.rotation import question
from ganglion_micro import gl1
from support.brokers import Broker
from support.gateway import Here, here
from support.mesh import Attacker, enrolled, running
from support.transports import Counted
from support.waiting import until

NOBODY = "a" * 26


def node(folder: Path, broker: Broker, mesh: str, name: str = "fridge", **options: Any) -> MeshClient:
    """A node that names its mesh, and asks to be let in where it is not yet."""
    return MeshClient(
        transport=MqttTransport(broker.url, backoff=Counted()),
        state=folder / name,
        name=name,
        mesh=mesh,
        heartbeat=0.2,
        **options,
    )


async def actions(site: Here) -> list[str]:
    entries = (await site.get("/audit"))["entries"]
    return [entry["action"] for entry in entries if entry["actor"] == "admin"]


async def let_in(site: Here, *nodes: MeshClient) -> None:
    for each in nodes:
        await until(lambda each=each: each.statistics().pending, what="it waits")
        await site.post(f"/pending/{fingerprint(each.identity.node_id)}/approve", {})
    await enrolled(*nodes)
    fleet = site.services.fleet
    for each in nodes:
        await until(lambda each=each: each.identity.node_id in fleet.nodes, what="in the inventory")


async def test_an_operator_lets_a_node_in_by_its_fingerprint(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        fridge = node(tmp_path, broker, site.gateway.mesh_id)
        async with running(fridge):
            await until(lambda: fridge.statistics().pending, what="it waits")
            listed = await site.get("/pending")
            assert listed["mesh"] == site.gateway.mesh_id
            assert gl1.from_base32(listed["root"]) == site.services.authority.root_thumbprint[:16]
            [one] = listed["pending"]
            shown = fingerprint(fridge.identity.node_id)
            assert (one["id"], one["fingerprint"], one["name"]) == (fridge.identity.node_id, shown, "fridge")
            assert not one["taken"]
            assert one["first"] <= one["last"] <= time.time_ns()
            let = await site.post(f"/pending/{shown.upper()}/approve", {"name": "cold store", "tags": ["kitchen"]})
            assert (let["id"], let["name"], let["tags"]) == (fridge.identity.node_id, "cold store", ["kitchen"])
            await enrolled(fridge)
            assert fridge.credential is not None
            assert (fridge.credential.name, fridge.credential.tags) == ("cold store", ("kitchen",))
            assert (await site.get("/pending"))["pending"] == []
            assert await actions(site) == ["node.approve"]
            await until(lambda: site.services.fleet.nodes, what="in the inventory")
            assert (await site.get("/nodes"))["nodes"][0]["name"] == "cold store"
            impostor = node(tmp_path / "elsewhere", broker, site.gateway.mesh_id, "cold store")
            async with running(impostor):
                await until(lambda: impostor.statistics().pending, what="it waits")
                assert [one["taken"] for one in (await site.get("/pending"))["pending"]] == [True]


async def test_requests_and_approvals_survive_a_restart_of_the_gateway(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        fridge, room = (node(tmp_path, broker, site.gateway.mesh_id, name) for name in ("fridge", "room"))
        async with running(fridge, room):
            await until(lambda: fridge.statistics().pending and room.statistics().pending, what="both wait")
    async with here(tmp_path / "state", broker.url) as site:
        assert {one["name"] for one in (await site.get("/pending"))["pending"]} == {"fridge", "room"}
        await site.post(f"/pending/{fridge.identity.node_id}/approve", {})
    async with here(tmp_path / "state", broker.url) as site:
        assert [one["name"] for one in (await site.get("/pending"))["pending"]] == ["room"]
        again = node(tmp_path, broker, site.gateway.mesh_id)
        async with running(again):
            await enrolled(again)


async def test_strangers_do_not_crowd_out_a_node_that_waits(broker: Broker, tmp_path: Path) -> None:
    from ganglion.mesh.enrol import Applicant
    from ganglion.mesh.member import Member

    async with here(tmp_path / "state", broker.url) as site:
        mesh, trust = site.gateway.mesh_id, site.services.authority.trust(now=time.time_ns())
        fridge = node(tmp_path, broker, mesh)
        flood = Attacker(broker.url, mesh)
        async with running(fridge), flood.running():
            await until(lambda: fridge.statistics().pending, what="it waits")
            heard = len(flood.on("/enrol"))
            for i in range(200):
                stranger = Member(Identity.create(), mesh=mesh, epoch=1)
                body = Applicant(None, stranger.identity, f"fridge {i}").ask(trust)
                sealed = stranger.seal(gl1.ENROL, body, now=time.time_ns())
                await flood.says(sealed.topic, sealed.payload)
            evil = Member(Identity.create(), mesh=mesh, epoch=1)
            body = Applicant(None, evil.identity, "\x1b[2Jfridge\n").ask(trust)
            sealed = evil.seal(gl1.ENROL, body, now=time.time_ns())
            await flood.says(sealed.topic, sealed.payload)
            await until(lambda: flood.on(f"{evil.identity.node_id}/credential"), what="an answer to the last")
            pending = (await site.get("/pending"))["pending"]
            assert fridge.identity.node_id in {one["id"] for one in pending}
            assert len(pending) <= 64
            assert all(one["name"].isprintable() for one in pending)
            assert len(flood.on("/enrol")) >= heard + 201
            await let_in(site, fridge)


async def test_a_revoked_node_is_out_for_good_and_is_shown_so(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        fridge, room = (node(tmp_path, broker, site.gateway.mesh_id, name) for name in ("fridge", "room"))
        async with running(fridge, room):
            await let_in(site, fridge, room)
            gone = await site.post("/nodes/fridge/revoke", {"reason": "stolen"})
            assert (gone["id"], gone["name"]) == (fridge.identity.node_id, "fridge")
            await until(lambda: fridge.statistics().refusal, within=60, what="it knows")
            await until(lambda: room.statistics().revocations == gone["version"], within=60, what="the other knows")
            [entry] = (await site.get("/audit", action="node.revoke"))["entries"]
            assert entry["detail"] == {"name": "fridge", "reason": "stolen"}
            listed = {one["name"]: one for one in (await site.get("/nodes"))["nodes"]}
            assert (listed["fridge"]["online"], listed["fridge"]["revoked"]) == (False, gone["revoked"])
            assert listed["room"]["revoked"] is None
            asked = await site.http.post("/api/v1/nodes/fridge/commands", json={"method": "methods"})
            assert (asked.status_code, "was revoked" in asked.json()["detail"]) == (403, True)
    async with here(tmp_path / "state", broker.url) as site:
        again = node(tmp_path, broker, site.gateway.mesh_id)
        async with running(again):
            await until(lambda: site.gateway.member.connected and again.statistics().connected, what="connected")
            assert not again.statistics().enrolled
            listed = {one["name"]: one for one in (await site.get("/nodes"))["nodes"]}
            assert listed["fridge"]["revoked"] == gone["revoked"]
            assert not listed["fridge"]["online"]


async def test_who_waits_can_be_turned_away_and_a_gateway_does_not_revoke_itself(
    broker: Broker, tmp_path: Path
) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        fridge = node(tmp_path, broker, site.gateway.mesh_id)
        async with running(fridge):
            await until(lambda: fridge.statistics().pending, what="it waits")
            await site.post(f"/nodes/{fingerprint(fridge.identity.node_id)}/revoke", {})
            assert (await site.get("/pending"))["pending"] == []
            await until(lambda: fridge.statistics().refusal, what="it knows")
        itself = Identity.load(tmp_path / "state" / "identity").node_id
        assert (await site.http.post(f"/api/v1/nodes/{itself}/revoke", json={})).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"/pending/{NOBODY}/approve", {}, 404),
        ("/pending/abcd/approve", {}, 422),
        (f"/pending/{NOBODY}/approve", {"name": "a\nb"}, 422),
        (f"/pending/{NOBODY}/approve", {"tags": ["a b"]}, 422),
        (f"/pending/{NOBODY}/approve", {"nmae": "x"}, 422),
        ("/nodes/nobody/revoke", {}, 404),
        ("/nodes/nobody/revoke", {"reason": "\x00"}, 422),
        ("/enrol-keys/0123456789abcdef/revoke", {}, 404),
        ("/enrol-keys/nonsense/revoke", {}, 404),
    ],
)
async def test_what_makes_no_sense_is_a_problem(tmp_path: Path, path: str, body: dict[str, Any], status: int) -> None:
    async with here(tmp_path / "state") as site:
        answer = await site.http.post(f"/api/v1{path}", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert await actions(site) == []


async def test_a_stranger_and_a_viewer_decide_nothing(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        for path in (f"/pending/{NOBODY}/approve", f"/nodes/{NOBODY}/revoke", "/enrol-keys/0123456789abcdef/revoke"):
            assert (await site.stranger.post(f"/api/v1{path}", json={})).status_code == 401
        assert (await site.stranger.get("/api/v1/pending")).status_code == 401


async def test_a_revoked_enrol_key_lets_nobody_in_any_more(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        made = await site.post("/enrol-keys", {"uses": 2})
        fridge = MeshClient(
            transport=MqttTransport(broker.url, backoff=Counted()),
            state=tmp_path / "fridge",
            name="fridge",
            enrol_key=made["key"],
        )
        room = MeshClient(
            transport=MqttTransport(broker.url, backoff=Counted()),
            state=tmp_path / "room",
            name="room",
            enrol_key=made["key"],
        )
        async with running(fridge):
            await enrolled(fridge)
            gone = await site.post(f"/enrol-keys/{made['id']}/revoke", {})
            assert (gone["revoked"], gone["uses_left"]) == (True, 1)
            async with running(room):
                await until(lambda: room.statistics().refusal, what="refused")
                assert "was revoked" in room.statistics().refusal
            assert fridge.statistics().enrolled
            assert "enrol_key.revoke" in await actions(site)


async def test_a_rotated_node_is_one_device_with_its_history(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        fleet = site.services.fleet
        fridge = node(tmp_path, broker, site.gateway.mesh_id)
        before = fridge.identity.node_id
        async with running(fridge):
            await let_in(site, fridge)

            async def alert(value: int) -> str:
                told: list[str] = []
                fridge.on_stored = told.append
                body = {"topic": "alert/x", "value": value, "timestamp": 1, "source": "", "run": ""}
                identity = fridge.publish_event("alert", body)
                await until(lambda: identity in told, what="acknowledged")
                return identity

            fridge.publish_reading("x.t", 1.5, time.time_ns())
            await until(lambda: "x.t" in fleet.find("fridge").sensors, what="a reading")
            first = await alert(1)
            first_seen = fleet.find("fridge").first_seen
            other = Identity.create()
            await fridge.request("credential.rotate", question(site.gateway.mesh_id, before, other), timeout=60)
            [member] = (await site.get("/members"))["members"]
            assert (member["id"], member["former"], member["next"]) == (before, [], [other.node_id])
            [entry] = (await site.get("/audit", action="node.rotate"))["entries"]
            assert (entry["target"], entry["detail"]) == (other.node_id, {"name": "fridge", "former": before})
            asked = await site.post("/nodes/fridge/commands", {"method": "identity.rotate"})
            now = asked["result"]["node"]
            await until(lambda: now in fleet.nodes, what="the new id in the inventory")
            second = await alert(2)
            fridge.publish_reading("x.t", 2.5, time.time_ns())
            await until(lambda: fleet.find("fridge").sensors["x.t"].value == 2.5, what="a reading under the new key")
            [listed] = (await site.get("/nodes"))["nodes"]
            assert (listed["id"], listed["former"], listed["first_seen"]) == (now, [before], first_seen)
            assert listed["online"]
            assert (await site.get(f"/nodes/{before}"))["id"] == now
            found = (await site.get("/events", node="fridge"))["events"]
            assert [event["id"] for event in found] == [second, first]
    async with here(tmp_path / "state", broker.url) as site:
        [listed] = (await site.get("/nodes"))["nodes"]
        assert (listed["id"], listed["former"]) == (now, [before])
        readings = (await site.get("/nodes/fridge/readings", sensor="x.t"))["readings"]
        assert [value for _, value in readings] == [1.5, 2.5]
        gone = await site.post(f"/nodes/{now}/revoke", {})
        until_c, until_d = site.services.authority.revocations(now=gone["revoked"]).until[gl1.kid_of(before)]
        assert until_c == until_d <= gone["revoked"], "what it had signed under the key before is refused too"
