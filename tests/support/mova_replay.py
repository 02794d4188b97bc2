# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds recorded results to the engine and writes down every effect. In the dialect of MicroPython: it runs there too.

A recording is `[plan, protocol, event, session, now, results]` and each result `[now, kind, value]`: `ok` and the
result, `failure` and `[reason, message, retry]`, `cancel` and a reason, or `expire`.
"""

from ganglion_micro import cbor
from ganglion_micro.effects import DONE, Failure
from ganglion_micro.engine import Engine
from ganglion_micro.plan import unpack

KINDS = ["done", "publish", "emit", "log", "wait", "prompt", "call_tool", "actuate", "read"]
FIELDS = {
    "publish": ["topic", "value", "must_arrive"],
    "emit": ["topic", "value"],
    "log": ["level", "message"],
    "wait": ["ns"],
    "prompt": ["prompt", "schema", "tokens", "ns", "preset"],
    "call_tool": ["tool", "method", "url", "headers", "parameters", "body"],
    "actuate": ["actuator", "value", "ns", "priority"],
    "read": ["sensor"],
    "done": ["episode", "data"],
}


def told(effect):
    """An effect as plain data: its kind first, then its fields by name."""
    kind = KINDS[effect.kind]
    return [kind, {name: getattr(effect, name) for name in FIELDS[kind]}]


def replay(recording):
    """The trace of a recording: each effect as plain data, until the run ends or the results do."""
    plan, protocol, event, session, now, results = cbor.decode(recording)
    engine = Engine(unpack(plan), lambda: 0.5)
    effects = engine.start(protocol, event, session, now)
    run = effects[0].run
    trace = [told(effect) for effect in effects]
    for at, kind, value in results:
        if effects and effects[0].kind == DONE:
            break
        if kind == "cancel":
            effects = engine.cancel(run, value, at)
        elif kind == "expire":
            effects = engine.expire(run, at)
        else:
            effects = engine.resume(run, Failure(*value) if kind == "failure" else value, at)
        trace.extend([told(effect) for effect in effects])
    return trace
