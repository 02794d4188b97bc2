# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway and real nodes on real brokers: joining, presence, readings, events, webhooks, questions, commands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.guardian import Actuators
from ganglion.mesh.client import MeshClient
from ganglion.mesh.member import Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mova.ports import PromptRequest
from ganglion.mqtt.url import Addresses
from ganglion.node.ports import NodePorts
from ganglion.sensors import Sensors
from ganglion.units import MILLISECOND
from ganglion_gateway.model.configuration import ModelsSettings
from ganglion_gateway.settings import WebhookSettings
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from support.brokers import Broker, on_every_broker
from support.chat_server import MODEL, Say, chat_server
from support.gateway import Here, here
from support.mesh import Attacker, enrolled, running
from support.receiver import Answer, receiver
from support.transports import Counted
from support.waiting import until

CAPS = {"sensors": {"fridge.temperature": {"unit": "Cel", "kind": "bme280"}}}


class Site:
    """A gateway on a broker, and the nodes that join it."""

    def __init__(self, folder: Path, broker: Addresses, here: Here) -> None:
        self.folder = folder
        self.broker = broker
        self.here = here
        self.fleet = here.services.fleet

    async def node(self, name: str = "fridge") -> MeshClient:
        """A node that may join; not run yet."""
        state = self.folder / name
        key = None
        if not (state / "credential.cwt").exists():
            key = (await self.here.post("/enrol-keys", {"tags": ["kitchen"]}))["key"]
        return MeshClient(
            transport=MqttTransport(self.broker, backoff=Counted()),
            state=state,
            name=name,
            enrol_key=key,
            birth=lambda: {"board": "sim", "sw": "ganglion/test", "caps": CAPS},
            heartbeat=0.2,
        )

    async def alert(self, node: MeshClient, value: Any = 9.5, run: str = "") -> str:
        """An alert that the gateway has stored."""
        stored: list[str] = []
        node.on_stored = stored.append
        body = {
            "topic": "alert/fridge",
            "value": value,
            "timestamp": self.here.services.clock(),
            "source": "",
            "run": run,
        }
        identity = node.publish_event("alert", body)
        await until(lambda: identity in stored, what="the alert acknowledged")
        return identity


@asynccontextmanager
async def site(folder: Path, broker: Broker, **settings: Any) -> AsyncIterator[Site]:
    async with here(folder / "state", broker.url, **settings) as started:
        await until(lambda: started.gateway.member.connected, what="the gateway connected")
        yield Site(folder, broker.url, started)


@on_every_broker
async def test_a_node_that_joins_is_in_the_inventory_with_what_it_reads(broker: Broker, tmp_path: Path) -> None:
    async with site(tmp_path, broker) as at:
        node = await at.node()
        async with running(node):
            await enrolled(node)
            now = at.here.services.clock()
            for i in range(5):
                node.publish_reading("fridge.temperature", 4.0 + i, now + i * MILLISECOND)
            await until(lambda: at.fleet.nodes and at.fleet.find("fridge").sensors, what="readings at the gateway")
            await until(lambda: at.fleet.find("fridge").sensors["fridge.temperature"].value == 8.0, what="the newest")
            [listed] = (await at.here.get("/nodes"))["nodes"]
            assert (listed["id"], listed["name"]) == (node.identity.node_id, "fridge")
            assert (listed["board"], listed["tags"], listed["online"]) == ("sim", ["kitchen"], True)
            assert listed["sensors"]["fridge.temperature"] == {
                "value": 8.0,
                "unit": "Cel",
                "timestamp": now + 4 * MILLISECOND,
            }
            one = await at.here.get("/nodes/fridge")
            assert one["release"] == {"desired": None, "reported": None}
            assert one == {**listed, "last_seen": one["last_seen"]}

            async def stored() -> list[Any]:
                answer = await at.here.get("/nodes/fridge/readings", sensor="fridge.temperature")
                found: list[Any] = answer["readings"]
                return found

            async with asyncio.timeout(60):
                while len(await stored()) < 5:
                    pass
            assert await stored() == [[now + i * MILLISECOND, 4.0 + i] for i in range(5)]


@on_every_broker
async def test_a_node_that_goes_is_away_and_one_that_comes_back_is_there(broker: Broker, tmp_path: Path) -> None:
    async with site(tmp_path, broker) as at:
        for _ in range(2):
            node = await at.node()
            async with running(node):
                await enrolled(node)
                await until(lambda: at.fleet.nodes and at.fleet.find("fridge").online, what="the node there")
            await until(lambda: not at.fleet.find("fridge").online, within=2.0, what="the node away")


async def test_a_node_that_lives_is_there_again_after_a_restart_of_the_gateway(broker: Broker, tmp_path: Path) -> None:
    async with site(tmp_path, broker) as at:
        node = await at.node()
        task = asyncio.create_task(node.run())
        await enrolled(node)
        node.publish_reading("fridge.temperature", 4.5, at.here.services.clock())
        await until(lambda: at.fleet.nodes and at.fleet.find("fridge").sensors, what="a reading")
        await at.alert(node)
    try:
        async with site(tmp_path, broker) as at:
            assert at.fleet.find("fridge").sensors["fridge.temperature"].value == 4.5
            assert len(at.fleet.alerts) == 1
            await until(lambda: at.fleet.find("fridge").online, what="the node heard again")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_alert_goes_to_the_webhook_and_its_trace_tells_the_whole_path(broker: Broker, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    async with receiver(new_secret()) as hook:
        secret.write_text(hook.secret)
        settings = WebhookSettings(url=hook.url, secret_file=secret, allow_private=True)
        async with site(tmp_path, broker, webhook=settings) as at:
            node = await at.node()
            async with running(node):
                await enrolled(node)
                identity = await at.alert(node, {"cause": "door"}, run="r1")
                await until(lambda: hook.taken, what="the webhook taken")
                [attempt] = hook.attempts
                assert attempt.event["data"]["value"] == {"cause": "door"}
                assert attempt.event["data"]["node"]["name"] == "fridge"
                before = await at.here.get("/traces/last")
                assert {line["stage"]: line["status"] for line in before["lines"]}["prompt"] == "pending"
                node.publish_event("episode", _episode("r1", at.here.services.clock()))
                async with asyncio.timeout(60):
                    while (trace := await at.here.get("/traces/last"))["status"] != "done":
                        pass
            assert trace["event"]["id"] == identity == attempt.event["id"]
            assert [line["stage"] for line in trace["lines"] if line["status"] == "done"] == [
                *("sensor", "trigger", "prompt", "mesh", "gateway", "webhook")
            ]


def _episode(run: str, now: int) -> dict[str, Any]:
    detail = {"otherwise": "refused: no_model", "result": {}}
    step = {"id": "ask", "action": "prompt", "status": "completed", "started": now, "ended": now, "attempts": 1}
    return {
        "id": run,
        "script": "watch",
        "protocol": "warm",
        "trigger": "t",
        "event": {"topic": "sensor/fridge/temperature", "value": 9.5, "timestamp": now},
        "started": now,
        "ended": now,
        "status": "completed",
        "error": None,
        "steps": [{**step, "detail": detail}],
    }


async def test_an_event_that_comes_again_is_stored_and_sent_once(broker: Broker, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    async with receiver(new_secret()) as hook:
        secret.write_text(hook.secret)
        settings = WebhookSettings(url=hook.url, secret_file=secret, allow_private=True)
        async with site(tmp_path, broker, webhook=settings) as at:
            replayer = Attacker(broker.url, at.here.gateway.mesh_id)
            node = await at.node()
            async with running(node), replayer.running():
                await enrolled(node)
                first = await at.alert(node, 1)
                await until(lambda: replayer.on("/e/alert"), what="the alert overheard")
        heard = replayer.on("/e/alert")[0]
        # A gateway that has restarted remembers nothing of it, and only its table can tell
        async with site(tmp_path, broker, webhook=settings) as at:
            node = await at.node()
            async with running(node), replayer.running():
                await until(lambda: at.fleet.find("fridge").online, what="the node there")
                for _ in range(3):
                    await replayer.says(heard.topic, heard.payload)
                second = await at.alert(node, 2)
                await until(lambda: len(hook.taken) == 2, what="both webhooks")
            assert [one["id"] for one in (await at.here.get("/events"))["events"]] == [second, first]
            copies = at.here.services.metrics.registry.get_sample_value("ganglion_gateway_event_copies_total")
            assert copies == 1
    assert hook.taken == [first, second]


async def test_a_node_asks_the_model_and_the_question_is_written_down(broker: Broker, tmp_path: Path) -> None:
    async with chat_server() as chat:
        chat.says(Say(text='{"cause": "door"}'))
        async with site(tmp_path, broker, models=ModelsSettings.of_environment(chat.environment)) as at:
            node = await at.node()
            async with running(node):
                await enrolled(node)
                asked = {"prompt": "Why?", "schema": {"type": "object"}, "max_tokens": 50, "seconds": 5.0, "run": "r1"}
                answer = await node.request("prompt", asked, timeout=60)
                assert answer["value"] == {"cause": "door"}
                assert answer["model"] == MODEL
                with pytest.raises(InvalidError, match="prompt"):
                    await node.request("prompt", {}, timeout=60)
            [entry] = (await at.here.get("/audit", action="model.prompt"))["entries"]
            assert (entry["actor"], entry["target"]) == ("fridge", node.identity.node_id)
            assert entry["detail"]["run"] == "r1"


async def test_a_script_offers_its_tools_to_the_gateways_model(broker: Broker, tmp_path: Path) -> None:
    tool = {"id": "light.set", "description": "Sets a light", "parameters": {"type": "object"}}
    async with chat_server() as chat:
        chat.says(Say(calls=(("c1", "light_set", '{"on": true}'),), finish="tool_calls"), Say(text="The light is on."))
        async with site(tmp_path, broker, models=ModelsSettings.of_environment(chat.environment)) as at:
            node = await at.node()
            async with running(node):
                await enrolled(node)
                clock, bus = Clock(), Bus()
                actuators = Actuators.from_tables({})
                ports = NodePorts(
                    bus=bus, clock=clock, sensors=Sensors(bus, clock), actuators=actuators, mesh=node, transport=None
                )
                first = await ports.prompt(PromptRequest(prompt="Light!", tools=[tool], seconds=5.0, script="hall"))
                assert (first.value, list(first.calls)) == (None, [["c1", "light.set", {"on": True}]])
                rounds = [[list(first.calls), [{"ok": True}]]]
                last = await ports.prompt(PromptRequest(prompt="Light!", tools=[tool], rounds=rounds, seconds=5.0))
                assert (last.value, list(last.calls)) == ("The light is on.", [])
            said = [
                each["detail"]["script"] for each in (await at.here.get("/audit", action="model.prompt"))["entries"]
            ]
            assert said == ["", "hall"], "budgets go by the script that asks"
        assert chat.requests[1]["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'}


async def test_without_a_model_the_node_is_told_so(broker: Broker, tmp_path: Path) -> None:
    async with site(tmp_path, broker) as at:
        node = await at.node()
        async with running(node):
            await enrolled(node)
            with pytest.raises(RefusedError, match="no_model"):
                await node.request("prompt", {"prompt": "Why?"}, timeout=60)


@on_every_broker
async def test_a_command_reaches_the_node_and_its_answer_comes_back(broker: Broker, tmp_path: Path) -> None:
    async def set_simulated(params: dict[str, Any], peer: Peer) -> Any:
        if params["sensor"] == "real":
            raise RefusedError("real is a real sensor: it senses what there is")
        if params["sensor"] != "fridge.temperature":
            raise NotFoundError(f"there is no sensor {params['sensor']}")
        return {"by": peer.name, **params}

    async with site(tmp_path, broker) as at:
        node = await at.node()
        node.on_request("sim.set", set_simulated)
        async with running(node):
            await enrolled(node)
            await until(lambda: at.fleet.nodes and at.fleet.find("fridge").online, what="the node there")

            async def command(sensor: str) -> Any:
                body = {"method": "sim.set", "params": {"sensor": sensor, "value": 12}, "timeout": 5}
                return await at.here.http.post("/api/v1/nodes/fridge/commands", json=body)

            done = await command("fridge.temperature")
            assert done.json() == {
                "ok": True,
                "result": {"by": "gateway", "sensor": "fridge.temperature", "value": 12},
            }
            assert (await command("other")).status_code == 404
            refused = await command("real")
            assert refused.status_code == 403
            assert refused.json()["detail"] == "fridge: real is a real sensor: it senses what there is"
        body = {"method": "sim.set", "params": {"secret": "swordfish"}, "timeout": 0.3}
        away = await at.here.http.post("/api/v1/nodes/fridge/commands", json=body)
        assert away.status_code == 504
        assert away.json()["detail"].startswith("fridge does not answer 'sim.set'")
        entries = (await at.here.get("/audit", action="node.command"))["entries"]
        assert [entry["detail"]["outcome"] for entry in entries] == ["failed", "failed", "failed", "ok"]
        assert "swordfish" not in str(entries)


async def test_a_broker_that_goes_and_comes_back_loses_no_alert(broker: Broker, tmp_path: Path) -> None:
    async with site(tmp_path, broker) as at:
        node = await at.node()
        async with running(node):
            await enrolled(node)
            await at.alert(node, 0)
            await broker.kill()
            await until(lambda: not at.here.gateway.member.connected, what="the gateway without a broker")
            assert (await at.here.stranger.get("/health/ready")).json()["status"] == "degraded"
            sent = [
                node.publish_event(
                    "alert", {"topic": "alert/fridge", "value": i, "timestamp": 1, "source": "", "run": ""}
                )
                for i in range(20)
            ]
            await broker.start()
            await until(lambda: len(at.fleet.alerts) == 21, within=60, what="all alerts stored")
            assert (await at.here.stranger.get("/health/ready")).json()["status"] == "ok"
        rows = (await at.here.get("/events", limit=500, **{"class": "alert"}))["events"]
        assert [row["id"] for row in rows[:20]] == sent[::-1]


async def test_an_impatient_endpoint_does_not_hold_up_the_mesh(broker: Broker, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    async with receiver(new_secret()) as hook:
        secret.write_text(hook.secret)
        settings = WebhookSettings(url=hook.url, secret_file=secret, allow_private=True)
        hook.answers.append(Answer(0, hang=True))
        patient = Policy(first=5 * MILLISECOND, longest=50 * MILLISECOND, rest=5 * MILLISECOND)
        async with site(tmp_path, broker, webhook=settings, policy=patient) as at:
            node = await at.node()
            async with running(node):
                await enrolled(node)
                for i in range(5):
                    await at.alert(node, i)  # acknowledged, though the endpoint says nothing
                assert hook.taken == []
                await hook.stop()
                await hook.start()
                await until(lambda: len(set(hook.taken)) == 5, what="all of them, once it answers")
