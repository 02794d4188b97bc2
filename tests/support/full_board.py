# SPDX-License-Identifier: GPL-3.0-or-later
"""A board that is a full member of the mesh, with a gateway beside it: `Garden`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ganglion.mesh.enrol import EnrolKey
from support.agent import Board
from support.brokers import Broker
from support.gateway import Process, process
from support.waiting import until_answered

#: What hangs on the board of docs/firmware.md.
SAID: dict[str, Any] = {
    "name": "garden",
    "board": "pico-w",
    "uplink": {"kind": "none"},
    "sensors": {"soil": {"driver": "adc", "pin": 26, "scale": 100, "unit": "%", "every": "200ms"}},
    "actuators": {"blind": {"driver": "pin", "pin": 14}, "pump": {"driver": "pin", "pin": 15, "max_silence": "15s"}},
}


class Garden:
    """A gateway, and a board that knows its broker and has an enrol key.

    Attributes:
        mesh: The mesh's id in letters.
    """

    def __init__(self, gateway: Process, board: Board, mesh: str) -> None:
        self.gateway = gateway
        self.board = board
        self.mesh = mesh

    async def node(self) -> dict[str, Any]:
        """The board as the gateway has it; empty where it does not know it."""
        nodes = (await self.gateway.http.get("/api/v1/nodes")).json()["nodes"]
        found: list[dict[str, Any]] = [node for node in nodes if node["name"] == "garden"]
        return found[0] if found else {}

    async def joined(self, epoch: int = 1) -> dict[str, Any]:
        """Returns when the gateway has a boot of the board, and readings of it: what it has."""
        found: dict[str, Any] = {}

        async def is_here() -> bool:
            found.update(await self.node())
            return bool(found.get("online") and found["epoch"] == epoch and "soil" in found["sensors"])

        await until_answered(is_here, what=f"boot {epoch} of the board and its readings")
        return found

    async def call(self, method: str, **params: Any) -> tuple[int, Any]:
        """HTTP status, and the result or what is said."""
        answer = await self.gateway.http.post(
            "/api/v1/nodes/garden/commands", json={"method": method, "params": params}
        )
        return answer.status_code, answer.json()["result"] if answer.status_code == 200 else answer.text

    async def events(self, cls: str) -> list[Any]:
        """The values of its events of a class."""
        events = (await self.gateway.http.get("/api/v1/events")).json()["events"]
        return [event["value"] for event in events if event["class"] == cls]


@asynccontextmanager
async def garden(broker: Broker, folder: Path, firmware: Path) -> AsyncIterator[Garden]:
    """A gateway that runs, and a board with its files, without power."""
    async with process(folder / "gateway", broker.url) as gateway:
        board = Board(folder / "flash", firmware, heap="500k")
        board.configure(**SAID, broker=broker.url)
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (board.folder / "enrol.key").write_text(key + "\n")
        (board.folder / "pin26").write_text("32768")
        try:
            yield Garden(gateway, board, EnrolKey.parse(key).mesh_id)
        finally:
            await board.off()
