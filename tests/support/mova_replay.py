# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds recorded results to the engine and writes down every effect. In the dialect of MicroPython: it runs there too.

A recording is `[plan, protocol, event, session, now, results]` and each result `[now, kind, value, branch]`: `ok` and
the result, `failure` and `[reason, message, retry]`, `cancel` and a reason, or `expire`; the branch as in `/1/2`.
"""

from ganglion_micro import cbor
from ganglion_micro.effects import DONE, Failure
from ganglion_micro.engine import Engine
from ganglion_micro.plan import decoded, unpack
from ganglion_micro.secret_text import SecretText

KINDS = [
    "done",
    "forget",
    "publish",
    "emit",
    "log",
    "wait",
    "listen",
    "prompt",
    "call_tool",
    "actuate",
    "read",
]
FIELDS = {
    "forget": [],
    "listen": ["topic", "ns"],
    "publish": ["topic", "value", "must_arrive", "to"],
    "emit": ["topic", "value"],
    "log": ["level", "message"],
    "wait": ["ns"],
    "prompt": ["prompt", "schema", "tokens", "ns", "preset", "tools", "rounds"],
    "call_tool": ["tool", "method", "url", "headers", "parameters", "body", "auth", "ns"],
    "actuate": ["actuator", "value", "ns", "priority", "within"],
    "read": ["sensor"],
    "done": ["episode", "data"],
}


def told(effect):
    """An effect as plain data: its kind first, then its fields by name."""
    kind = KINDS[effect.kind]
    return [kind, {name: plain(getattr(effect, name)) for name in FIELDS[kind]}]


def plain(value):
    """A value with what is sealed as the map `{sealed: parts}`."""
    if isinstance(value, SecretText):
        return {"sealed": value.parts}
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in value}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def replay(recording, steps=decoded):
    """The trace of a recording: each effect as plain data, until the run ends or the results do. Before them stands
    the key of idempotency where the protocol has one. `steps` is what `unpack` takes."""
    plan, protocol, event, session, now, results = cbor.decode(recording)
    engine = Engine(unpack(plan, steps), lambda: 0.5)
    key = engine.key(engine.index(protocol), event)
    effects = engine.start(protocol, event, session, now)
    run = effects[0].run.split("/")[0]
    trace = ([["key", key]] if key else []) + [told(effect) for effect in effects]
    for at, kind, value, branch in results:
        if effects and effects[-1].kind == DONE:
            break
        if kind == "cancel":
            effects = engine.cancel(run, value, at)
        elif kind == "expire":
            effects = engine.expire(run, at)
        else:
            effects = engine.resume(run + branch, Failure(*value) if kind == "failure" else value, at)
        trace.extend([told(effect) for effect in effects])
    return trace
