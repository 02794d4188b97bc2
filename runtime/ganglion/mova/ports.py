# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script may do to the world: the node gives a `Ports`, the runner calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import UnreachableError
from ganglion_micro.secret_text import SecretText


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
        tools: What the model may ask for: `{"id", "description", "parameters": JSON Schema}`.
        rounds: What it has asked for before in this step, and what came of it: `[calls, results]`.
        run: The id of the run that asks.
        script: Its script's name, which the gateway's budgets go by.
    """

    prompt: str
    schema: dict[str, Any] | None = None
    tokens: int | None = None
    seconds: float | None = None
    model: str | None = None
    temperature: float | None = None
    system: str | None = None
    tools: Sequence[dict[str, Any]] = ()
    rounds: Sequence[list[Any]] = ()
    run: str = ""
    script: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReply:
    """The answer. `value` is by the schema where there was one, else text; `tokens` is what it took in all.

    Where the model asks for tools first, `calls` has `[id, tool, arguments]` of each.
    """

    value: Any
    tokens: int | None = None
    model: str | None = None
    calls: Sequence[list[Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """An HTTP request. Any text of it but the method may be `SecretText`.

    Attributes:
        tool: The tool's id.
        parameters: Go into the query, or into the body where the method has one and none is given.
        auth: `type` and its credentials; None for none.
        seconds: The longest to wait for the whole answer; None for the carrier's own bound.
        run: The id of the run that asks.
    """

    tool: str
    method: str
    url: str | SecretText
    headers: dict[str, Any]
    parameters: dict[str, Any]
    body: Any = None
    auth: dict[str, Any] | None = None
    seconds: float | None = None
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReply:
    """What came back. `body` is read from JSON where it is that, else text; `retry_after` is in seconds, 0 for none."""

    status: int
    body: Any
    retry_after: float = 0.0


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


def addressed(topic: str, to: str) -> str:
    """How a message is named where people look: one that is for a node has `node:NAME/` before its topic."""
    return f"node:{to}/{topic}" if to else topic


class Ports(Protocol):
    """The world of a script. Errors of `ganglion.errors` become failures of the step, and so does any other."""

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """Asks a language model. UnreachableError, RefusedError, InvalidError: `otherwise` is taken."""

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
    ) -> Verdict:
        """Asks the guardian to set an actuator; with `within_ns` reading it back must show the value by then.

        With `advised` a language model has answered the run before, so that it may be what the model wants.
        """

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        """Says something on the mesh, or on a plain topic (`mqtt:…`); returns the event's id. Does not wait.

        Args:
            to: Name or id of the node that it is for; empty for the gateway.
        """

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

    def steady(self) -> int:
        """Nanoseconds that go on evenly, whoever sets the clock: those of `now`, until it was set."""

    def shift(self) -> int:
        """How many nanoseconds `now` is ahead of `steady` by now."""


class SessionStore(Protocol):
    """Where the data of sessions outlive a run.

    InvalidError: an id or data that cannot be kept; UnreachableError: it is down; RefusedError: it wants a password.
    """

    async def load(self, session_id: str) -> dict[str, Any] | None:
        """The data of a session; None where there is none, or where its time is over."""

    async def save(self, session_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], ttl: int) -> None:
        """Keeps what a run changed, for `ttl` seconds from now.

        Args:
            before: What `load` gave when the run began. What another run has changed since stays, value by value of
                the top level; where both changed the same, this one's stays.
            after: What the run left.
            ttl: Seconds, at least 1.
        """

    async def delete(self, session_id: str) -> bool:
        """Forgets a session; says whether there was one."""

    async def ids(self) -> list[str]:
        """The sessions that are kept, sorted."""

    async def aclose(self) -> None:
        """Lets go of connections and files."""
