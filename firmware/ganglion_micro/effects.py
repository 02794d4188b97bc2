# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run asks of the world, as data, and how the world says that it could not.

Each effect but Done and Forget is answered by `engine.resume(effect.run, result, now)`; the result of each is named
below. A step of action `parallel` has several effects under way: each names the branch that asks in its `run`.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_micro.secret_text import SecretText

DONE = 0
FORGET = 1
PUBLISH = 2
EMIT = 3
LOG = 4
WAIT = 5
LISTEN = 6
PROMPT = 7
CALL_TOOL = 8
ACTUATE = 9
READ = 10


class Failure:
    """The result of an effect that failed.

    Attributes:
        reason: `unreachable`, `refused`, `budget`, `invalid` or `failed`.
        message: One sentence for people.
        retry: Whether trying again may help.
        after: Nanoseconds that the other side asks to be left alone first.
    """

    __slots__ = ("after", "message", "reason", "retry")

    def __init__(self, reason: str, message: str, retry: bool = False, after: int = 0) -> None:
        self.reason = reason
        self.message = message
        self.retry = retry
        self.after = after


class Done:
    """The run is over. `episode` tells it, `data` is the session as the run left it."""

    __slots__ = ("data", "episode", "run")
    kind = DONE

    def __init__(self, run: str, episode: "dict[str, Any]", data: "dict[str, Any]") -> None:
        self.run = run
        self.episode = episode
        self.data = data


class Forget:
    """What this branch waits for has come about in another way: its `Listen` will not be answered any more."""

    __slots__ = ("run",)
    kind = FORGET

    def __init__(self, run: str) -> None:
        self.run = run


class Publish:
    """Say `value` on a topic of the mesh, or on a plain one where it begins with `mqtt:`. Result: the event's id.

    Attributes:
        to: The node that it is for, by name or id; empty for the gateway.
    """

    __slots__ = ("must_arrive", "run", "to", "topic", "value")
    kind = PUBLISH

    def __init__(self, run: str, topic: str, value: "Any", must_arrive: bool, to: str) -> None:
        self.run = run
        self.topic = topic
        self.value = value
        self.must_arrive = must_arrive
        self.to = to


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


class Listen:
    """Wait for an event of the bus. Result: the event as a map, or None after `ns` nanoseconds.

    Attributes:
        topic: A filter; empty where only time is waited for.
        ns: The longest to wait; 0 for no bound.
    """

    __slots__ = ("ns", "run", "topic")
    kind = LISTEN

    def __init__(self, run: str, topic: str, ns: int) -> None:
        self.run = run
        self.topic = topic
        self.ns = ns


class Prompt:
    """Ask a language model.

    Result: `[value, model, tokens]`, the value by `schema` where there is one, else text; and where tools are offered
    a fourth item, the calls that it asks for instead, each `[id, tool, arguments]`.

    Attributes:
        tokens: The most that the answer may take; 0 for no bound.
        ns: The longest to wait, in nanoseconds; 0 for no bound.
        preset: `[model, temperature, max_tokens, system message]`, each may be None; or None.
        tools: What it may ask for: `{"id", "description", "parameters": JSON Schema}`.
        rounds: What it has asked for before in this step, and what came of it: `[calls, results]`.
    """

    __slots__ = ("ns", "preset", "prompt", "rounds", "run", "schema", "tokens", "tools")
    kind = PROMPT

    def __init__(
        self,
        run: str,
        prompt: str,
        schema: "dict[str, Any] | None",
        tokens: int,
        ns: int,
        preset: "list[Any] | None",
        tools: "list[Any]",
        rounds: "list[Any]",
    ) -> None:
        self.run = run
        self.prompt = prompt
        self.schema = schema
        self.tokens = tokens
        self.ns = ns
        self.preset = preset
        self.tools = tools
        self.rounds = rounds


class CallTool:
    """Send an HTTP request. Result: `[status, body]`, the body read from JSON where it is that, else text; and a third,
    the nanoseconds that the server asks to be left alone, where it does.

    Texts of the URL, of headers, parameters, body and `auth` may be `SecretText`.

    Attributes:
        ns: The longest to wait, in nanoseconds; 0 for the carrier's own bound.
        auth: `type` and its credentials; None for none.
    """

    __slots__ = ("auth", "body", "headers", "method", "ns", "parameters", "run", "tool", "url")
    kind = CALL_TOOL

    def __init__(
        self,
        run: str,
        tool: str,
        method: str,
        url: "str | SecretText",
        headers: "dict[str, Any]",
        parameters: "dict[str, Any]",
        body: "Any",
        auth: "dict[str, Any] | None",
        ns: int,
    ) -> None:
        self.run = run
        self.tool = tool
        self.method = method
        self.url = url
        self.headers = headers
        self.parameters = parameters
        self.body = body
        self.auth = auth
        self.ns = ns


class Actuate:
    """Ask the guardian to set an actuator, for `ns` nanoseconds or None. Result: `[accepted, value, reason]`.

    Attributes:
        within: Nanoseconds in which reading back must show the value; None where it need not be shown.
        advised: Whether a language model has answered the run before: then it may be what the model wants.
    """

    __slots__ = ("actuator", "advised", "ns", "priority", "run", "value", "within")
    kind = ACTUATE

    def __init__(
        self,
        run: str,
        actuator: str,
        value: "Any",
        ns: "int | None",
        priority: int,
        within: "int | None",
        advised: bool = False,
    ) -> None:
        self.run = run
        self.actuator = actuator
        self.value = value
        self.ns = ns
        self.priority = priority
        self.within = within
        self.advised = advised


class Read:
    """Read a sensor now. Result: its value."""

    __slots__ = ("run", "sensor")
    kind = READ

    def __init__(self, run: str, sensor: str) -> None:
        self.run = run
        self.sensor = sensor
