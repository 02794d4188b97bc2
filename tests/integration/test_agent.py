# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/firmware.md: its commands, and the agent on a real MicroPython as a leaf, with node, broker and gateway."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli import mcp_tools
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.main import main
from ganglion.errors import NotFoundError, RefusedError
from ganglion.mesh.leaves.folder import LeafFolder
from support.agent import PROGRAM, RESET, Board
from support.brokers import Broker, free_ports
from support.chat_server import ChatServer, Say, chat_server
from support.console_node import console
from support.gateway import Process, process
from support.leaves import PARENT
from support.mesh import NOW
from support.node import NodeProcess, node
from support.waiting import until, until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "firmware.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
AGENT, _ = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(SCRIPT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(MAIN,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(WRONG,) = re.findall(r"^```text\n(agent.json.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


class Farm:
    """A gateway, a node that is a parent, and a board with its configuration of the page."""

    def __init__(self, gateway: Process, folder: Path, config: str, board: Board, port: int) -> None:
        self.gateway = gateway
        self.folder = folder
        self.board = board
        self.leaves = LeafFolder(folder / "state")
        self.said: dict[str, Any] = {**json.loads(AGENT), "uplink": {"kind": "none"}}
        self.said["parent"] = {"host": "127.0.0.1", "port": port}
        self._config = config

    @asynccontextmanager
    async def barn(self) -> AsyncIterator[NodeProcess]:
        async with node(self.folder, self._config) as barn:
            await barn.ready()
            yield barn

    def configure(self, **more: Any) -> None:
        """Brings the board its files."""
        self.board.configure(**{**self.said, **more})
        (self.board.folder / "leaf.key").write_text(self.leaves.add("garden", now=NOW).text())
        (self.board.folder / "lux").write_text("300")
        (self.board.folder / "pin26").write_text("32768")

    async def leaf(self) -> dict[str, Any]:
        nodes = (await self.gateway.http.get("/api/v1/nodes")).json()["nodes"]
        found: list[dict[str, Any]] = nodes[0]["leaves"] if nodes else []
        return found[0] if found else {}

    async def joined(self) -> None:
        async def is_here() -> bool:
            leaf = await self.leaf()
            return bool(leaf.get("online") and {"light.illuminance", "soil"} <= set(leaf["sensors"]))

        await until_answered(is_here, what="the board's readings")

    async def call(self, method: str, **params: Any) -> tuple[int, Any]:
        """HTTP status, and the result or what is said."""
        body = {"leaf": "garden", "method": method, "params": params}
        asked = {"method": "leaf.call", "params": body}
        answer = await self.gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
        document = answer.json()
        return answer.status_code, document["result"] if answer.status_code == 200 else answer.text

    async def events(self, cls: str) -> list[Any]:
        events = (await self.gateway.http.get("/api/v1/events")).json()["events"]
        return [event["value"] for event in events if event["leaf"] == "garden" and event["class"] == cls]


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


@pytest.fixture
async def farm(
    broker: Broker, tmp_path: Path, firmware: Path, monkeypatch: pytest.MonkeyPatch, chat: ChatServer
) -> AsyncIterator[Farm]:
    (port,) = free_ports(1)
    async with process(tmp_path / "gateway", broker.url, environment=chat.environment) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        board = Board(tmp_path / "flash", firmware)
        try:
            yield Farm(gateway, tmp_path, PARENT.format(broker=broker.url, port=port), board, port)
        finally:
            await board.off()


async def eventually(what: str, found: Callable[[], Awaitable[Any]]) -> None:
    async def is_so() -> bool:
        return bool(await found())

    await until_answered(is_so, what=what)


async def test_every_command_of_the_page_runs_on_a_board(
    farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "barn").symlink_to(tmp_path / "state")
    (tmp_path / "shade.yaml").write_text(SCRIPT)
    (tmp_path / "agent.json").write_text(AGENT)
    ran = 0

    async def run() -> str:
        nonlocal ran
        program, *words = shlex.split(COMMANDS[ran])
        assert program == "ganglion"
        ran += 1
        assert await asyncio.to_thread(main, words) == 0, COMMANDS[ran - 1]
        return capsys.readouterr().out

    board = farm.board
    assert MAIN.strip() == PROGRAM.strip()
    async with farm.barn():
        assert "the key of garden is in leaf.key" in await run()
        key = (tmp_path / "leaf.key").read_text()
        await run()
        assert (tmp_path / "board" / "a" / "ganglion_micro" / "drivers" / "bh1750.mpy").exists()
        board.configure(**farm.said)
        (board.folder / "leaf.key").write_text(key)
        (board.folder / "lux").write_text("300")
        (board.folder / "pin26").write_text("32768")
        await board.on()
        await farm.joined()
        leaf = await farm.leaf()
        assert (leaf["board"], leaf["sensors"]["light.illuminance"]["unit"]) == ("pico-w", "lx")
        assert leaf["sensors"]["light.illuminance"]["value"] == pytest.approx(300, abs=1)
        assert (leaf["sensors"]["soil"]["unit"], round(leaf["sensors"]["soil"]["value"])) == ("%", 50)
        status = json.loads(await run())
        assert (status["name"], status["boot"], status["actuators"]) == (
            "garden",
            1,
            {"blind": False, "fan": 0, "pump": False},
        )
        assert status["heap_free"] > 50_000
        assert round(json.loads(await run())["values"]["light.illuminance"]) == 300
        assert json.loads(await run()) == {"actuator": "fan", "value": 30}
        assert board.pin(16) == pytest.approx(0.3 * 65535, abs=1)
        assert re.search(r"^shade runs on barn/garden: [0-9a-f]{12}$", await run(), re.MULTILINE)
        assert "shade" in await run()
        (board.folder / "lux").write_text("900")
        await until(lambda: board.pin(14) == 1, what="the script closes the blind")

        async def told() -> bool:
            return [round(each["lux"]) for each in await farm.events("alert")] == [900]

        await until_answered(told, what="its event at the gateway")
        assert "shade runs no more" in await run()
        await until(lambda: board.pin(14) == 0, what="what it held is let go")
        await until(lambda: board.pin(16) == 0, what="the fan stops after 10 s")
    assert ran == len(COMMANDS) == 8


async def test_limits_refuse_with_a_reason_and_a_wrong_script_too(farm: Farm, tmp_path: Path) -> None:
    pump = {**farm.said["actuators"]["pump"], "min_off": "0s"}
    async with farm.barn():
        farm.configure(actuators={**farm.said["actuators"], "pump": pump})
        await farm.board.on()
        await farm.joined()
        status, said = await farm.call("actuators.set", actuator="fan", value=90)
        assert (status, "fan: a change of 90 at once is more than 40 (max_step)" in said) == (403, True), said
        status, said = await farm.call("actuators.set", actuator="pump", value=3)
        assert "pump: must be true or false, not 3" in said
        status, said = await farm.call("actuators.set", actuator="door", value=True)
        assert "there is no actuator door; known are blind, fan, pump" in said
        status, said = await farm.call("scripts.put", name="x", at=0, size=3, data="AAAA")
        assert "not a plan" in said
        assert farm.board.pin(16) == 0
        assert (await farm.call("actuators.set", actuator="fan", value=30))[0] == 200
        status, said = await farm.call("actuators.set", actuator="pump", value=True)
        assert (status, "pump: it may not be on while fan is" in said) == (403, True), said
        assert farm.board.pin(15) == 0
        other = tmp_path / "other.yaml"
        other.write_text(SCRIPT.replace("light.", "sun."))
        assert await asyncio.to_thread(main, ["scripts", "put", "barn/garden", str(other)]) != 0
        assert await farm.call("scripts.list") == (200, {"scripts": []})


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_a_model_and_the_inventory_have_its_actuators_with_their_risks(farm: Farm) -> None:
    fan = {**farm.said["actuators"]["fan"], "risk": "low"}
    gateway = GatewayClient(farm.gateway.url, farm.gateway.token)

    def model(value: Any, actuator: str = "fan") -> dict[str, Any]:
        return mcp_tools.commanded(gateway, "barn/garden", actuator, value, "it is warm", None)

    async with farm.barn():
        farm.configure(actuators={"fan": fan, "pump": {**farm.said["actuators"]["pump"], "risk": "never"}})
        await farm.board.on()
        await farm.joined()

        async def has(value: float) -> bool:
            leaf = await farm.leaf()
            state = leaf["sensors"].get("actuator.fan")
            return set(leaf["actuators"]) == {"fan", "pump"} and state is not None and state["value"] == value

        await until_answered(lambda: has(0), what="its actuators and their values")
        told = await asyncio.to_thread(mcp_tools.described, gateway, "barn/garden")
        assert told["actuators"] == {
            "fan": {"risk": "low", "low": 0, "high": 100},
            "pump": {"risk": "never", "values": [False, True]},
        }
        assert (await asyncio.to_thread(mcp_tools.listed, gateway, "nodes", ""))["nodes"][0]["leaves"] == [
            "barn/garden"
        ]
        assert (await asyncio.to_thread(model, 30))["value"] == 30
        assert farm.board.pin(16) == pytest.approx(0.3 * 65535, abs=1)
        await until_answered(lambda: has(30), what="the value that it has now")
        assert (await asyncio.to_thread(mcp_tools.read, gateway, "barn/garden", "actuator.fan"))["actuator.fan"][
            "value"
        ] == 30
        with pytest.raises(RefusedError, match=r"a language model's answer may not cause it \(risk\)"):
            await asyncio.to_thread(model, True, "pump")
        assert (await farm.call("actuators.set", actuator="pump", value=True))[0] in (200, 403), "a person may ask"
        with pytest.raises(NotFoundError, match="barn has no leaf 'attic'; it has garden"):
            await asyncio.to_thread(mcp_tools.described, gateway, "barn/attic")


async def test_a_script_outlives_the_power_and_the_absence_of_the_parent(farm: Farm, tmp_path: Path) -> None:
    board = farm.board
    (tmp_path / "shade.yaml").write_text(SCRIPT)
    async with farm.barn():
        farm.configure()
        await board.on()
        await farm.joined()
        assert await asyncio.to_thread(main, ["scripts", "put", "barn/garden", str(tmp_path / "shade.yaml")]) == 0
        await board.off()
        (board.folder / "pin14").unlink()
        await board.on()
        await farm.joined()
    (board.folder / "lux").write_text("900")
    await until(lambda: board.pin(14) == 1, what="the script closes the blind without a parent")
    async with farm.barn():
        await eventually("the event that waited", lambda: farm.events("alert"))
        _, status = await farm.call("status")
        assert (status["boot"], status["scripts"], status["runs"]["completed"]) == (2, ["shade"], 1)


ASKING = """
version: "2.2"
dialect: edge/1
name: asking
triggers: [{id: dark, sensor: light.illuminance, below: 100, run: why}]
protocols:
  - name: why
    steps:
      - id: ask
        action: prompt
        prompt: "It has {event.value} lx. Why?"
        schema: {cause: {enum: [night, cover, unknown]}}
        budget: {tokens: 50, seconds: 20}
        otherwise: {cause: unknown}
        save: answer
      - {id: tell, action: publish, topic: alert/dark, value: {cause: "{answer.cause}"}}
"""


async def test_a_script_asks_the_gateways_model_by_way_of_the_parent_and_goes_on_without(
    farm: Farm, tmp_path: Path, chat: ChatServer
) -> None:
    chat.says(Say(text='{"cause": "night"}'))
    light = farm.board.folder / "lux"
    (tmp_path / "asking.yaml").write_text(ASKING)
    async with farm.barn():
        farm.configure()
        await farm.board.on()
        await farm.joined()
        assert await asyncio.to_thread(main, ["scripts", "put", "barn/garden", str(tmp_path / "asking.yaml")]) == 0
        light.write_text("50")
        await eventually("the answer", lambda: farm.events("alert"))
        assert await farm.events("alert") == [{"cause": "night"}]
        assert await farm.events("prompt") == [], "the question goes no further"
        chat.says(Say(status=500, text="out of order"))
        light.write_text("300")

        async def bright() -> bool:
            return round((await farm.leaf())["sensors"]["light.illuminance"]["value"]) == 300

        await until_answered(bright, what="light")
        light.write_text("50")

        async def both() -> bool:
            return sorted(each["cause"] for each in await farm.events("alert")) == ["night", "unknown"]

        await until_answered(both, what="the run went on with its otherwise")


async def test_a_crash_and_what_it_warns_of_are_recorded_and_told_after_the_restart(
    farm: Farm, capsys: pytest.CaptureFixture[str]
) -> None:
    board = farm.board
    async with farm.barn():
        farm.configure()
        (board.folder / "scripts").mkdir()
        (board.folder / "scripts" / "wrong.plan").write_bytes(b"no plan")
        await board.on()
        await farm.joined()
        await farm.call("actuators.set", actuator="blind", value=True)
        assert board.pin(14) == 1
        (board.folder / "broken").write_text("1")
        assert await board.ended() == RESET
        assert "the converter has a bug" in board.console
        assert board.pin(14) == 0
        (board.folder / "broken").unlink()
        await board.on()
        await eventually("the crash at the gateway", lambda: farm.events("crash"))
        [told] = await farm.events("crash")
        assert told["boot"] == 1
        assert told["error"].endswith("RuntimeError: the converter has a bug")

        async def marked() -> bool:
            return (await farm.call("crash"))[1]["crash"]["told"] is True

        await until_answered(marked, what="that it was told is on the flash")
        status, _ = await farm.call("reboot")
        assert status == 200
        assert await board.ended() == RESET
        await board.on()

        async def third() -> bool:
            status, said = await farm.call("status")
            return status == 200 and said["boot"] == 3

        await until_answered(third, what="the third boot")
        assert len(await farm.events("crash")) == 1

        async def warned() -> bool:
            kept = await farm.gateway.http.get("/api/v1/logs", params={"node": "barn/garden"})
            return bool(kept.json()["records"])

        await until_answered(warned, what="what it warned of is kept at the gateway")
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["logs", "barn/garden"]) == 0
        said = capsys.readouterr().out
        assert "barn/garden  error    leaf: 0 error the script wrong does not run" in said


async def test_its_console_is_reached_by_way_of_the_parent(farm: Farm) -> None:
    async with farm.barn():
        farm.configure()
        await farm.board.on()
        await farm.joined()
        async with console(farm.gateway, "barn/garden") as one:
            await one.says("garden begins its boot 1")
            for line in ("help", "status", "actuators.set actuator=fan value=30", "log lines=1"):
                one.enter(line)
                done = await one.shows("what the leaf answers", line=line)
            assert done["result"]["lines"]
            assert farm.board.pin(16) == pytest.approx(0.3 * 65535, abs=1)
            one.enter("actuators.set actuator=fan value=90")
            await one.says("garden: fan: a change of", "error")
            one.enter("shell")
            await one.says("a leaf has no shell: open the console of its parent, not of garden", "error")
            one.enter("dance")
            await one.says("no method dance; known are actuators.list, ", "error")
            await one.says("sensors.read, status", "error")
            one.enter("reboot")
            assert await farm.board.ended() == RESET
            await farm.board.on()
            await one.says("garden has restarted")
            await one.says("garden begins its boot 2")
            assert (await one.ended())[1] == ""


async def test_a_wrong_configuration_is_said_and_the_console_stays(farm: Farm) -> None:
    async with farm.barn():
        farm.configure(sensors={"light": {"driver": "bh1750", "bus": "i2c1"}})
    await farm.board.on()
    assert await farm.board.ended() == 0
    assert WRONG in farm.board.console
    farm.board.configure(**{**farm.said, "sensors": {"air": {"driver": "sht3x", "bus": "i2c0"}}})
    await farm.board.on()
    assert await farm.board.ended() == 0
    assert "agent.json: asks for what is not on this board, no module named 'ganglion_micro" in farm.board.console
    assert "`ganglion flash` or `ganglion firmware send` with this file brings" in farm.board.console
    assert not (farm.board.folder / "crash").exists()
