# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/bridge.md: each command is run with its configuration and its script, and prints what the page shows."""

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mqtt.url import BrokerUrl
from ganglion_gateway.homeassistant.fleet_view import PREFIX, FleetView
from integration.test_bridge import stranger
from support.bridge import LISTED, MESSAGES
from support.brokers import Broker
from support.gateway import process
from support.node import node
from support.waiting import until, until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "bridge.md").read_text()
COMMANDS = re.findall(r"^```sh\n([^\n]*)\n```$", PAGE, re.MULTILINE)
((CONFIG,), (SCRIPT,), (SHOWN,)) = (
    re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for kind in ("toml", "yaml", "text")
)
SAID_URL = "mqtt://192.0.2.10:1883"


async def test_every_command_does_what_the_page_says(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, devices, setting, gateway_line, with_group = COMMANDS
    (tmp_path / "homeassistant.account").write_text("any:body\n")

    async def types(command: str) -> str:
        program, *words = shlex.split(command.replace(SAID_URL, broker.url))
        assert program == "ganglion"
        assert await asyncio.to_thread(main, words) == 0
        return capsys.readouterr().out

    assert with_group.startswith(f"{gateway_line} ")
    flags = shlex.split(
        with_group.replace(SAID_URL, broker.url).replace("=homeassistant", f"={tmp_path}/homeassistant")
    )[2:]
    async with stranger(broker) as house, process(tmp_path / "gateway", broker.url, *flags) as gateway:
        house.says("zigbee2mqtt/bridge/devices", LISTED, retain=True)
        house.says("zigbee2mqtt/front_door", MESSAGES["zigbee2mqtt/front_door"], retain=True)
        await until(lambda: "zigbee2mqtt/front_door" in house.heard)
        found = json.loads(await types(f"{scan} --json"))["devices"]
        assert [each["name"] for each in found] == ["bulb", "front_door", "kitchen/plug"]
        (door,) = (each for each in found if each["name"] == "front_door")
        assert door["channels"]["temperature"] == {"kind": "number", "unit": "Cel", "settable": False, "value": 27.34}

        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        (tmp_path / "door.yaml").write_text(SCRIPT)
        config = CONFIG.replace(SAID_URL, broker.url).replace("[mqtt]", 'scripts = ["door.yaml"]\n[mqtt]', 1)
        config += '[sensor.fridge]\nkind = "bme280"\nbus = "sim"\n'
        async with node(tmp_path, config) as fridge:
            await fridge.ready()

            async def listed() -> bool:
                answer = (await gateway.http.get("/api/v1/nodes/fridge/calls/bridge.devices")).json()
                return len(answer.get("result", {}).get("devices", ())) == 3 and "27.34" in str(answer)

            await until_answered(listed, what="the devices are found")
            assert await types(devices) == SHOWN
            assert "zigbee2mqtt/bulb/set" in await types(setting)
            await until(lambda: house.heard.get("zigbee2mqtt/bulb/set") == b'{"brightness": 120}')

            async def told() -> Any:
                house.says("zigbee2mqtt/front_door", {"contact": False})
                alerts = (await gateway.http.get("/api/v1/events", params={"class": "alert"})).json()["events"]
                return any(each["value"] == "mqtt:zigbee2mqtt/front_door.contact" for each in alerts)

            await until_answered(told, what="the script of the page is run")
            name = gateway.ready["mesh"]
            await until(lambda: any(topic.startswith(f"ganglion/{name}/") for topic in house.heard))
            await until(lambda: any(topic.startswith(f"{PREFIX}/device/ganglion_{name}_") for topic in house.heard))


def test_the_topics_are_those_of_the_code() -> None:
    view = FleetView("<mesh>", "1")
    for topic in (view.presence, "homeassistant/device/ganglion_<mesh>_<node>/config"):
        assert f"`{topic}`" in PAGE
    assert BrokerUrl.parse(shlex.split(COMMANDS[-2])[-1]).account == "homeassistant.account"
    assert set(COMMANDS) == set(re.findall(r"^(ganglion .*)$", PAGE, re.MULTILINE))
