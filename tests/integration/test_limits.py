# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of the fleet at work: from the operator's document to a node's actuator, and against who makes some up."""

import asyncio
import json
import os
import re
import shlex
import signal
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mesh.authority import Authority
from ganglion.mesh.fleet_limits import NONE, read
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause
from ganglion.mesh.signed_config import LIMITS, POLICIES
from ganglion_micro import gl1
from support.brokers import Broker
from support.gateway import NO_BROKER, here, process
from support.mesh import Attacker, Gateway, enrolled, running
from support.node import node
from support.waiting import until, until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "actuators.md").read_text()
SECTION = PAGE.partition("## Limits of the fleet\n")[2].partition("\n## ")[0]
#: Seconds until everybody who is there must go by new limits. Over a broker it takes well under one; a machine of many
#: tests has its time.
EFFECTIVE = 60.0
CELLAR = """
[node]
name = "cellar"
scripts = ["open.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
links = []
[actuator.vent]
driver = "file"
path = "vent"
low = 0
high = 100
[actuator.lamp]
driver = "file"
path = "lamp"
"""
#: Opens the vent as soon as the node is there, and lights the lamp where it may not.
OPEN = """
version: "2.2"
dialect: edge/1
name: open
triggers: [{id: started, start: true, run: open}]
protocols:
  - name: open
    error_handling: {retry_count: 0, fallback_step_id: warn}
    steps:
      - {id: vent, action: actuate, actuator: vent, value: 90}
      - {id: done, action: end}
      - {id: warn, action: actuate, actuator: lamp, value: true}
"""
LIMIT = """
[[limit]]
nodes = ["tag:damp", "name:elsewhere"]
where = {name = "vent"}
high = 60
max_on = "1h"
"""


async def test_limits_hold_within_seconds_after_a_kill_without_a_broker_and_until_they_are_withdrawn(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, [*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    (tmp_path / "open.yaml").write_text(OPEN)
    (tmp_path / "limits.toml").write_text(LIMIT)
    (tmp_path / "none.yaml").write_text("limit: []\n")
    state = tmp_path / "state"

    def said(name: str) -> str:
        return (state / name).read_text().strip() if (state / name).exists() else ""

    async def sets(value: int) -> tuple[int, Any]:
        return await ask("call", "cellar", "actuators.set", "actuator=vent", f"value={value}")

    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        key = (await gateway.http.post("/api/v1/enrol-keys", json={"tags": ["damp"]})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        async with node(tmp_path, CELLAR.format(broker=broker.url)) as cellar:
            await cellar.ready()
            await until(lambda: said("vent") == "90", what="it may be open")
            code, made = await ask("limits", "set", str(tmp_path / "limits.toml"))
            assert code == 0
            assert made["version"] > 0
            assert await ask("limits", "show") == (0, made)
            await until(lambda: said("vent") == "0", within=EFFECTIVE, what="it is open too far, and made safe")
            source = f"fleet {made['version']}"
            code, told = await sets(80)
            assert (code, told["error"]) == (4, f"cellar: vent: must be 0 to 60, not 80 (limit of {source})")
            assert (await sets(50))[0] == 0
            vent = (await ask("call", "cellar", "actuators.list"))[1]["result"]["actuators"]["vent"]
            assert vent["limits"] == {
                "low": {"value": 0, "from": "node"},
                "high": {"value": 60, "from": source},
                "max_on": {"value": 3600, "from": source},
                "risk": {"value": "low", "from": "node"},
            }
            assert (vent["low"], vent["high"], vent["value"]) == (0, 60, 50)
            os.kill(cellar.process.pid, signal.SIGKILL)
            await cellar.process.wait()
        assert said("lamp") != "1"
        async with node(tmp_path, CELLAR.format(broker=NO_BROKER)):
            await until(lambda: said("lamp") == "1", what="the script was refused, though nobody is there to say it")
            assert said("vent") == "0"
        for name in ("limits.cbor", "limits.cbor.copy"):
            (state / name).write_bytes((state / name).read_bytes()[:-9])
        code, doctor = await ask("doctor", "--state", str(state))
        assert code == 1
        assert [str(state / "limits.cbor") in each["what"] for each in doctor["problems"]][-2:] == [True, True]
        (state / "lamp").unlink()
        async with node(tmp_path, CELLAR.format(broker=NO_BROKER)):
            await until(lambda: said("lamp") == "0", what="it has started, and every actuator is safe")
            await asyncio.sleep(1)
            assert (said("vent"), said("lamp")) == ("0", "0"), "lost limits free nothing"
        async with node(tmp_path, CELLAR.format(broker=broker.url)) as cellar:
            await cellar.ready()

            async def limited() -> bool:
                return "limit of fleet" in (await sets(80))[1]["error"]

            await until_answered(limited, within=EFFECTIVE, what="it has heard them again")
            assert (await ask("mesh", "stats", "cellar"))[1]["lost"] == {}
            assert (await ask("doctor", "--state", str(state)))[0] == 0
            code, gone = await ask("limits", "set", str(tmp_path / "none.yaml"))
            assert (code, gone["limit"]) == (0, [])
            assert gone["version"] > made["version"]

            async def allowed() -> bool:
                return (await sets(80))[0] == 0

            await until_answered(allowed, within=EFFECTIVE, what="what was withdrawn refuses nothing")
            assert said("vent") == "80"


async def test_neither_a_replay_nor_a_deletion_nor_a_forgery_changes_anything(broker: Broker, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, broker.url)
    cellar = gateway.node("cellar")
    authority, mesh = gateway.authority, gateway.authority.mesh_id
    attacker = Attacker(broker.url, mesh)
    topic = gl1.config_topic(mesh, LIMITS.what)
    limits = read({"limit": [{"nodes": "*", "where": {"name": "vent"}, "high": 60}]})
    async with attacker.running(), running(gateway.client, cellar):
        await enrolled(cellar)
        gateway.client.desk.set_config(LIMITS, NONE)
        old = authority.config(LIMITS, now=time.time_ns())
        made = gateway.client.desk.set_config(LIMITS, limits)
        new = authority.config(LIMITS, now=time.time_ns())
        assert old is not None
        assert new is not None
        await until(lambda: cellar.limits[0] == made.version, within=EFFECTIVE, what="the limits")
        assert cellar.limits == (made.version, [{"where": {"name": "vent"}, "high": 60}])
        gateway.client.desk.set_config(POLICIES, POLICIES.default)
        rules = authority.config(POLICIES, now=time.time_ns())
        assert rules is not None
        forged = LIMITS.sign(Identity.create(), authority.mesh, NONE, version=2**31, now=time.time_ns())
        attacks = (old.data, b"", forged, new.data[:-64] + bytes(64), rules.data, b"\xff" * 100)
        before = cellar.member.rejected.copy()
        heard = len(attacker.on("c/limits"))
        for payload in attacks:
            await attacker.says(topic, payload, retain=True)
        for cause, count in ((Cause.MISADDRESSED, 2), (Cause.FORGED, 2)):
            await until(
                lambda cause=cause, count=count: cellar.member.rejected[cause] - before[cause] >= count,
                what=cause.value,
            )
        assert cellar.limits[0] == gateway.client.limits[0] == made.version
        await until(
            lambda: attacker.on("c/limits")[heard + len(attacks) :] and attacker.on("c/limits")[-1].payload == new.data,
            what="the gateway has put it right",
        )
    assert gateway.node("cellar").limits == cellar.limits, "before there is any connection"
    gateway.authority = Authority.open(gateway.folder / "authority", now=time.time_ns())
    assert gateway.authority.config(LIMITS, now=time.time_ns()) == new


async def test_every_command_of_the_page_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", SECTION, re.DOTALL | re.MULTILINE)
    assert len(blocks) == SECTION.count("```sh") == 3
    (document,) = re.findall(r"^```toml\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "limits.toml").write_text(document)
    async with process(tmp_path / "gateway") as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        for commands, shown in blocks:
            for command in commands.splitlines():
                line, _, file = command.partition(" > ")
                program, *words = shlex.split(line)
                assert (program, await asyncio.to_thread(main, words)) == ("ganglion", 0)
                said = capsys.readouterr().out
                if file:
                    (tmp_path / file).write_text(said)
                elif shown:
                    assert re.sub(r"\b\d{10}\b", "1795280400", said) == shown
        holds = (await gateway.http.get("/api/v1/mesh/limits")).json()
    assert holds["limit"] == tomllib.loads(document)["limit"]


async def test_limits_are_shown_set_and_noted_and_what_is_none_changes_nothing(tmp_path: Path) -> None:
    limit = {"nodes": "*", "where": {"driver": "gpio", "line": 17}, "max_on": "5m"}
    path = "/mesh/limits"
    async with here(tmp_path / "state") as site:
        assert await site.get(path) == {"version": 0, "limit": [], "issued": None}
        made = await site.post(path, {"limit": [limit], "version": 0})
        assert (made["limit"], made) == ([limit], await site.get(path))
        for body, status, says in (
            ({"limit": [limit], "version": 7}, 409, "were changed meanwhile"),
            ({"limit": [{**limit, "max_on": "5x"}]}, 422, "limits.limit[0].max_on"),
            ({"limit": [{**limit, "nodes": "gpio"}]}, 422, "limits.limit[0].nodes"),
            ({"limit": [{**limit, "values": ["x" * 70000]}]}, 422, "cannot be signed"),
            ({}, 422, "limit"),
        ):
            answer = await site.http.post(f"/api/v1{path}", json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
            assert says in answer.json()["detail"]
        assert (await site.stranger.get(f"/api/v1{path}")).status_code == 401
        assert (await site.stranger.post(f"/api/v1{path}", json={"limit": []})).status_code == 401
        gone = await site.post(path, {"limit": [], "version": made["version"]})
        entries = [each for each in (await site.get("/audit"))["entries"] if each["action"] == "limits.set"]
        assert [each["target"] for each in entries] == [str(gone["version"]), str(made["version"])]
        assert entries[0]["detail"]["withdrawn"] == [limit]
    async with here(tmp_path / "state") as site:
        assert await site.get(path) == gone, "after a restart"
