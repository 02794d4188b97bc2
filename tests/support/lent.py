# SPDX-License-Identifier: GPL-3.0-or-later
"""The console of a node that lends a serial port, in this process, without a mesh."""

import asyncio
import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ganglion.config.serial import SerialSection
from ganglion.errors import RefusedError
from ganglion.node.console.console import Console
from ganglion.node.console.record import Record
from support.cable import Cable


def peer() -> Any:
    return SimpleNamespace(kid=b"g", name="gateway", credential=SimpleNamespace(roles=("gateway",)))


class Lender:
    """The console of a node that lends a cable's port, in time of which more passes when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.denied: set[str] = set()
        self.users: dict[str, str] = {}
        self.cable = Cable(folder, held=False)
        self.record = folder / "console.log"
        self.console = Console(
            self.perform,
            permit=self.permit,
            leaves=None,
            record=Record(self.record, lambda: 1),
            shell=True,
            where="node.toml",
            idle=900.0,
            ports={"boiler": SerialSection(port=str(self.cable.port), about="the boiler")},
            users=lambda: self.users,
            monotonic=lambda: self.now + time.monotonic(),
        )

    async def perform(self, method: str, params: dict[str, Any], by: Any) -> Any:
        raise AssertionError(method)

    def permit(self, method: str, params: dict[str, Any], by: Any) -> None:
        if params.get("port") in self.denied:
            raise RefusedError(f"{method!r} is refused")

    async def ask(self, method: str, who: str, **params: Any) -> dict[str, Any]:
        return await getattr(self.console, method)({"id": who * 8, "by": who, **params}, peer())

    async def open(self, who: str, **params: Any) -> dict[str, Any]:
        return await self.ask("open", who, port="boiler", **params)

    async def write(self, who: str, data: bytes, at: int = 0, **params: Any) -> dict[str, Any]:
        text = base64.urlsafe_b64encode(data).decode().rstrip("=")
        return await self.console._lending.write({"id": who * 8, "by": who, "at": at, "data": text, **params}, peer())

    async def set(self, who: str, **params: Any) -> dict[str, Any]:
        return await self.console._lending.set({"id": who * 8, "by": who, **params}, peer())

    async def heard(self) -> bytes:
        return await asyncio.to_thread(self.cable.read, 60.0)

    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]
