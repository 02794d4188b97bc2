# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/board-member.md, and the agent on a real MicroPython as a full member: a real broker, a real gateway."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.firmware import bundle, heap
from ganglion.firmware.interpreter import cached
from ganglion.units import SECOND
from ganglion_micro import authority, cose, gl1, member, mqtt, saying, voice
from ganglion_tools.micropython import interpreter
from support.agent import SLOTTED, powered
from support.brokers import Broker
from support.full_board import SAID, Garden, garden
from support.mesh import Attacker
from support.waiting import until, until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "board-member.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
(BROKER,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SCRIPT = """
version: "2.2"
dialect: edge/1
name: dry
requires: {sensors: [soil], actuators: [blind]}
triggers:
  - {id: dry, sensor: soil, below: 20, run: tell}
  - {id: wet, sensor: soil, above: 40, run: open}
protocols:
  - {name: open, steps: [{id: open, action: actuate, actuator: blind, value: false}]}
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
            gateway = next(
                each for each in attacker.heard if "/c/gateway/" in each.topic and not each.topic.endswith(gl1.ALL)
            )
            await refuses(it, attacker, gateway.topic, birth, "unauthorised")
            assert board.pin(15) == 0
        # The broker goes and comes; what is said meanwhile arrives
        await broker.kill()
        soil.write_text("32768")
        await until(lambda: "broker: 127.0.0.1: " in board.console, what="the board notices")
        await until(lambda: board.pin(14) == 0, what="the script opens the blind without a broker")
        soil.write_text("6553")
        await until(lambda: board.pin(14) == 1, what="and closes it")
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
async def test_the_commands_of_the_page_make_a_member_and_its_sealed_update_is_kept(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    size, create, build, call, put, send = COMMANDS
    assert json.loads(BROKER).keys() == {"broker"}

    async def run(command: str) -> str:
        program, *words = command.split()
        assert (program, await asyncio.to_thread(main, words)) == ("ganglion", 0), command
        return capsys.readouterr().out

    async with garden(broker, tmp_path, ROOT / "tests" / "support" / "board") as it:
        monkeypatch.setenv("GANGLION_GATEWAY", it.gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", it.gateway.token)
        board, config = it.board, str(tmp_path / "agent.json")
        board.configure(**SAID, broker=broker.url, updates="signed")
        shutil.copy(board.folder / "agent.json", config)
        interpreter(cached("i386"), "i386")  # with it the heap is measured, and a budget that is missed is a failure
        assert "which is enough" in await run(size)
        await run(create)
        await run(build)
        shutil.copytree("board", board.folder, dirs_exist_ok=True)
        shutil.copy("enrol.key", board.folder)
        (board.folder / "main.py").write_text(SLOTTED)
        (tmp_path / "shade.yaml").write_text(SCRIPT)
        async with powered(board):
            await it.joined()

            async def kept() -> bool:
                return " kept " in (board.folder / "slot").read_text()

            await until_answered(kept, what="the first version is kept")
            assert json.loads(await run(call))["slot"] == "a"
            assert "dry runs on garden" in await run(put)
            monkeypatch.setattr(bundle, "__version__", "9.0.0")
            assert (await run(send)).startswith("9.0.0 runs on garden: ")
            found = await status(it)
            assert (found["slot"], found["boot"], found["updates"]) == ("b", 2, "signed")
            assert (board.folder / "sealed").exists()
            assert (board.folder / "slot").read_text().startswith("1 b kept ")


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"| {bundle.BUDGET // 1024} KiB | {bundle.FULL_BUDGET // 1024} KiB |" in text
    assert f"heap of {heap.BOARD // 1024} KiB that is free with a script of {heap.STEPS} steps" in text
    assert f"| {heap.FREE // 1024} KiB | {heap.FULL_FREE // 1024} KiB |" in text
    assert f"is {authority.FRESHNESS // SECOND} s old at most" in text
    assert f"for {authority.MAX_STALE // (86400 * SECOND)} days" in text
    assert f"every {member.FRAME_MS[0]} ms at most" in text
    assert f"every {member.FRAME_MS[1] // 1000} s in the slowest case" in text
    assert f"a frame ({saying.FRAME_SIZE} bytes)" in text
    assert f"in memory, {voice.EVENTS} of them" in text
    assert f"after {member.QUIET_MS // 1000} s, or after thirty times" in text
    assert f"more than {mqtt.MAX_SIZE} bytes is passed over" in text
    assert member.SHARE == 10
    assert mqtt.MAX_SIZE // 21 > 190, "a key of the list has 20 bytes, and one for its type and length"
