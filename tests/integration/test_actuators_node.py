# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's actuators as its operator sees them: what fails says where and what to do; what the guardian does by itself
is on the bus, at the gateway and in the trace of the run whose command it has ended.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from support.brokers import Broker
from support.gateway import process
from support.node import node
from support.waiting import until, until_answered

CELLAR = """
[node]
name = "cellar"
scripts = ["air.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
links = []
[sensor.shelf]
kind = "bme280"
bus = "sim"
every = "50ms"
[actuator.fan]
driver = "file"
path = "fan"
[actuator.lamp]
driver = "file"
path = "lamp"
[actuator.vent]
driver = "file"
path = "{folder}/unplugged/vent"
"""
#: Runs the fan for a moment, and lights the lamp once the guardian has stopped it.
AIR = """
version: "2.2"
dialect: edge/1
name: air
triggers:
  - {id: damp, sensor: shelf.temperature, above: 30, run: dry}
  - {id: stopped, event: actuator/fan, run: light}
protocols:
  - name: dry
    steps:
      - {id: blow, action: actuate, actuator: fan, value: true, for: 100ms}
      - {id: tell, action: publish, topic: alert/damp, value: true, class: must_arrive}
      - {id: done, action: end}
  - name: light
    steps:
      - {id: lit, action: actuate, actuator: lamp, value: true}
      - {id: done, action: end}
"""


async def test_what_fails_says_where_and_what_to_do_and_what_the_guardian_does_is_told(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, [*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    (tmp_path / "air.yaml").write_text(AIR)
    missing = tmp_path / "unplugged" / "vent"
    config = CELLAR.format(broker=broker.url, folder=tmp_path)
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])

        async def events(cls: str) -> list[dict[str, Any]]:
            found = (await gateway.http.get("/api/v1/events", params={"class": cls})).json()["events"]
            return [each for each in found if each["class"] == cls]

        async with node(tmp_path, config) as cellar:
            await cellar.ready()

            failure = f"{missing}: No such file or directory; make it, load the driver that does, or name another"

            async def known() -> bool:
                return (await ask("call", "cellar", "actuators.list"))[0] == 0

            await until_answered(known, what="the gateway knows the node")
            listed = (await ask("call", "cellar", "actuators.list"))[1]["result"]["actuators"]
            assert listed["vent"]["failure"].startswith(failure)
            assert "failure" not in listed["fan"]
            code, told = await ask("call", "cellar", "actuators.set", "actuator=vent", "value=true")
            assert code == 4
            assert f"its state is unknown since a write failed ({failure}" in told["error"]
            code, told = await ask("call", "cellar", "actuators.set", "actuator=fan", "value=true", "hartbeat=2s")
            assert (code, told["error"]) == (2, """cellar: unknown parameter 'hartbeat'; did you mean "heartbeat"?""")

            await ask("sim", "set", "cellar", "shelf.temperature", "40")
            await until(lambda: (cellar.state / "lamp").read_text().strip() == "1", what="a script has heard of it")

            async def stopped() -> object:
                return [each for each in await events("guardian") if each["topic"] == "actuator/fan"]

            await until_answered(stopped, what="the gateway has it")
            (act,) = [each for each in await events("guardian") if each["topic"] == "actuator/fan"]
            reason = "fan: its owner's command has expired"
            assert act["value"] == {"value": False, "reason": reason, "owner": "air", "failure": ""}
            (alert,) = await events("alert")
            assert act["run"] == alert["run"]

            missing.parent.mkdir()

            async def mended() -> object:
                return (
                    "failure" not in (await ask("call", "cellar", "actuators.list"))[1]["result"]["actuators"]["vent"]
                )

            await until_answered(mended, what="it is there again, and made safe")
            broken: list[dict[str, Any]] = []

            async def both() -> object:
                broken[:] = [each["value"] for each in await events("guardian") if each["topic"] == "actuator/vent"]
                return len(broken) > 1

            await until_answered(both, what="the gateway knows that it failed, and that it is well again")
            assert [each["failure"][: len(failure)] for each in broken] == ["", failure]
        for identity in (alert["id"], act["id"]):
            lines = (await ask("trace", identity))[1]["lines"]
            said = [line["detail"] for line in lines if line["stage"] == "guardian"]
            assert said == ["fan: accepted", f"fan = False by itself: {reason}"]
