# SPDX-License-Identifier: GPL-3.0-or-later
"""Third parties and Home Assistant on real brokers: a node reads and sets devices, and a fleet is announced."""

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.client import MeshClient
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message
from ganglion_micro.leaf import Leaf
from support.bridge import LISTED, MESSAGES
from support.brokers import Broker, free_ports
from support.discovery_rules import checked
from support.gateway import Here, here
from support.leaves import PARENT, Device
from support.mesh import NOW
from support.mesh import running as member
from support.node import node
from support.transports import running
from support.waiting import until, until_answered

CONFIG = """
[node]
name = "fridge"
scripts = ["door.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.fridge]
kind = "bme280"
bus = "sim"
every = "100ms"
[actuator.buzzer]
driver = "file"
path = "buzzer"
[actuator.heater]
driver = "file"
path = "heater"
risk = "confirm"
[bridge]
"""
DOOR = """
version: "2.2"
dialect: edge/1
name: door
triggers:
  - {id: open, event: bridge/zigbee2mqtt/front_door/contact, equals: true, run: tell}
protocols:
  - name: tell
    steps:
      - {id: say, action: publish, topic: alert/door, value: "{event.source}"}
      - {id: done, action: end}
"""


class Stranger:
    """A third party on the broker: what it heard, the latest of each topic, and what it says."""

    def __init__(self, url: str) -> None:
        self.heard: dict[str, bytes] = {}
        self.count: dict[str, int] = {}
        self.transport = MqttTransport(url)
        self.transport.on_messages = self._take
        self.transport.subscribe("#", 1)

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            self.heard[message.topic] = message.payload
            self.count[message.topic] = self.count.get(message.topic, 0) + 1

    def says(self, topic: str, value: Any, *, retain: bool = False) -> None:
        payload = (
            value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
        )
        self.transport.publish(topic, payload, qos=1, retain=retain)


@asynccontextmanager
async def stranger(broker: Broker) -> AsyncIterator[Stranger]:
    made = Stranger(broker.url)
    async with running(made.transport):
        yield made


@asynccontextmanager
async def fridge(folder: Path, broker: Broker, site: Here, config: str = CONFIG) -> AsyncIterator[None]:
    """A node that has joined."""
    (folder / "enrol.key").write_text((await site.post("/enrol-keys", {}))["key"])
    (folder / "door.yaml").write_text(DOOR)
    async with node(folder, config.format(broker=broker.url)) as made:
        await made.ready()
        await until(lambda: any(each.online for each in site.services.fleet.nodes.values()), what="it is there")
        yield


async def call(site: Here, method: str, **params: Any) -> Any:
    return (await site.post("/nodes/fridge/commands", {"method": method, "params": params}))["result"]


async def test_a_node_reads_and_sets_what_third_parties_have(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "gateway", broker.url) as site, stranger(broker) as house:
        house.says("zigbee2mqtt/bridge/devices", LISTED, retain=True)
        configs = {topic: message for topic, message in MESSAGES.items() if topic.endswith("/config")}
        for topic, message in configs.items():
            house.says(topic, message, retain=True)
        await until(lambda: configs.keys() <= house.heard.keys(), what="the broker has them")
        async with fridge(tmp_path, broker, site):

            async def known() -> bool:
                devices = (await site.get("/nodes/fridge/calls/bridge.devices"))["result"]["devices"]
                return len(devices) == 6

            await until_answered(known, what="the devices are found")
            sensors = site.services.fleet.find("fridge").sensors

            async def arrived() -> bool:
                for topic, message in MESSAGES.items():
                    if not topic.endswith("/config"):
                        house.says(topic, message)
                return {
                    "mqtt:zigbee2mqtt.kitchen.plug.power",
                    "mqtt:tasmota.heater.ENERGY.Power",
                    "mqtt:homeassistant.living_room.temperature",
                    "mqtt:homeassistant.kitchen.one",
                } <= sensors.keys()

            await until_answered(arrived, what="their readings are at the gateway")
            assert sensors["mqtt:zigbee2mqtt.kitchen.plug.power"].value == 12.5
            assert sensors["mqtt:homeassistant.living_room.temperature"].value == 21.4

            alerts = site.services.fleet.alerts
            await until(lambda: alerts, what="the script that names the device is run")
            assert alerts[0]["value"] == "mqtt:zigbee2mqtt/front_door.contact", "its source says that nobody signed it"

            set_to = await call(site, "bridge.set", device="zigbee2mqtt/bulb", channel="state", value="on")
            assert set_to["topic"] == "zigbee2mqtt/bulb/set"
            await call(site, "bridge.set", device="Heater plug", channel="POWER", value=False)
            await until(lambda: "cmnd/heater/POWER" in house.heard, what="the commands are heard")
            assert house.heard["zigbee2mqtt/bulb/set"] == b'{"state": "ON"}'
            assert house.heard["cmnd/heater/POWER"] == b"OFF"

            for body, status in (
                ({"device": "bulb", "channel": "brightness", "value": 300}, 422),
                ({"device": "lava", "channel": "state", "value": 1}, 404),
                ({"device": "front_door", "channel": "contact", "value": True}, 403),
                ({"device": 5}, 422),
            ):
                answer = await site.http.post(
                    "/api/v1/nodes/fridge/commands", json={"method": "bridge.set", "params": body}
                )
                assert answer.status_code == status, answer.text

            house.says("zigbee2mqtt/bulb", b"\x00\xff")
            house.says("tele/a/STATE", "[" * 50_000)

            async def counted() -> bool:
                return (await site.get("/nodes/fridge/calls/bridge.devices"))["result"]["unreadable"] == 2

            await until_answered(counted, what="what cannot be read is counted")


async def test_the_fleet_is_announced_to_home_assistant_and_obeys_it(broker: Broker, tmp_path: Path) -> None:
    async with stranger(broker) as home:
        async with here(tmp_path / "gateway", broker.url, home_assistant=broker.url) as site:
            mesh = site.gateway.mesh_id
            async with fridge(tmp_path, broker, site):
                (known,) = site.services.fleet.nodes.values()
                base = f"ganglion/{mesh}/{known.id}"
                config = f"homeassistant/device/ganglion_{mesh}_{known.id}/config"
                await until(lambda: home.heard.get(f"{base}/actuator/buzzer") == b"OFF", what="a state of an actuator")
                parts = checked(config, home.heard[config])["components"]
                assert parts["sensor_fridge.temperature"]["unit_of_measurement"] == "°C"
                await until(lambda: f"{base}/sensor/fridge/temperature" in home.heard, what="a state of a sensor")
                float(home.heard[f"{base}/sensor/fridge/temperature"])
                assert home.heard[f"ganglion/{mesh}/availability"] == b"online"
                await until(lambda: home.heard.get(f"{base}/availability") == b"online")

                command = parts["actuator_buzzer"]["command_topic"]
                home.says(command, "ON")
                await until(lambda: home.heard[f"{base}/actuator/buzzer"] == b"ON", what="it is obeyed, and says so")
                listed = await call(site, "actuators.list")
                assert (listed["actuators"]["buzzer"]["value"], listed["actuators"]["buzzer"]["holder"]) == (
                    True,
                    "mesh:gateway",
                )

                async def noted() -> bool:
                    entries = (await site.get("/audit"))["entries"]
                    return any((each["actor"], each["target"]) == ("home assistant", known.id) for each in entries)

                await until_answered(noted, what="the audit says who")

                assert "command_topic" not in parts["actuator_heater"]
                for topic, payload in ((command, "perhaps"), (f"{base}/actuator/heater/set", "ON")):
                    home.says(topic, payload)
                await call(site, "actuators.set", actuator="buzzer", value=False)
                await until(lambda: home.heard[f"{base}/actuator/buzzer"] == b"OFF", what="a command of others shows")
                assert (await call(site, "actuators.list"))["actuators"]["heater"]["value"] is False

                before = home.count[config]
                home.says("homeassistant/status", "online")
                await until(lambda: home.count[config] > before, what="it is announced again")

            await until(lambda: home.heard[f"{base}/availability"] == b"offline", what="the node is away")
            await site.post("/nodes/fridge/revoke", {"reason": "sold"})
            await until(lambda: home.heard[config] == b"", what="it is deleted")
            await until(lambda: home.heard[f"{base}/sensor/fridge/temperature"] == b"", what="and its values")
        await until(lambda: home.heard[f"ganglion/{mesh}/availability"] == b"offline", what="the gateway says goodbye")


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_home_assistant_commands_an_actuator_of_a_leaf(broker: Broker, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    fan = [0, "low", 0, 100]

    def set_fan(params: dict[str, Any]) -> dict[str, Any]:
        fan[0] = min(params["value"], 60)  # its own limit
        return {"actuator": params["actuator"], "value": fan[0]}

    async with (
        stranger(broker) as home,
        here(tmp_path / "gateway", broker.url, home_assistant=broker.url) as site,
        fridge(tmp_path, broker, site, PARENT.replace("{port}", str(port))),
    ):
        leaf = Leaf(LeafFolder(tmp_path / "state").add("garden", now=NOW), 1, os.urandom(8))
        leaf.serve("actuators.list", lambda params: {"actuators": {"fan": fan}})
        leaf.serve("actuators.set", set_fan)
        async with Device(leaf, port).running():
            base = f"ganglion/{site.gateway.mesh_id}/{site.services.fleet.find('barn').id}/actuator/leaf/garden/fan"
            await until(lambda: home.heard.get(base) == b"0", what="its state")
            home.says(f"{base}/set", "90")
            await until(lambda: home.heard[base] == b"60", what="it obeys by its own limits, and what it has is said")
            assert fan[0] == 60

            async def noted() -> bool:
                entries = (await site.get("/audit"))["entries"]
                found = [each["detail"] for each in entries if each["actor"] == "home assistant"]
                return [(each["method"], each["outcome"]) for each in found] == [("leaf.call", "ok")]

            await until_answered(noted, what="the audit says what was called")


async def test_what_was_deleted_while_the_gateway_was_away(broker: Broker, tmp_path: Path) -> None:
    async with stranger(broker) as home:
        async with here(tmp_path / "gateway", broker.url) as site:
            mesh = site.gateway.mesh_id
        stale = f"homeassistant/device/ganglion_{mesh}_gone/config"
        home.says(stale, {"cmps": {"a": {"stat_t": f"ganglion/{mesh}/gone/sensor/a"}}}, retain=True)
        home.says(f"ganglion/{mesh}/gone/sensor/a", "5", retain=True)
        await until(lambda: len(home.heard) >= 2)
        async with here(tmp_path / "gateway", broker.url, home_assistant=broker.url):
            await until(lambda: home.heard[stale] == b"", what="what is no node of the fleet is deleted")
            await until(lambda: home.heard[f"ganglion/{mesh}/gone/sensor/a"] == b"")


async def test_what_is_confidential_is_not_said_to_home_assistant_after_a_restart_either(
    broker: Broker, tmp_path: Path
) -> None:
    async with stranger(broker) as home:
        async with here(tmp_path / "gateway", broker.url, home_assistant=broker.url) as site:
            key = (await site.post("/enrol-keys", {}))["key"]
            door = MeshClient(
                transport=MqttTransport(broker.url),
                state=tmp_path / "door",
                name="door",
                enrol_key=key,
                birth=lambda: {"caps": {"sensors": {"door.open": {"unit": ""}, "plain.count": {"unit": "1"}}}},
                confidential=Confidential(group="hall", topics=("door.open",)),
            )
            async with member(door):
                known = site.services.fleet.nodes
                await until(lambda: door.identity.node_id in known, what="in the inventory")
                await site.post("/groups", {"name": "hall", "nodes": ["door"]})
                await until(lambda: door.statistics().confidential["keys"], what="it has the key")
                base = f"ganglion/{site.gateway.mesh_id}/{door.identity.node_id}"
                config = f"homeassistant/device/ganglion_{site.gateway.mesh_id}_{door.identity.node_id}/config"

                def heard() -> bool:
                    door.publish_reading("door.open", True, time.time_ns())
                    door.publish_reading("plain.count", 3, time.time_ns())
                    return "door.open" in known[door.identity.node_id].sensors

                await until(heard, what="the gateway has the reading")
                await until(lambda: f"{base}/sensor/plain/count" in home.heard, what="Home Assistant has the other")
        named = {"home_assistant": broker.url, "home_assistant_groups": ("hall",)}
        before = home.count[config]
        async with here(tmp_path / "gateway", broker.url, home_assistant=broker.url):
            await until(lambda: home.count[config] > before, what="it is announced again")
            assert "sensor_door.open" not in checked(config, home.heard[config])["components"]
            assert not home.heard.get(f"{base}/sensor/door/open"), (
                "or deleted, where it was announced before it was read"
            )
        async with here(tmp_path / "gateway", broker.url, **named):
            await until(lambda: home.heard.get(f"{base}/sensor/door/open") == b"ON", what="the operator wants it said")
