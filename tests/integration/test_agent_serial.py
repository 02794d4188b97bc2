# SPDX-License-Identifier: GPL-3.0-or-later
"""A board without a network: the agent on a real MicroPython, at the end of a serial line of a node, with a broker."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mesh.leaves.folder import LeafFolder
from support.brokers import Broker, free_ports
from support.gateway import Process, process
from support.leaves import PARENT
from support.mesh import NOW
from support.node import node
from support.serial_board import SerialBoard
from support.waiting import until, until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "firmware.md").read_text()
AGENT, UPLINK = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(SERIAL,) = re.findall(r"^```toml\n\[leaves\]\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(SCRIPT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def gateway(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        yield gateway


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_a_board_on_a_serial_line_is_a_leaf_and_keeps_its_console(
    gateway: Process, broker: Broker, tmp_path: Path, firmware: Path
) -> None:
    port, line = free_ports(2)
    board = SerialBoard(tmp_path / "flash", firmware, line)
    assert '["/dev/ttyACM0"]' in SERIAL
    config = PARENT.format(broker=broker.url, port=port) + SERIAL.replace("/dev/ttyACM0", board.url)
    said: dict[str, Any] = {**json.loads(AGENT), **json.loads(UPLINK)}
    del said["parent"]
    (tmp_path / "shade.yaml").write_text(SCRIPT)

    async def leaf() -> dict[str, Any]:
        nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
        return nodes[0]["leaves"][0] if nodes and nodes[0]["leaves"] else {}

    async def here() -> bool:
        found = await leaf()
        return bool(found.get("online") and {"light.illuminance", "soil"} <= set(found["sensors"]))

    async def call(method: str, **params: Any) -> tuple[int, Any]:
        asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": method, "params": params}}
        answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
        return answer.status_code, answer.json()

    async with node(tmp_path, config) as barn:
        await barn.ready()
        board.configure(**said)
        (board.folder / "leaf.key").write_text(LeafFolder(tmp_path / "state").add("garden", now=NOW).text())
        (board.folder / "lux").write_text("300")
        (board.folder / "pin26").write_text("32768")
        try:
            await board.on()
            await until_answered(here, what="the board's readings")
            assert round((await leaf())["sensors"]["light.illuminance"]["value"]) == 300
            assert (await call("actuators.set", actuator="fan", value=30))[0] == 200
            assert board.pin(16) == pytest.approx(0.3 * 65535, abs=1)
            assert await asyncio.to_thread(main, ["scripts", "put", "barn/garden", str(tmp_path / "shade.yaml")]) == 0
            await board.pull()
            (board.folder / "lux").write_text("900")
            await until(lambda: board.pin(14) == 1, what="the script closes the blind while the cable is out")
            await board.plug()

            async def told() -> bool:
                events = (await gateway.http.get("/api/v1/events")).json()["events"]
                return [round(each["value"]["lux"]) for each in events if each["class"] == "alert"] == [900]

            await until_answered(told, what="its event, once the cable is back")
            assert "info garden begins its boot 1" in board.console, "its log is on the console as ever"
            board.type(b"\x03")
            await until(lambda: ">>> " in board.console, what="Ctrl-C opens the console")
            assert (board.pin(14), board.pin(16)) == (0, 0)
            board.type(b"print(6 * 7)\r")
            await until(
                lambda: "print(6 * 7)" in board.console and "\n42" in board.console, what="a person has the console"
            )
        finally:
            await board.off()
