# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of a plan: what `ganglion.mova.compile` writes and the engine runs.

On the wire and in a file a plan is the CBOR array `[FORMAT, SHA-256 of the body, body]` with the body as a byte string,
so that its hash is taken of the bytes that came. The steps of a protocol are a byte string in it too, one after the
other (RFC 8742): a board decodes each when it is run, and its levels are not counted among those of the plan. The
constants below are places in the arrays of the body.
"""

from array import array

from ganglion_micro import cbor

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Counts up with each change that an older engine would run wrongly.
FORMAT = 5

# body: TTL of a session in seconds; INTENTS [name, patterns, priority, template of the response or None];
# NAMES of what people may speak of: [kind, name, what it is called]
NAME, DATA, PROFILE, PROTOCOLS, TOOLS, TRIGGERS, TTL, INTENTS, NAMES = range(9)
# protocol: BUDGET in nanoseconds, 0 for none; KEY a template or None; FALLBACK an index of STEPS or -1
TITLE, STEPS, FALLBACK, RETRIES, BACKOFF, JITTER, BUDGET, MAX_STEPS, KEY, CONCURRENCY, MAX_RUNS = range(11)
# step: NEXT an index; GATE a condition or None; SAVE a path in the session or None
ID, OP, NEXT, GATE, ARGS, SAVE = range(6)
# tool: DECLARED is a list of [name] or [name, default]: parameters that a model, or the session, gives; AUTH a template
# of `type` and its credentials in one map, or None; CONTRACTS a list of [name, schema of what goes in or None, schema
# of what comes out or None]
TOOL_ID, METHOD, URL, HEADERS, PARAMETERS, BODY, MAPPING, DECLARED, AUTH, CONTRACTS = range(10)
# trigger: TOPIC of the bus; FIELD of a plain MQTT message or ""; PERIOD of `every` in nanoseconds;
# WHERE is None or [operator, low, high, value, edge, hysteresis, lasting ns, cooldown ns, sample ns, window ns];
# COOLDOWN in nanoseconds is for a trigger without a WHERE, which else has it; MAP is a list of
# [path in the session, path in the payload]; DEDUPE a path in the payload or None; RETAINED whether a message that the
# broker has kept fires; WHOLE whether the payload is needed beside the field;
# SCHEDULE [cron, at, every, time zone, run once]; SESSION the path in the payload of the id of the session that a run
# goes on with, or None
(
    TRIGGER_ID,
    SOURCE,
    TOPIC,
    FIELD,
    WHERE,
    PERIOD,
    COOLDOWN,
    PROTOCOL,
    MAP,
    DEDUPE,
    RETAINED,
    WHOLE,
    SCHEDULE,
    SESSION,
) = range(14)

# OP, and what ARGS hold
END = 0
PROMPT = 1  # template, schema or None, tokens or 0, nanoseconds or 0, [otherwise] or None, preset or None,
#             tools [index, description, JSON Schema], whether the model goes on after their results
TOOL = 2  # index of the tool, nanoseconds or 0
CONDITION = 3  # condition
ACTUATE = 4  # actuator, template, nanoseconds or None, priority, nanoseconds to confirm it in or None
READ = 5  # sensor
SET = 6  # path, code, path, code, …
PUBLISH = 7  # topic template, value template, must arrive, template of the node that it is for or None
EMIT = 8  # topic template, value template
WAIT = 9  # nanoseconds
LOG = 10  # level, template
CALL = 11  # index of the protocol
FORK = 12  # indices of the protocols
LISTEN = 13  # topic template or None, condition or None, nanoseconds or 0
ACTIONS = [
    "end",
    "prompt",
    "tool_api",
    "condition",
    "actuate",
    "read",
    "set",
    "publish",
    "emit",
    "wait",
    "log",
    "call",
    "parallel",
    "wait",
]

# SOURCE
SENSOR = 0
EVENT = 1
MQTT = 2
EVERY = 3
STARTED = 4
SCHEDULED = 5
INTENT = 6
WEBHOOK = 7
SOURCES = ["sensor", "event", "mqtt", "every", "start", "schedule", "intent", "webhook"]

# the operator of WHERE
COMPARISONS = ["above", "below", "between", "equals", "changes", "rises", "falls", "always"]

# CONCURRENCY
SINGLE = 0
RESTART = 1
QUEUED = 2
PARALLEL = 3
CONCURRENCIES = ["single", "restart", "queued", "parallel"]


class PlanError(ValueError):
    """The bytes are not a plan that this engine runs."""


class Steps:
    """The steps of a protocol, each decoded anew when it is asked for: in a small heap the bytes are a fifth of them.

    Raises:
        CBORError: they are damaged.
    """

    __slots__ = ("_data", "_places")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._places = array("H")
        at = 0
        while at < len(data):
            self._places.append(at)
            _, at = cbor.decode_at(data, at)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, i: int) -> "list[Any]":
        return cbor.decode_at(self._data, self._places[i])[0]  # type: ignore[no-any-return]


def encode(body: "list[Any]") -> bytes:
    """The body's bytes."""
    made = list(body)
    made[PROTOCOLS] = []
    for protocol in body[PROTOCOLS]:
        protocol = list(protocol)
        protocol[STEPS] = b"".join([cbor.encode(step) for step in protocol[STEPS]])
        made[PROTOCOLS].append(protocol)
    return cbor.encode(made)


def pack(body: "list[Any]") -> bytes:
    """The bytes of a plan: the same body gives the same bytes."""
    data = encode(body)
    return cbor.encode([FORMAT, _digest(data), data])


def _digest(data: bytes) -> bytes:
    import hashlib  # OpenSSL's, of 4 MB: who only asks for the constants above does not pay for it

    return hashlib.sha256(data).digest()


def decoded(data: bytes) -> "list[Any]":
    """The steps of a protocol, all of them decoded now."""
    steps = []
    at = 0
    while at < len(data):
        step, at = cbor.decode_at(data, at)
        steps.append(step)
    return steps


def unpack(data: bytes, steps: "Callable[[bytes], Any]" = decoded) -> "list[Any]":
    """The body of a plan.

    Args:
        steps: What holds the steps of a protocol: `decoded`, or `Steps` where the heap is small.

    Raises:
        PlanError: it is damaged, or of another format.
    """
    try:
        plan = cbor.decode(data)
    except ValueError as error:
        raise PlanError("not a plan: {}".format(error)) from None
    if type(plan) is not list or len(plan) != 3 or type(plan[2]) is not bytes:
        raise PlanError("not a plan")
    if plan[0] != FORMAT:
        raise PlanError("a plan of format {}, and this engine runs {}".format(plan[0], FORMAT))
    if _digest(plan[2]) != plan[1]:
        raise PlanError("the plan is damaged: its hash differs")
    try:
        body = cbor.decode(plan[2])
        if type(body) is not list or len(body) != 9:
            raise PlanError("not a plan")
        for protocol in body[PROTOCOLS]:
            protocol[STEPS] = steps(protocol[STEPS])
    except (TypeError, ValueError, LookupError) as error:
        raise PlanError("not a plan: {}".format(error)) from None
    return body
