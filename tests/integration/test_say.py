# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and services say to a node: intents, feedback, webhooks; sessions and schedules that outlive it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.brokers import Broker
from support.gateway import Process, process
from support.mova import edge
from support.node import node
from support.waiting import until_answered

HOME = """
version: "2.2"
dialect: edge/1
name: home
requires: {actuators: [lamp]}
intents:
  - name: lamp_on
    patterns: [lamp on, light on, turn on the (?P<what>lamp|light)]
    response_template: "On it, {what}."
  - {name: how_often, patterns: [how often, how many times]}
  - {name: bye, patterns: [goodbye], response_template: "Bye."}
  - {name: guard, patterns: [guard the house]}
triggers:
  - {id: lit, intent: lamp_on, run: switch}
  - {id: count, intent: how_often, run: tell}
  - {id: always, start: true, run: guard}
  - {id: guard, intent: guard, run: guard}
  - {id: hook, webhook: door, map: {who: name}, run: knock}
  - {id: night, cron: "0 3 * * *", timezone: Europe/Kyiv, missed: run_once, run: knock}
protocols:
  - name: switch
    steps:
      - {id: first, action: set, values: {count: "0"}, conditions: [{variable: count, operator: not_exists}]}
      - {id: more, action: set, values: {count: count + 1}}
      - {id: light, action: actuate, actuator: lamp, value: true, for: 30s}
  - name: tell
    steps:
      - {id: tell, action: publish, mqtt: told, value: "{count}"}
      - {id: fail, action: set, values: {x: nowhere}, conditions: [{variable: count, operator: not_exists}]}
  - name: guard
    steps: [{id: wait, action: wait, event: never}]
  - name: knock
    steps: [{id: say, action: publish, topic: alert/door, value: "{who}"}]
"""
CONFIG = """
[node]
name = "home"
scripts = ["home.yaml"]
sessions = "sqlite:///sessions.db"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[actuator.lamp]
driver = "file"
path = "lamp"
"""


async def ganglion(gateway: Process, *words: str, as_text: bool = False) -> tuple[int, Any]:
    """Exit code and output of a command, which is JSON unless it is asked for as people read it."""
    command = [sys.executable, "-m", "ganglion", *words, *([] if as_text else ["--json"])]
    environment = {**os.environ, "GANGLION_GATEWAY": gateway.url, "GANGLION_TOKEN": gateway.token}
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=environment, timeout=90)
    assert done.stdout, done.stderr
    return done.returncode, done.stdout if as_text else json.loads(done.stdout)


async def say(gateway: Process, *words: str) -> tuple[int, Any]:
    return await ganglion(gateway, "say", "home", *words)


async def joined(gateway: Process) -> None:
    async def online() -> bool:
        nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
        return any(each["name"] == "home" and each["online"] for each in nodes)

    await until_answered(online)


async def test_a_node_does_what_it_is_told(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "home.yaml").write_text(HOME)
    config = CONFIG.format(broker=broker.url)
    async with process(tmp_path / "gateway", broker.url) as gateway:
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        async with node(tmp_path, config) as home:
            await home.ready()
            await joined(gateway)

            code, said = await say(gateway, "Turn on the lamp, please!", "--session", "ann")
            assert (code, said["recognition"]["by"], said["recognition"]["intent"]) == (0, "patterns", "lamp_on")
            assert said["recognition"]["response"] == "On it, lamp."
            (run,) = said["runs"]
            assert (run["script"], run["protocol"], run["status"], run["error"]) == (
                "home",
                "switch",
                "completed",
                None,
            )
            assert (home.state / "lamp").read_text() == "1\n"

            dark = ["say", "home", "give me some light", "--session", "ann"]
            code, told = await ganglion(gateway, *dark, as_text=True)
            assert code == 0
            assert told.startswith("lamp_on (classifier, 0.")
            assert "home: switch completed" in told

            code, said = await say(gateway, "what is the capital of Peru")
            assert (code, said["recognition"]["intent"], said["runs"]) == (1, None, [])
            assert any("no language model" in note for note in said["recognition"]["notes"]) is False

            code, said = await say(gateway, "guard the house")  # which it does since it has started
            assert (code, said["recognition"]["intent"], said["runs"], said["ignored"]) == (1, "guard", [], 1)
            code, told = await ganglion(gateway, "say", "home", "guard the house", as_text=True)
            assert (code, "busy" in told) == (1, True)

            code, said = await say(gateway, "how often?")  # of no session: nothing was counted
            assert (code, said["runs"][0]["status"]) == (1, "failed")
            assert said["runs"][0]["error"] == "step fail failed: nowhere is not set"

            code, said = await say(gateway, "blorp the frobnicator")
            assert said["recognition"]["intent"] is None
            code, said = await say(gateway, "blorp the frobnicator", "--teach", "byee")
            assert code == 3
            assert said["error"] == "no script of home has the intent 'byee'; did you mean \"bye\"?"
            assert not list((tmp_path / "gateway").rglob("intents.jsonl"))
            assert (await say(gateway, "blorp the frobnicator", "--teach", "bye"))[0] == 0
            assert list((tmp_path / "gateway").rglob("intents.jsonl"))
            code, said = await say(gateway, "blorp the frobnicator")
            assert (code, said["recognition"]["intent"], said["recognition"]["response"]) == (0, "bye", "Bye.")

            code, listed = await ganglion(gateway, "scripts", "list", "home")
            assert [each["name"] for each in listed["scripts"]] == ["home"]
            (tmp_path / "other.yaml").write_text(edge("- {id: x, action: end}").replace("name: trial", "name: other"))
            code, put = await ganglion(gateway, "scripts", "put", "home", str(tmp_path / "other.yaml"))
            assert (code, put["name"], put["replaced"]) == (0, "other", False)
            (tmp_path / "other.yaml").write_text(edge("- {id: y, action: end}").replace("name: trial", "name: other"))
            code, told = await ganglion(gateway, "scripts", "put", "home", str(tmp_path / "other.yaml"), as_text=True)
            assert (code, "it took the place of another script of that name" in told) == (0, True)
            assert (await ganglion(gateway, "scripts", "remove", "home", "other"))[0] == 0
            code, gone = await ganglion(gateway, "scripts", "remove", "home", "other")
            assert code == 3
            assert "there is no script 'other' here; there are home" in gone["error"]

            hook = await gateway.http.post("/api/v1/nodes/home/webhooks/door", json={"name": "Olha"})
            assert [run["status"] for run in hook.json()["runs"]] == ["completed"]
            hook = await gateway.http.post("/api/v1/nodes/home/webhooks/door", data={"name": "Petro"})
            assert [run["status"] for run in hook.json()["runs"]] == ["completed"]
            nowhere = await gateway.http.post("/api/v1/nodes/home/webhooks/none", json={})
            assert nowhere.status_code == 404
            assert "listens to the webhook 'none'; there are door" in nowhere.json()["detail"]
            large = await gateway.http.post("/api/v1/nodes/home/webhooks/door", json={"name": "x" * 70_000})
            assert large.status_code == 413
            image = {"content-type": "image/png"}
            strange = await gateway.http.post("/api/v1/nodes/home/webhooks/door", content=b"\x89PNG", headers=image)
            assert strange.status_code == 415
            assert strange.headers["content-type"] == "application/problem+json"
            endless = await gateway.http.post("/api/v1/nodes/home/webhooks/door", content=b'{"name": 1e999}')
            assert endless.status_code == 422

            async def alerted() -> bool:
                events = (await gateway.http.get("/api/v1/events")).json()["events"]
                said = {each["value"] for each in events if each["topic"] == "alert/door"}
                return said >= {"Olha", "Petro"}

            await until_answered(alerted)
        assert "home/night" in json.loads((home.state / "schedules.json").read_text())

        async with node(tmp_path, config) as home:  # started again: the session goes on
            await home.ready()
            await joined(gateway)
            code, said = await say(gateway, "how many times?", "--session", "ann")
            assert (code, said["runs"][0]["status"]) == (0, "completed")


async def test_a_node_without_intents_says_so(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "home.yaml").write_text('version: "2.2"\nprotocols: []\n')
    async with process(tmp_path / "gateway", broker.url) as gateway:
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        async with node(tmp_path, CONFIG.format(broker=broker.url)) as home:
            await home.ready()
            await joined(gateway)
            code, said = await say(gateway, "hello")
            assert code == 3
            assert "no script of this node has intents" in said["error"]
            answer = await gateway.http.post(
                "/api/v1/nodes/home/commands", json={"method": "scripts.say", "params": {"text": " "}}
            )
            assert answer.status_code == 422
            assert "text" in answer.json()["detail"]
