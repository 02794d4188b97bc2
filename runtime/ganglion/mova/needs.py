# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan asks of where it runs, and what each of that costs in bytes of the plan and of memory."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ganglion.board.words import CAPABILITIES
from ganglion.mova.plan import Plan
from ganglion_micro import cbor
from ganglion_micro import plan as p
from ganglion_micro import template as t

_SOURCES = {
    p.SENSOR: "sense",
    p.MQTT: "mqtt",
    p.SCHEDULED: "schedule",
    p.INTENT: "intent",
    p.WEBHOOK: "webhook",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One capability that a plan uses.

    Attributes:
        capability: A key of `CAPABILITIES`.
        parts: Steps and triggers that use it.
        plan_bytes: What they take in the plan.
        needs: What there must be, in words; empty for nothing but the engine.
    """

    capability: str
    parts: int
    plan_bytes: int
    needs: str


def needs(plan: Plan) -> list[Need]:
    """The capabilities of a plan, by name."""
    counts: dict[str, tuple[int, int, dict[str, None]]] = {}
    for capability, thing, part in _parts(plan.body):
        parts, size, things = counts.get(capability, (0, 0, {}))
        counts[capability] = (parts + 1, size + len(cbor.encode(part)), things | ({thing: None} if thing else {}))
    return [
        Need(
            capability=name,
            parts=parts,
            plan_bytes=size,
            needs=CAPABILITIES[name] + ", ".join(things),
        )
        for name, (parts, size, things) in sorted(counts.items())
    ]


def memory(plan: Plan) -> int:
    """Bytes that a loaded plan takes in this CPython, each object counted once."""
    seen: set[int] = set()
    total = 0
    waiting: list[Any] = [Plan.decode(plan.encode()).body]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        total += sys.getsizeof(value)
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    return total


def _parts(body: list[Any]) -> Iterator[tuple[str, str, Any]]:
    """(capability, the sensor or actuator that it is about or "", the part of the plan)."""
    for trigger in body[p.TRIGGERS]:
        source = trigger[p.SOURCE]
        sensor = trigger[p.TOPIC].removeprefix("sensor/").replace("/", ".") if source == p.SENSOR else ""
        yield _SOURCES.get(source, "logic"), sensor and f"the sensor {sensor}", trigger
    for protocol in body[p.PROTOCOLS]:
        for step in protocol[p.STEPS]:
            yield *_use(step), step
    for tool in body[p.TOOLS]:
        yield "tool_api", "", tool


def _use(step: list[Any]) -> tuple[str, str]:
    args = step[p.ARGS]
    match step[p.OP]:
        case p.PROMPT:
            return "prompt", ""
        case p.TOOL:
            return "tool_api", ""
        case p.ACTUATE:
            return "actuate", f"the actuator {args[0]}"
        case p.READ:
            return "sense", f"the sensor {args[0]}"
        case p.PUBLISH:
            plain = args[0][0] == t.CONST and args[0][1].startswith("mqtt:")
            return ("mqtt" if plain else "publish"), ""
    return "logic", ""
