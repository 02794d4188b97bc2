# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run asks of the world, as data, and how the world says that it could not.

Each effect but Done is answered by `engine.resume(effect.run, result, now)`; the result of each is named below.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

DONE = 0
PUBLISH = 1
EMIT = 2
LOG = 3
WAIT = 4
PROMPT = 5
CALL_TOOL = 6
ACTUATE = 7
READ = 8


class Failure:
    """The result of an effect that failed.

    Attributes:
        reason: `unreachable`, `refused`, `budget`, `invalid` or `failed`.
        message: One sentence for people.
        retry: Whether trying again may help.
    """

    __slots__ = ("message", "reason", "retry")

    def __init__(self, reason: str, message: str, retry: bool = False) -> None:
        self.reason = reason
        self.message = message
        self.retry = retry


class Done:
    """The run is over. `episode` tells it, `data` is the session as the run left it."""

    __slots__ = ("data", "episode", "run")
    kind = DONE

    def __init__(self, run: str, episode: "dict[str, Any]", data: "dict[str, Any]") -> None:
        self.run = run
        self.episode = episode
        self.data = data


class Publish:
    """Say `value` on a topic of the mesh, or on a plain one where it begins with `mqtt:`. Result: the event's id."""

    __slots__ = ("must_arrive", "run", "topic", "value")
    kind = PUBLISH

    def __init__(self, run: str, topic: str, value: "Any", must_arrive: bool) -> None:
        self.run = run
        self.topic = topic
        self.value = value
        self.must_arrive = must_arrive


class Emit:
    """Say `value` on a topic of this node's bus. Result: None."""

    __slots__ = ("run", "topic", "value")
    kind = EMIT

    def __init__(self, run: str, topic: str, value: "Any") -> None:
        self.run = run
        self.topic = topic
        self.value = value


class Log:
    """Write a line to the log, of level `debug`, `info`, `warning` or `error`. Result: None."""

    __slots__ = ("level", "message", "run")
    kind = LOG

    def __init__(self, run: str, level: str, message: str) -> None:
        self.run = run
        self.level = level
        self.message = message


class Wait:
    """Come back after `ns` nanoseconds. Result: None."""

    __slots__ = ("ns", "run")
    kind = WAIT

    def __init__(self, run: str, ns: int) -> None:
        self.run = run
        self.ns = ns


class Prompt:
    """Ask a language model. Result: `[value, model, tokens]`, the value by `schema` where there is one, else text.

    Attributes:
        tokens: The most that the answer may take; 0 for no bound.
        ns: The longest to wait, in nanoseconds; 0 for no bound.
        preset: `[model, temperature, max_tokens, system message]`, each may be None; or None.
    """

    __slots__ = ("ns", "preset", "prompt", "run", "schema", "tokens")
    kind = PROMPT

    def __init__(
        self,
        run: str,
        prompt: str,
        schema: "dict[str, Any] | None",
        tokens: int,
        ns: int,
        preset: "list[Any] | None",
    ) -> None:
        self.run = run
        self.prompt = prompt
        self.schema = schema
        self.tokens = tokens
        self.ns = ns
        self.preset = preset


class CallTool:
    """Send an HTTP request. Result: `[status, body]`, the body read from JSON where it is that, else text."""

    __slots__ = ("body", "headers", "method", "parameters", "run", "tool", "url")
    kind = CALL_TOOL

    def __init__(
        self,
        run: str,
        tool: str,
        method: str,
        url: str,
        headers: "dict[str, Any]",
        parameters: "dict[str, Any]",
        body: "Any",
    ) -> None:
        self.run = run
        self.tool = tool
        self.method = method
        self.url = url
        self.headers = headers
        self.parameters = parameters
        self.body = body


class Actuate:
    """Ask the guardian to set an actuator, for `ns` nanoseconds or None. Result: `[accepted, value, reason]`."""

    __slots__ = ("actuator", "ns", "priority", "run", "value")
    kind = ACTUATE

    def __init__(self, run: str, actuator: str, value: "Any", ns: "int | None", priority: int) -> None:
        self.run = run
        self.actuator = actuator
        self.value = value
        self.ns = ns
        self.priority = priority


class Read:
    """Read a sensor now. Result: its value."""

    __slots__ = ("run", "sensor")
    kind = READ

    def __init__(self, run: str, sensor: str) -> None:
        self.run = run
        self.sensor = sensor
