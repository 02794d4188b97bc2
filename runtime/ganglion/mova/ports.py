# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script may do to the world: the node gives a `Ports`, the runner calls it."""

from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import UnreachableError


class NoModelError(UnreachableError):
    """No language model is set up here, so that asking again does not help."""

    retry = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRequest:
    """A question to a language model.

    Attributes:
        prompt: What is asked.
        schema: JSON Schema of the answer; None for text.
        tokens: The most that the answer may take; None for no bound.
        seconds: The longest to wait for it; None for the carrier's own bound.
        model, temperature, system: From the step's preset; None where it says nothing.
        run: The id of the run that asks.
    """

    prompt: str
    schema: dict[str, Any] | None = None
    tokens: int | None = None
    seconds: float | None = None
    model: str | None = None
    temperature: float | None = None
    system: str | None = None
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReply:
    """The answer. `value` is by the schema where there was one, else text; `tokens` is what it took in all."""

    value: Any
    tokens: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """An HTTP request. `parameters` go into the query, or into the body where the method has one and none is given."""

    tool: str
    method: str
    url: str
    headers: dict[str, Any]
    parameters: dict[str, Any]
    body: Any = None
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReply:
    """What came back. `body` is read from JSON where it is that, else text."""

    status: int
    body: Any


class Verdict(Protocol):
    """What the guardian said to a command: whether it was accepted, the value that holds now, and why."""

    @property
    def accepted(self) -> bool: ...

    @property
    def value(self) -> Any: ...

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """The verdict on every command where no guardian is: limits are a node's, and no document's."""

    value: Any
    reason: str = ""
    accepted: bool = True


class Ports(Protocol):
    """The world of a script. Errors of `ganglion.errors` become failures of the step, and so does any other."""

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """Asks a language model. UnreachableError, RefusedError, InvalidError: `otherwise` is taken."""

    async def actuate(self, actuator: str, value: Any, *, owner: str, for_ns: int | None, priority: int) -> Verdict:
        """Asks the guardian to set an actuator."""

    def publish(self, topic: str, value: Any, *, must_arrive: bool, run: str) -> str:
        """Says something on the mesh, or on a plain topic (`mqtt:…`); returns the event's id. Does not wait."""

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        """Says something on the bus of this node."""

    async def read(self, sensor: str) -> Any:
        """The value of a sensor now."""

    def episode(self, episode: dict[str, Any]) -> None:
        """Takes the episode of a run that has ended."""


class Tools(Protocol):
    """What carries out `tool_api` steps."""

    async def call(self, request: ToolRequest) -> ToolReply:
        """Sends the request. UnreachableError: there was no answer."""


class Time(Protocol):
    """What the time is."""

    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
