# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a real MicroPython as a full member of the mesh: a key of its own, a real broker, a real gateway."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.firmware import bundle
from ganglion_micro import cose
from support.agent import SLOTTED, powered
from support.brokers import Broker
from support.full_board import SAID, Garden, garden
from support.mesh import Attacker
from support.waiting import until, until_answered

ROOT = Path(__file__).parents[2]
SCRIPT = """
version: "2.2"
dialect: edge/1
name: dry
requires: {sensors: [soil], actuators: [blind]}
triggers: [{id: dry, sensor: soil, below: 20, run: tell}]
protocols:
  - name: tell
    steps:
      - {id: shut, action: actuate, actuator: blind, value: true, for: 5m}
      - {id: tell, action: publish, topic: alert/dry, value: {soil: "{event.value}"}}
"""


async def said(it: Garden, count: int) -> None:
    """Returns when the gateway has so many alerts of the board, and no more."""

    async def told() -> bool:
        return len(await it.events("alert")) >= count

    await until_answered(told, what=f"alert {count} at the gateway")
    assert len(await it.events("alert")) == count


async def status(it: Garden) -> dict:
    code, found = await it.call("status")
    assert code == 200, found
    return found


async def refuses(it: Garden, attacker: Attacker, topic: str, payload: bytes, cause: str) -> None:
    """Has an attacker say something to the board, which does not believe it."""
    known = (await status(it)).get("refused", {}).get(cause, 0)
    await attacker.says(topic, payload)

    async def counted() -> bool:
        return (await status(it)).get("refused", {}).get(cause, 0) > known

    await until_answered(counted, what=f"it is counted as {cause}")


async def test_a_board_is_a_member_of_the_mesh(
    broker: Broker, tmp_path: Path, firmware: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dry.yaml").write_text(SCRIPT)
    async with garden(broker, tmp_path, firmware) as it:
        monkeypatch.setenv("GANGLION_GATEWAY", it.gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", it.gateway.token)
        board, attacker = it.board, Attacker(broker.url, it.mesh)
        soil = board.folder / "pin26"
        async with attacker.running():
            # Enrolled, born, heard
            await board.on()
            node = await it.joined()
            assert (node["board"], node["sw"]) == ("pico-w", "ganglion-agent/0.1.0")
            assert (round(node["sensors"]["soil"]["value"]), node["sensors"]["soil"]["unit"]) == (50, "%")
            assert not (board.folder / "enrol.key").exists(), "it has done its work"
            # Called
            assert (await status(it))["boot"] == 1
            assert (await it.call("actuators.set", actuator="pump", value=True))[0] == 200
            assert board.pin(15) == 1
            wrong, why = await it.call("actuators.set", actuator="door", value=True)
            assert (wrong, "there is no actuator door; known are blind, pump" in why) == (403, True), why
            methods = [each["name"] for each in (await it.call("methods"))[1]["methods"]]
            assert {"status", "scripts.put", "sensors.read"} <= set(methods)
            # A script, and its event
            assert await asyncio.to_thread(main, ["scripts", "put", "garden", str(tmp_path / "dry.yaml")]) == 0
            soil.write_text("6553")
            await until(lambda: board.pin(14) == 1, what="the script closes the blind")
            await said(it, 1)
            assert round((await it.events("alert"))[0]["soil"]) == 10
            # Whoever owns the broker has no say
            await it.call("actuators.set", actuator="pump", value=False)
            assert board.pin(15) == 0
            requests = [
                each for each in attacker.on("/q") if b"actuators.set" in each.payload and b"pump" in each.payload
            ]
            on = requests[0]
            await refuses(it, attacker, on.topic, on.payload, "replayed")
            forged = cose.parse(on.payload)
            payload = on.payload.replace(forged.payload, forged.payload.replace(b"pump", b"fump"))
            await refuses(it, attacker, on.topic, payload, "forged")
            await refuses(it, attacker, on.topic.replace("/q", "/r"), requests[-1].payload, "replayed")
            birth = attacker.on(f"/n/{node['id']}/birth")[-1].payload
            gateway = next(each for each in attacker.heard if "/c/gateway/" in each.topic)
            await refuses(it, attacker, gateway.topic, birth, "unauthorised")
            assert board.pin(15) == 0
        # The broker goes and comes; what is said meanwhile arrives
        await broker.kill()
        soil.write_text("32768")
        await until(lambda: "broker: 127.0.0.1: " in board.console, what="the board notices")
        soil.write_text("6553")
        await broker.start()
        await said(it, 2)
        # The power fails: it is the same member, without a key
        await board.off()
        await board.on()
        await it.joined(epoch=2)
        async with attacker.running():
            await refuses(it, attacker, on.topic, on.payload, "stale")
        found = await status(it)
        assert (found["boot"], found["scripts"], found["actuators"]["pump"]) == (2, ["dry"], False)
        assert json.loads(json.dumps(await it.node()))["id"] == node["id"]


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_a_sealed_update_of_a_member_runs_on_trial_and_is_kept(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*words: str, code: int = 0) -> dict:
        ended = await asyncio.to_thread(main, [*words, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, out + err
        found: dict = json.loads(out)
        return found

    async with garden(broker, tmp_path, ROOT / "tests" / "support" / "board") as it:
        monkeypatch.setenv("GANGLION_GATEWAY", it.gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", it.gateway.token)
        board, config = it.board, str(tmp_path / "agent.json")
        board.configure(**SAID, broker=broker.url, updates="signed")
        shutil.copy(board.folder / "agent.json", config)
        await run("firmware", "build", "--config", config, "--out", str(board.folder))
        (board.folder / "main.py").write_text(SLOTTED)
        async with powered(board):
            await it.joined()

            async def kept() -> bool:
                return " kept " in (board.folder / "slot").read_text()

            await until_answered(kept, what="the first version is kept")
            other = await run("firmware", "send", "garden", "--profile", "leaf", code=2)
            assert "this firmware is of a leaf, and garden is a full member" in other["error"]
            monkeypatch.setattr(bundle, "__version__", "9.0.0")
            sent = await run("firmware", "send", "garden", "--config", config)
            assert (sent["was"], sent["version"]) == ("committed", "9.0.0")
            found = await status(it)
            assert (found["slot"], found["boot"], found["updates"]) == ("b", 2, "signed")
            assert (board.folder / "sealed").exists()
            assert (board.folder / "slot").read_text().startswith("1 b kept ")
