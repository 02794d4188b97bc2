# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy through the gateway's API and the commands that use it, with real nodes on real brokers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ganglion.cli.main import main
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.policy import DEFAULT
from ganglion_gateway.store.tables import relays
from support.brokers import Broker
from support.gateway import Here, here, process
from support.mesh import enrolled, running
from support.transports import Counted
from support.waiting import until, until_answered

SPEAK = {"name": "speak", "who": "role:node", "may": ["say", "send"], "what": "*"}
LOOK = {"name": "look", "who": "role:gateway", "may": "call", "what": "mesh.statistics"}
POLICY = "/mesh/policy"


async def node(site: Here, folder: Path, broker: Broker, name: str, *tags: str) -> MeshClient:
    key = (await site.post("/enrol-keys", {"tags": list(tags)}))["key"]
    transport = MqttTransport(broker.url, backoff=Counted())
    return MeshClient(transport=transport, state=folder / name, name=name, enrol_key=key, heartbeat=0.2)


async def entries(site: Here) -> list[dict[str, Any]]:
    listed = (await site.get("/audit"))["entries"]
    return [entry for entry in listed if entry["action"].startswith("policy.")]


async def test_a_policy_is_shown_set_and_deleted_and_the_audit_says_by_whom(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        assert await site.get(POLICY) == {**DEFAULT.document, "issued": None}
        made = await site.post(POLICY, {"rules": [SPEAK, LOOK], "version": 0})
        assert made == await site.get(POLICY)
        assert made["rules"] == [SPEAK, LOOK]
        assert made["issued"] > 0
        again = await site.post(POLICY, {"rules": [{**SPEAK, "what": "alert"}]})
        gone = await site.post(f"{POLICY}/delete", {})
        assert gone["rules"] == []
        versions = [made["version"], again["version"], gone["version"]]
        assert versions == sorted(set(versions))
        newest, before, first = await entries(site)
        assert (newest["action"], newest["actor"], newest["target"]) == ("policy.delete", "admin", str(gone["version"]))
        assert newest["detail"]["removed"] == ["speak"]
        assert before["detail"] == {"before": made["version"], "added": [], "removed": ["look"], "changed": ["speak"]}
        assert sorted(first["detail"]["removed"]) == sorted(rule.name for rule in DEFAULT.rules)
    async with here(tmp_path / "state") as site:
        assert await site.get(POLICY) == gone, "after a restart"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "rules"),
        ({"rules": []}, 422, "refuses everything"),
        ({"rules": [3]}, 422, "rules"),
        ({"rules": [{"name": "r"}]}, 422, "policy.rules[0].who: must be there"),
        ({"rules": [{**SPEAK, "who": "role:king"}]}, 422, "'role:king' is none"),
        ({"rules": [SPEAK, SPEAK]}, 422, "two rules are called 'speak'"),
        ({"rules": [SPEAK], "version": 7}, 409, "was changed meanwhile"),
        ({"rules": [SPEAK], "mesh": "x"}, 422, "mesh"),
        ({"rules": [{**LOOK, "params": {"a": "x" * 70000}}]}, 422, "cannot be signed"),
        ({"rules": [{**LOOK, "params": {"a": 2**70}}]}, 422, "a number, text, bool"),
    ],
)
async def test_what_is_no_policy_is_a_problem_and_changes_nothing(
    tmp_path: Path, body: dict[str, Any], status: int, says: str
) -> None:
    async with here(tmp_path / "state") as site:
        answer = await site.http.post(f"/api/v1{POLICY}", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert says in answer.json()["detail"]
        assert (await site.get(POLICY))["version"] == 0
        assert await entries(site) == []


async def test_a_stranger_sees_and_changes_nothing(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        for path in (POLICY, f"{POLICY}/delete"):
            assert (await site.stranger.post(f"/api/v1{path}", json={"rules": [SPEAK]})).status_code == 401
        for path in (POLICY, "/mesh/parties/gateway"):
            assert (await site.stranger.get(f"/api/v1{path}")).status_code == 401
        assert (await site.http.get("/api/v1/mesh/parties/nobody")).status_code == 404


async def test_members_are_shown_as_the_policy_sees_them(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        fridge = await node(site, tmp_path, broker, "fridge", "kitchen")
        async with running(fridge):
            await enrolled(fridge)
            fleet = site.services.fleet
            await until(lambda: fridge.identity.node_id in fleet.nodes, what="in the inventory")
            expected = {
                "id": fridge.identity.node_id,
                "name": "fridge",
                "roles": ["node"],
                "tags": ["kitchen"],
                "policy": 0,
            }
            assert await site.get("/mesh/parties/fridge") == expected
            assert await site.get(f"/mesh/parties/{fridge.identity.node_id}") == expected
            made = await site.post(POLICY, {"rules": [SPEAK, LOOK]})
            mesh = site.services.mesh
            held = lambda: mesh.policy_of(fridge.identity.node_id) == made["version"]  # noqa: E731
            await until(held, within=60, what="the fridge has it, and the gateway knows")
            own = await site.get("/mesh/parties/gateway")
            assert (own["roles"], own["tags"], own["policy"]) == (["gateway"], [], made["version"])
            assert (await site.get(f"/mesh/parties/{own['id']}")) == own
            assert (await site.get("/mesh/statistics"))["policy"] == made["version"]


async def test_what_a_node_publishes_to_another_is_judged_as_said_to_that_one(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site:
        kitchen = await node(site, tmp_path, broker, "kitchen")
        hall, attic = await node(site, tmp_path, broker, "hall", "open"), await node(site, tmp_path, broker, "attic")
        heard: list[Any] = []

        async def take(params: dict[str, Any], peer: Any) -> None:
            heard.append(params["value"])

        for each in (hall, attic):
            each.on_request("bus.event", take)
        async with running(kitchen, hall, attic):
            await enrolled(kitchen, hall, attic)
            fleet = site.services.fleet
            for each in (kitchen, hall, attic):
                there = lambda each=each: (known := fleet.nodes.get(each.identity.node_id)) and known.online  # noqa: E731
                await until(there, what="there")
            rules = [
                {"name": "say", "who": "role:node", "may": "say", "what": "*", "at": ["role:gateway", "tag:open"]},
                {"name": "carry", "who": "role:gateway", "may": "call", "what": "bus.event"},
            ]
            made = await site.post(POLICY, {"rules": rules})
            for each in (hall, attic):
                await until(lambda each=each: each.statistics().policy == made["version"], what="the policy")
            for to in ("attic", "hall"):
                body = {
                    "topic": "alert/x",
                    "value": to,
                    "timestamp": 1,
                    "source": "",
                    "run": "",
                    "to": to,
                    "wait": 10**11,
                }
                kitchen.publish_event("alert", body)
            await until(lambda: heard, what="the event for the hall")

            async def told() -> bool:
                rows = await site.services.database.all(select(relays.c.node, relays.c.state, relays.c.error))
                return {(row["node"], row["state"], row["error"]) for row in rows} == {
                    ("hall", "delivered", ""),
                    ("attic", "dead", "refused: no rule lets it say alert"),
                }

            await until_answered(told, what="both are done with")
        assert heard == ["hall"]


async def test_the_commands(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, ["mesh", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        file = tmp_path / "policy.json"
        file.write_text(json.dumps({"rules": [SPEAK], "version": 0}))
        code, made = await ask("policy", "set", str(file))
        assert (code, made["rules"]) == (0, [SPEAK])
        assert await ask("policy", "show") == (0, made)
        code, told = await ask("policy", "set", str(file))
        assert code == 1
        assert "was changed meanwhile" in told["error"]
        code, told = await ask("explain", "role:node", "say", "alert")
        assert (code, told["allowed"], told["rule"], told["held"]) == (0, True, "speak", made["version"])
        code, told = await ask("explain", "gateway", "call", "x", "--at", "role:node,tag:a")
        assert (code, told["allowed"], told["held"]) == (1, False, None)
        assert told["at"] == ["*", "role:node", "tag:a"]
        assert (await ask("explain", "nobody", "call", "x"))[0] == 3
        code, gone = await ask("policy", "delete")
        assert (code, gone["rules"]) == (0, [])
        assert (await ask("explain", "gateway", "call", "x", "--at", "role:node"))[1]["reason"].startswith(
            "the policy was"
        )
