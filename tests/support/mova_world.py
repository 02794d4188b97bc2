# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of a node for tests of the script runner, and scripts with one trigger."""

import asyncio
from typing import Any

from ganglion.bus import Bus
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.ports import Accepted, PromptReply, PromptRequest, ToolReply, ToolRequest
from ganglion.units import SECOND
from support.mova import edge

START = 1_700_000_000 * SECOND


class World:
    """A node's ports: what scripts say is kept, and models and tools answer as the test says."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.said: list[Any] = []
        self.episodes: list[dict[str, Any]] = []
        self.replies: list[PromptReply] = []
        self.asked: list[PromptRequest] = []
        self.called: list[ToolRequest] = []
        self.held = asyncio.Event()
        self.held.set()

    async def prompt(self, request: PromptRequest) -> PromptReply:
        self.asked.append(request)
        await self.held.wait()
        return self.replies.pop(0)

    async def actuate(
        self,
        actuator: str,
        value: Any,
        *,
        owner: str,
        for_ns: int | None,
        priority: int,
        within_ns: int | None,
        advised: bool,
        run: str,
    ) -> Accepted:
        self.said.append((actuator, value, within_ns))
        return Accepted(value)

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        self.said.append(value)
        return "e"

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        self.bus.emit(topic, value, timestamp=START, source=source)

    async def read(self, sensor: str) -> Any:
        return 4.5

    async def call(self, request: ToolRequest) -> ToolReply:
        self.called.append(request)
        return ToolReply(status=200, body={"temp": 5})

    def episode(self, episode: dict[str, Any]) -> None:
        self.episodes.append(episode)


class Subscriptions:
    """The part of a transport that plain topics use."""

    def __init__(self) -> None:
        self.filters: list[str] = []

    def subscribe(self, filter: str, qos: int) -> None:
        self.filters.append(filter)


SAY = "- {id: say, action: publish, topic: out, value: '{event.value}'}"


def script(trigger: str, steps: str = SAY, more: str = "", policies: str = "") -> Plan:
    """A script named `trial` whose trigger `t` runs the steps; `more` comes after them."""
    text = edge(steps, head=f"triggers: [{{id: t, run: main, {trigger}}}]", protocol=policies) + more
    return compile(load(text, file="x.yaml"))


def feed(world: World, *values: Any, topic: str = "sensor/a/b", step: int = SECOND, at: int = START) -> None:
    """Events with these values, one a second."""
    for i, value in enumerate(values):
        world.bus.emit(topic, value, timestamp=at + i * step, source="a.b")
