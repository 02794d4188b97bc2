# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of a plan: what `ganglion.mova.compile` writes and the engine runs.

On the wire and in a file a plan is the CBOR array `[FORMAT, SHA-256 of the body, body]` with the body as a byte string,
so that its hash is taken of the bytes that came. The constants below are places in the arrays of the body.
"""

import hashlib

from ganglion_micro import cbor

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Counts up with each change that an older engine would run wrongly.
FORMAT = 1

# body
NAME, DATA, PROFILE, PROTOCOLS, TOOLS, TRIGGERS = range(6)
# protocol: BUDGET in nanoseconds, 0 for none; KEY a template or None; FALLBACK an index of STEPS or -1
TITLE, STEPS, FALLBACK, RETRIES, BACKOFF, JITTER, BUDGET, MAX_STEPS, KEY, CONCURRENCY, MAX_RUNS = range(11)
# step: NEXT an index; GATE a condition or None; SAVE a path in the session or None
ID, OP, NEXT, GATE, ARGS, SAVE = range(6)
# tool
TOOL_ID, METHOD, URL, HEADERS, PARAMETERS, BODY, MAPPING = range(7)
# trigger: TOPIC of the bus; FIELD of a plain MQTT message or ""; PERIOD of `every` in nanoseconds;
# WHERE is None or [operator, low, high, value, edge, hysteresis, lasting ns, cooldown ns];
# COOLDOWN in nanoseconds is for a trigger without a WHERE, which else has it
TRIGGER_ID, SOURCE, TOPIC, FIELD, WHERE, PERIOD, COOLDOWN, PROTOCOL = range(8)

# OP, and what ARGS hold
END = 0
PROMPT = 1  # template, schema or None, tokens or 0, nanoseconds or 0, [otherwise] or None, preset or None
TOOL = 2  # index of the tool
CONDITION = 3  # condition
ACTUATE = 4  # actuator, template, nanoseconds or None, priority
READ = 5  # sensor
SET = 6  # path, code, path, code, …
PUBLISH = 7  # topic template, value template, must arrive
EMIT = 8  # topic template, value template
WAIT = 9  # nanoseconds
LOG = 10  # level, template
CALL = 11  # index of the protocol
ACTIONS = ["end", "prompt", "tool_api", "condition", "actuate", "read", "set", "publish", "emit", "wait", "log", "call"]

# SOURCE
SENSOR = 0
EVENT = 1
MQTT = 2
EVERY = 3
STARTED = 4
SOURCES = ["sensor", "event", "mqtt", "every", "start"]

# the operator of WHERE
COMPARISONS = ["above", "below", "between", "equals", "changes"]

# CONCURRENCY
SINGLE = 0
RESTART = 1
QUEUED = 2
PARALLEL = 3
CONCURRENCIES = ["single", "restart", "queued", "parallel"]


class PlanError(ValueError):
    """The bytes are not a plan that this engine runs."""


def pack(body: "list[Any]") -> bytes:
    """The bytes of a plan: the same body gives the same bytes."""
    data = cbor.encode(body)
    return cbor.encode([FORMAT, hashlib.sha256(data).digest(), data])


def unpack(data: bytes) -> "list[Any]":
    """The body of a plan.

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
    if hashlib.sha256(plan[2]).digest() != plan[1]:
        raise PlanError("the plan is damaged: its hash differs")
    body = cbor.decode(plan[2])
    if type(body) is not list or len(body) != 6:
        raise PlanError("not a plan")
    return body
