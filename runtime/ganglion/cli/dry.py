# SPDX-License-Identifier: GPL-3.0-or-later
"""What a protocol may do to the world when it is run from the shell: real models and tools, and nothing that moves."""

import sys
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import GanglionError, NotFoundError
from ganglion.mova.ports import (
    Accepted,
    NoModelError,
    PromptReply,
    PromptRequest,
    ToolReply,
    ToolRequest,
    Tools,
    addressed,
)
from ganglion_micro.text import text as shown
from ganglion_micro.tool import excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A language model service, and what a prompt has that says nothing of it.

    Attributes:
        url: Its base; empty for none.
        key: Its bearer token; in no output.
        model, temperature, tokens: Of prompts whose preset names none.
        seconds: Of prompts without a budget of time.
    """

    url: str
    key: str
    model: str
    temperature: float | None
    tokens: int | None
    seconds: float | None


class DryPorts:
    """Real models and tools; what would move or be sent is said on stderr, and what is emitted stays within the run.

    Args:
        data: The session, for the values of sensors.
        bus: Of the run.
        clock: What the time of an event is.
        verbose: Whether prompts and answers are said too.

    Attributes:
        happened: What would have been done: `{"kind": "actuated" | "published" | "emitted", "name", "value"}`.
    """

    def __init__(
        self, data: dict[str, Any], service: Service, bus: Bus, clock: Clock, *, verbose: bool = False
    ) -> None:
        self._data = data
        self._service = service
        self._bus = bus
        self._clock = clock
        self._verbose = verbose
        self.happened: list[dict[str, Any]] = []

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """Asks the service that was named."""
        from ganglion.mova.chat import Chat

        service = self._service
        if not service.url:
            raise NoModelError("there is no model: give --llm URL, or set GANGLION_LLM_URL")
        request = replace(
            request,
            temperature=service.temperature if request.temperature is None else request.temperature,
            tokens=request.tokens or service.tokens,
            seconds=request.seconds or service.seconds,
        )
        self._tell(f"prompt: {request.prompt}")
        try:
            reply = await Chat(service.url, service.key, service.model).prompt(request)
        except GanglionError as error:
            self._tell(f"no answer: {error}")
            raise
        if not reply.calls:
            self._tell(f"answer: {shown(reply.value)}")
        for _, tool, arguments in reply.calls:
            self._tell(f"the model asks for {tool} {shown(arguments)}")
        return reply

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
        """Says what would be switched."""
        held = "" if for_ns is None else f" for {for_ns / 1e9:g} s"
        self._would("set", "actuated", actuator, value, f" to {shown(value)}{held}")
        return Accepted(value, "dry: nothing was switched")

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        """Says what would be published."""
        self._would("publish", "published", addressed(topic, to), value, f" {shown(value)}")
        return "dry"

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        """Says what would be emitted, and has the steps of this run hear it."""
        self._would("emit", "emitted", topic, value, f" {shown(value)}")
        self._bus.emit(topic, value, timestamp=self._clock.now(), source=source)

    async def read(self, sensor: str) -> Any:
        """The value that --set gave the sensor's name."""
        value: Any = self._data
        for part in sensor.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            raise NotFoundError(f"no sensor is read here: give its value with --set {sensor}=VALUE")
        return value

    def episode(self, episode: dict[str, Any]) -> None:
        """The outcome is shown at the end."""

    def _would(self, do: str, kind: str, name: str, value: Any, rest: str) -> None:
        self.happened.append({"kind": kind, "name": name, "value": value})
        print(f"dry: would {do} {name}{rest}", file=sys.stderr)

    def _tell(self, line: str) -> None:
        if self._verbose:
            print(line, file=sys.stderr)


class ToldTools:
    """Tools whose calls are said on stderr, without what may hold a secret: headers, parameters, bodies, queries.

    Of an answer that is an error its beginning is said: `tools` has taken the secrets out.

    Attributes:
        failed: Why calls had no answer.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.failed: set[str] = set()

    async def call(self, request: ToolRequest) -> ToolReply:
        """Sends the request."""
        said = f"tool {request.tool}: {request.method} {_place(str(request.url))}"
        try:
            reply = await self._tools.call(request)
        except GanglionError as error:
            self.failed.add(str(error))
            print(f"{said}: {error}", file=sys.stderr)
            raise
        body = excerpt(reply.body) if reply.status >= 400 else ""
        print(f"{said}: HTTP status {reply.status}" + (f": {body}" if body else ""), file=sys.stderr)
        return reply


def _place(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "what is no URL"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
