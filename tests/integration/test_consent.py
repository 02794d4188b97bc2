# SPDX-License-Identifier: GPL-3.0-or-later
"""What a language model wants of a real node waits for a person, who says so by the command line, on both brokers."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.brokers import Broker
from support.chat_server import MODEL, Say, chat_server
from support.gateway import Process, start
from support.mesh import Attacker
from support.node import node
from support.waiting import until_answered

SECTION = (Path(__file__).parents[2] / "docs" / "actuators.md").read_text().partition("## A person's consent\n")[2]
PAGE = SECTION.partition("\n## ")[0]
#: The commands of the page without the number, and what it shows of the first.
LIST, GRANT, REFUSE = (line.split()[1:3] for line in re.findall(r"^ganglion .*$", PAGE, re.MULTILINE))
SHOWN = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
SCRIPT = """
version: "2.2"
dialect: edge/1
name: watch
requires: {sensors: [bell.temperature], actuators: [lock, hatch]}
triggers:
  - {id: warm, sensor: bell.temperature, above: 30, run: open}
  - {id: cold, sensor: bell.temperature, below: 0, run: air}
protocols:
  - name: open
    steps:
      - {id: ask, action: prompt, prompt: Open?, save: said}
      - {id: open, action: actuate, actuator: lock, value: true}
      - {id: tell, action: publish, topic: alert/lock, value: "{said}"}
  - name: air
    steps:
      - {id: ask, action: prompt, prompt: Air?, save: said}
      - {id: open, action: actuate, actuator: hatch, value: true}
"""
CONFIG = """
[node]
name = "cellar"
scripts = ["watch.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.bell]
kind = "bme280"
bus = "sim"
every = "50ms"
[actuator.lock]
driver = "file"
path = "lock"
risk = "confirm"
[actuator.hatch]
driver = "file"
path = "hatch"
risk = "confirm"
consent_within = "500ms"
"""


class House:
    """A gateway, a node in its mesh, and who speaks to them by the command line."""

    def __init__(self, folder: Path, broker: Broker, environment: dict[str, str]) -> None:
        self.folder = folder
        self._broker = broker
        self._environment = environment
        self.gateway: Process

    async def up(self) -> None:
        self.gateway = await start(self.folder / "gateway", self._broker.url, environment=self._environment)

    async def ganglion(self, *words: str, as_text: bool = False) -> tuple[int, Any]:
        command = [sys.executable, "-m", "ganglion", *words, *([] if as_text else ["--json"])]
        environment = {**os.environ, "GANGLION_GATEWAY": self.gateway.url, "GANGLION_TOKEN": self.gateway.token}
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60
        )
        assert done.stdout, done.stderr
        return done.returncode, done.stdout if as_text else json.loads(done.stdout)

    async def get(self, path: str) -> Any:
        return (await self.gateway.http.get(f"/api/v1{path}")).json()

    async def senses(self, celsius: float) -> None:
        """Has the node sense it, after 20 degrees: the script's trigger fires."""
        for value in (20.0, celsius):
            await self._simulate(value)

    async def _simulate(self, celsius: float) -> None:
        body = {"method": "sim.set", "params": {"sensor": "bell.temperature", "value": celsius}}
        done = await self.gateway.http.post("/api/v1/nodes/cellar/commands", json=body)
        assert done.status_code == 200, done.text

        async def read() -> bool:
            sensors = (await self.get("/nodes/cellar"))["sensors"]
            return abs(sensors.get("bell.temperature", {}).get("value", 1000) - celsius) < 1

        await until_answered(read, what=f"{celsius} is read")

    async def waiting(self) -> dict[str, Any]:
        """The command that waits, as soon as one does."""
        found: list[dict[str, Any]] = []

        async def asked() -> bool:
            found[:] = (await self.get("/consents"))["consents"]
            return bool(found)

        await until_answered(asked, what="a command waits for consent")
        (one,) = found
        return one

    async def ended(self, status: str) -> dict[str, Any]:
        """The step that actuates, of the last run, as soon as that ended so."""
        found: dict[str, Any] = {}

        async def told() -> bool:
            found.update(await self.get("/nodes/cellar/episodes/last"))
            return found["status"] == status

        await until_answered(told, what=f"the run is told, {status}")
        return next(step for step in found["steps"] if step["action"] == "actuate")

    def shows(self, actuator: str) -> str:
        return (self.folder / actuator).read_text()


@asynccontextmanager
async def house(folder: Path, broker: Broker) -> AsyncIterator[House]:
    async with chat_server() as chat:
        chat.says(Say(text="Yes, open it."))
        made = House(folder, broker, chat.environment)
        await made.up()
        try:
            (folder / "watch.yaml").write_text(SCRIPT)
            key = (await made.gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
            (folder / "enrol.key").write_text(key)
            async with node(
                folder, CONFIG.format(broker=broker.url).replace('path = "', f'path = "{folder}/')
            ) as cellar:
                await cellar.ready()
                await until_answered(lambda: _online(made))
                yield made
        finally:
            await made.gateway.end(signal.SIGKILL)


async def _online(made: House) -> bool:
    return any(each["online"] for each in (await made.get("/nodes"))["nodes"])


async def test_what_a_model_wants_is_done_when_a_person_has_agreed(broker: Broker, tmp_path: Path) -> None:
    async with house(tmp_path, broker) as made, Attacker(broker.url, made.gateway.ready["mesh"]).running() as listener:
        await made.senses(40)
        one = await made.waiting()
        assert (one["name"], one["actuator"], one["value"], one["owner"]) == ("cellar", "lock", True, "watch")
        assert one["why"] == f'{MODEL} has answered "Yes, open it."'
        assert made.shows("lock") == "0\n"
        code, text = await made.ganglion(*LIST, as_text=True)
        said, shown = text.splitlines(), SHOWN.splitlines()
        assert (code, said[0].split(), said[-1]) == (0, shown[0].split(), shown[-1])
        assert f"cellar  lock = true  watch, run {one['run']}" in said[1]
        assert said[1].endswith(shown[1].rpartition("  ")[2])
        code, granted = await made.ganglion(*GRANT, one["id"])
        assert (code, granted["state"], granted["by"], granted["told"]) == (0, "granted", "admin", True)
        step = await made.ended("completed")
        assert made.shows("lock") == "1\n"
        agreed = f"with the consent of admin (consent {one['id']})"
        assert step["detail"]["reason"] == f"lock: {agreed}"
        trace = await made.get("/traces/last")
        (line,) = [line for line in trace["lines"] if line["stage"] == "guardian"]
        assert line["detail"] == f"lock: accepted (lock: {agreed})"
        code, _ = await made.ganglion("consents", "grant", one["id"])
        assert code == 1, "it is granted once"

        await made.senses(40)
        other = await made.waiting()
        assert other["id"] != one["id"], "a grant is for one command"
        answers = listener.on("/r")
        assert answers
        for answer in answers:
            await listener.says(answer.topic, answer.payload)
        code, _ = await made.ganglion(*REFUSE, other["id"])
        assert code == 0
        step = await made.ended("failed")
        assert step["detail"]["reason"] == f"lock: admin has refused consent (consent {other['id']})"
        assert made.shows("lock") == "1\n", "as it was"

        await made.senses(-10)
        step = await made.ended("failed")
        while step["detail"]["actuator"] != "hatch":
            step = await made.ended("failed")
        assert step["detail"]["reason"] == "hatch: nobody has consented within 0.5 s"
        assert made.shows("hatch") == "0\n"


async def test_a_gateway_that_restarts_while_it_waits_is_asked_again(broker: Broker, tmp_path: Path) -> None:
    async with house(tmp_path, broker) as made:
        await made.senses(40)
        one = await made.waiting()
        await made.gateway.end(signal.SIGKILL)
        await made.up()
        again = await made.waiting()
        assert (again["id"], again["expires"]) == (one["id"], one["expires"])
        code, granted = await made.ganglion("consents", "grant", one["id"])
        assert (code, granted["state"]) == (0, "granted")
        step = await made.ended("completed")
        assert step["detail"]["reason"] == f"lock: with the consent of admin (consent {one['id']})"
        assert made.shows("lock") == "1\n"
