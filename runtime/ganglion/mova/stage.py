# SPDX-License-Identifier: GPL-3.0-or-later
"""The world of a test: sensors that are fed, a model and tools that say what they shall, a note of what is done."""

import asyncio
from dataclasses import dataclass
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import NotFoundError, UnreachableError
from ganglion.mova.ports import Accepted, NoModelError, PromptReply, PromptRequest, ToolReply, ToolRequest, addressed
from ganglion.mova.virtual import VirtualLoop
from ganglion.units import SECOND

#: Episodes of a test that are kept: a test of a year has any number.
MAX_EPISODES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that a script did.

    Attributes:
        kind: `actuated`, `published`, `emitted` or `ran`.
        name: The actuator, the topic, or the protocol.
        value: What it was set to, or what was said; of a run its status.
        at: Nanoseconds since the beginning.
    """

    kind: str
    name: str
    value: Any
    at: int

    def __str__(self) -> str:
        return f"{self.value!r} at {self.at / SECOND:g} s"


class Stage:
    """`ganglion.mova.ports.Ports`, `Tools` and `Time` at once.

    Args:
        bus: Of the script.
        loop: What the time is.
        test: The document's, for its `llm` and `tools`.

    Attributes:
        sensors: The values that were fed last.
        happened: All that was done, in order.
        episodes: What the first runs did, step by step.
    """

    def __init__(self, bus: Bus, loop: VirtualLoop, test: dict[str, Any]) -> None:
        self.bus = bus
        self.loop = loop
        self.sensors: dict[str, Any] = {}
        self.happened: list[Happening] = []
        self.episodes: list[dict[str, Any]] = []
        given = test.get("llm", "down")
        self._answers: list[Any] = [] if given == "down" else list(given) if isinstance(given, list) else [given]
        self._held: dict[str, asyncio.TimerHandle] = {}
        self._tools: dict[str, Any] = test.get("tools") or {}

    def now(self) -> int:
        return self.loop.now()

    def steady(self) -> int:
        return self.loop.now()

    def shift(self) -> int:
        return 0

    async def prompt(self, request: PromptRequest) -> PromptReply:
        if not self._answers:
            raise NoModelError("the model is down in this test")
        value = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        asked = value.get("calls") if request.tools and isinstance(value, dict) and len(value) == 1 else None
        if isinstance(asked, dict):
            calls = [[str(i), tool, arguments] for i, (tool, arguments) in enumerate(asked.items())]
            return PromptReply(value=None, model="test", calls=calls)
        return PromptReply(value=value, model="test")

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
        self._note("actuated", actuator, value)
        if (held := self._held.pop(actuator, None)) is not None:
            held.cancel()
        if for_ns is not None and value is True:  # the fail-safe value of other actuators is a node's to know
            self._held[actuator] = self.loop.call_later(for_ns / SECOND, self._note, "actuated", actuator, False)
        return Accepted(value)

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        self._note("published", addressed(topic, to), value)
        return f"test-{len(self.happened)}"

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        self._note("emitted", topic, value)
        self.bus.emit(topic, value, timestamp=self.now(), source=source)

    async def read(self, sensor: str) -> Any:
        if sensor not in self.sensors:
            raise NotFoundError(f"the test has fed nothing to {sensor} yet")
        return self.sensors[sensor]

    async def call(self, request: ToolRequest) -> ToolReply:
        if request.tool not in self._tools:
            raise UnreachableError(f"the test says nothing of the tool {request.tool}")
        return ToolReply(status=200, body=self._tools[request.tool])

    def episode(self, episode: dict[str, Any]) -> None:
        self._note("ran", episode["protocol"], episode["status"])
        if len(self.episodes) < MAX_EPISODES:
            self.episodes.append(episode)

    def _note(self, kind: str, name: str, value: Any) -> None:
        self.happened.append(Happening(kind=kind, name=name, value=value, at=self.loop.elapsed))
